"""The rules for chapters. Each takes a `Chapter` and returns its complaints, one string each."""

import json
import re
from collections.abc import Callable

from chapter import FOLDED, TIME, Chapter, first_line, headings, is_folded
from exercise_rules import exercises_are_complete, is_solution, paper_questions_are_complete
from figure_rules import figures_are_described, images
from jupytext.compare import NotebookDifference, compare_notebooks
from markdown_rules import (
    equations_are_numbered,
    length_complaints,
    links_lead_somewhere,
    markdown_is_portable,
)
from measured import tolerance_factor
from prose_numbers import exact_text, number_complaints, output_texts, to_float

# The closing sections and openings that a chapter needs, by its number.
CLOSING = ("What you learned", "What is still missing", "Exercises", "Further reading")
SECTIONS = {
    "00": ("Further reading",),
    "05c": ("What you learned", "Exercises", "Further reading"),
    "07": ("What you learned", "Exercises", "Further reading"),
}
DEEPER = ("Further reading",)
UNTIMED = {"00"}

# 88 characters fit beside both side bars of the built page.
MAX_LINES, MAX_FOLDED_LINES, MAX_WIDTH = 20, 40, 88
MAX_IMAGE, MAX_NOTEBOOK = 250_000, 2_000_000
NBVAL_COMMENT = re.compile(r"^\s*#+\s*(?:NBVAL|PYTEST_VALIDATE)_\w+\s*$", re.MULTILINE)


# ----------------------------------------------------------------------- the pair, and its run


def pair_agrees(chapter: Chapter) -> list[str]:
    try:
        compare_notebooks(chapter.notebook, chapter.source, fmt="md:myst", compare_outputs=False)
    except NotebookDifference as difference:
        what = " ".join(str(difference).split())[:300]
        return [f"the .md and the .ipynb differ; run `make run CH={chapter.number}`: {what}"]
    return []


def executed_in_order(chapter: Chapter) -> list[str]:
    counts = [cell.execution_count for cell in chapter.code_cells]
    if counts != list(range(1, len(counts) + 1)):
        return [f"execution counts are {counts}, not 1 to {len(counts)}: execute it afresh"]
    return []


def outputs_are_clean(chapter: Chapter) -> list[str]:
    complaints = []
    for cell in chapter.code_cells:
        for output in cell.outputs:
            if output.output_type == "error":
                complaints.append(f"{first_line(cell)} raised {output.ename}")
            elif output.get("name") == "stderr":
                complaints.append(f"{first_line(cell)} wrote to stderr: {output.text.strip()}")
            if any("widget" in kind for kind in output.get("data", {})):
                complaints.append(f"{first_line(cell)} shows a widget that needs a live kernel")
        if any(re.search(r"\w*Warning\b:", text) for text in output_texts(cell)):
            complaints.append(f"{first_line(cell)} prints a warning")
    return complaints


def metadata_is_clean(chapter: Chapter) -> list[str]:
    complaints = []
    for cell in chapter.notebook.cells:
        if "execution" in cell.metadata:
            complaints.append(f"{first_line(cell)} has timing metadata: execute without it")
        for tag in set(cell.metadata.get("tags", [])) - FOLDED:
            complaints.append(f"{first_line(cell)} has the tag {tag!r}; use {sorted(FOLDED)}")
        tags = set(cell.metadata.get("tags", []))
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        # The book leaves out what has remove-cell; there it may be folded in JupyterLab or not.
        if hidden != bool(tags & {"hide-cell", "hide-input"}) and "remove-cell" not in tags:
            complaints.append(
                f"{first_line(cell)} must be folded in the book and in JupyterLab alike: the tag "
                "hide-input or hide-cell goes with `jupyter: {source_hidden: true}`"
            )
        if cell.cell_type == "code" and NBVAL_COMMENT.search(cell.source):
            complaints.append(f"{first_line(cell)} has a comment that turns its comparison off")
        try:
            tolerance_factor(cell.metadata)
        except ValueError as error:
            complaints.append(f"{first_line(cell)}: {error}")
    if "widgets" in chapter.notebook.metadata:
        complaints.append("the notebook holds widget state: execute it without widgets")
    kernel = chapter.notebook.metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        complaints.append(f"the kernel is {kernel!r}, not 'python3'")
    return complaints


def compares_a_whole_number(chapter: Chapter) -> list[str]:
    texts = [exact_text(text) for cell in chapter.code_cells for text in output_texts(cell)]
    numbers = re.findall(r"(?<![\w.])\d[\d,]*(?![\w.]*\d)", " ".join(texts))
    if not any(to_float(number) >= 100 for number in numbers):
        return ["no output holds a compared whole number of 100 or more: print an exact figure"]
    return []


def interactive(cell) -> int:
    """The bytes that the cell's interactive figures take in the file, line by line in quotes."""
    texts = [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
    written = (
        json.dumps(t.splitlines(True), ensure_ascii=False, indent=7)
        for t in texts
        if 'class="cnn-widget"' in t
    )
    return sum(len(text.encode()) for text in written)


def sizes_in_budget(chapter: Chapter) -> list[str]:
    complaints = []
    size = chapter.path.with_suffix(".ipynb").stat().st_size
    size -= sum(map(interactive, chapter.code_cells))  # tests/test_widgets.py limits those
    if size > MAX_NOTEBOOK:
        complaints.append(f"the notebook has {size:,} bytes, more than {MAX_NOTEBOOK:,}")
    for cell in chapter.code_cells:
        for image in images(cell):
            if image.size > MAX_IMAGE:
                complaints.append(
                    f"{first_line(cell)} draws {image.size:,} bytes of {image.kind}, more than "
                    f"{MAX_IMAGE:,}: draw less, or a smaller figure"
                )
    return complaints


# ----------------------------------------------------------------------------- text and layout


def opening_and_closing(chapter: Chapter) -> list[str]:
    prose = chapter.prose
    complaints = []
    titles = re.findall(r"^# .+$", prose, re.MULTILINE)
    if len(titles) != 1 or not prose.lstrip().startswith("# "):
        complaints.append(f"it must begin with its only title, “# …”; its titles are {titles}")
    opening = re.split(r"^## ", prose, maxsplit=1, flags=re.MULTILINE)[0]
    promise = re.search(
        r"^\*\*After this chapter you can\*\*\s*\n((?:\s*[-*] .*\n?|  .*\n)*)", opening, re.M
    )
    objectives = re.findall(r"^[-*] ", promise[1], re.MULTILINE) if promise else []
    if not 3 <= len(objectives) <= 5:
        complaints.append(
            "before its first section, “**After this chapter you can**” must be followed by "
            f"3 to 5 bullets; there are {len(objectives)}"
        )
    if chapter.number not in UNTIMED and not re.search(TIME, opening):
        complaints.append(
            "the opening lacks its time: “*About 60 minutes to read, 40 for the exercises.*”"
        )
    sections = [text for level, text in headings(chapter.markdown_cells) if level == 2]
    needed = SECTIONS.get(chapter.number, DEEPER if chapter.goes_deeper else CLOSING)
    closing = [section for section in sections if section in needed]
    if closing != list(needed) or tuple(sections[-len(needed) :]) != needed:
        complaints.append(f"it must close with the sections {needed}; its sections are {sections}")
    return complaints


def cells_are_short(chapter: Chapter) -> list[str]:
    complaints = []
    for cell in chapter.code_cells:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        most = MAX_FOLDED_LINES if is_folded(cell) else MAX_LINES
        if len(lines) > most and not is_solution(cell):
            complaints.append(f"{first_line(cell)} has {len(lines)} lines, more than {most}")
        for line in lines:
            if len(line) > MAX_WIDTH:
                complaints.append(f"a line has {len(line)} characters: {line.strip()[:60]}…")
    return complaints


RULES: list[Callable[[Chapter], list[str]]] = [
    pair_agrees,
    executed_in_order,
    outputs_are_clean,
    metadata_is_clean,
    compares_a_whole_number,
    sizes_in_budget,
    opening_and_closing,
    markdown_is_portable,
    links_lead_somewhere,
    equations_are_numbered,
    cells_are_short,
    figures_are_described,
    exercises_are_complete,
    length_complaints,
    paper_questions_are_complete,
    number_complaints,
]
