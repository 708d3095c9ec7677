"""The rules for chapters. Each takes a `Chapter` and returns its complaints, one string each."""

import base64
import re
from collections.abc import Callable

from chapter import Chapter, first_line, without_code
from exercise_rules import exercises_are_complete, is_solution
from jupytext.compare import NotebookDifference, compare_notebooks
from measured import tolerance_factor
from prose_blocks import link_targets
from prose_numbers import exact_text, number_complaints, output_texts, to_float

# The closing sections and openings that a chapter needs, by its number.
CLOSING = ("What you learned", "What is still missing", "Exercises", "Further reading")
SECTIONS = {"00": ("Further reading",), "07": ("What you learned", "Further reading")}
UNTIMED = {"00"}

TAGS = {"hide-cell", "hide-input", "remove-cell"}
DIRECTIVES = {"exercise", "note", "tip", "warning", "important", "admonition", "figure"}
DIRECTIVES |= {"list-table", "dropdown", "seealso"}
# Addresses outside references.bib: the tools that a reader installs or opens.
ALLOWED_LINKS = ("https://pytorch.org/", "https://docs.pytorch.org/", "https://jupyter.org/")
ALLOWED_LINKS += ("https://www.python.org/", "https://colab.research.google.com/")

# 88 characters fit beside both side bars of the built page.
MAX_LINES, MAX_WIDTH = 20, 88
MAX_PNG, MAX_NOTEBOOK = 150_000, 1_500_000
ALT_WORDS = 8
FIGURE_NUMBER = re.compile(r"^\W*Figure (\d+\.\d+) · \S", re.MULTILINE)
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
        for tag in set(cell.metadata.get("tags", [])) - TAGS:
            complaints.append(f"{first_line(cell)} has the tag {tag!r}; use {sorted(TAGS)}")
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


def sizes_in_budget(chapter: Chapter) -> list[str]:
    complaints = []
    size = chapter.path.with_suffix(".ipynb").stat().st_size
    if size > MAX_NOTEBOOK:
        complaints.append(f"the notebook has {size:,} bytes, more than {MAX_NOTEBOOK:,}")
    for cell in chapter.code_cells:
        for image in images(cell):
            size = len(base64.b64decode(image)) if isinstance(image, str) else 0
            if size > MAX_PNG:
                complaints.append(
                    f"{first_line(cell)} draws {size:,} bytes, more than {MAX_PNG:,}: "
                    "lower its dpi or draw less"
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
    if chapter.number not in UNTIMED and not re.search(
        r"\*About \d+(?:\.\d+)? (?:minutes|hours?)\.\*", opening
    ):
        complaints.append("the opening lacks its time: “*About 45 minutes.*”")
    headings = re.findall(r"^## +(.+?)\s*$", prose, re.MULTILINE)
    needed = SECTIONS.get(chapter.number, CLOSING)
    closing = [heading for heading in headings if heading in needed]
    if closing != list(needed) or tuple(headings[-len(needed) :]) != needed:
        complaints.append(f"it must close with the sections {needed}; its sections are {headings}")
    return complaints


def markdown_is_portable(chapter: Chapter) -> list[str]:
    """What Colab shows as raw text is left out, and every address leads to a cited work."""
    complaints = []
    for cell in chapter.markdown_cells:
        for name in re.findall(r"^ *`{3,}\{([\w-]+)\}", cell.source, re.MULTILINE):
            complaints.append(f"the directive {name} is fenced by ```; use :::")
        for name in re.findall(r"^ *:{3,}\{([\w:-]+)\}", cell.source, re.MULTILINE):
            if name not in DIRECTIVES:
                complaints.append(f"the directive {name} is none of {sorted(DIRECTIVES)}")
    if re.search(r"<img\b", chapter.prose):
        complaints.append("an image stands there as HTML; write ![alt text](file)")
    captions = [figure_texts(cell)[1] for cell in chapter.code_cells]
    for text in [chapter.prose, *captions]:
        for role in re.findall(r"\{[\w:-]+\}`[^`]*`", without_directives(text)):
            complaints.append(f"Colab shows the role {role} as raw text: write plain Markdown")
        for link in link_targets(text):
            if not chapter.course.cites(link) and not link.startswith(ALLOWED_LINKS):
                complaints.append(f"{link} is not in references.bib: add the work there")
    return complaints


def without_directives(prose: str) -> str:
    return re.sub(r"^ *(:{3,})\{.*?^ *\1 *$", "", prose, flags=re.S | re.M)


def cells_are_short(chapter: Chapter) -> list[str]:
    complaints = []
    for cell in chapter.code_cells:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        if len(lines) > MAX_LINES and not is_solution(cell):
            complaints.append(f"{first_line(cell)} has {len(lines)} lines, more than {MAX_LINES}")
        for line in lines:
            if len(line) > MAX_WIDTH:
                complaints.append(f"a line has {len(line)} characters: {line.strip()[:60]}…")
    return complaints


# -------------------------------------------------------------------------------------- figures


def images(cell) -> list:
    data = [output.get("data", {}) for output in cell.outputs]
    return [d[kind] for d in data for kind in d if kind.startswith("image/")]


def figure_texts(cell) -> tuple[str, str, str]:
    """Name, caption and alt text in a code cell's metadata, empty where they are missing."""
    metadata = cell.metadata.get("mystnb", {})
    figure = metadata.get("figure", {})
    alt = metadata.get("image", {}).get("alt", "")
    return str(figure.get("name", "")), str(figure.get("caption", "")), str(alt)


def figures_are_described(chapter: Chapter) -> list[str]:
    complaints, names, numbers = [], [], []
    for cell in chapter.notebook.cells:
        if cell.cell_type == "markdown":
            figures = markdown_figures(cell.source)
            where = "a Markdown image"
        else:
            where = first_line(cell) if cell.source.strip() else "an empty cell"
            drawn = images(cell)
            name, caption, alt = figure_texts(cell)
            figures = [(caption, alt)] if drawn or name or caption or alt else []
            if figures:
                names.append(name)
                if not re.fullmatch(r"fig-[a-z0-9-]+", name):
                    complaints.append(f"{where}: the figure's name is {name!r}, not fig-…")
                if len(drawn) != 1:
                    complaints.append(f"{where}: a figure cell draws 1 image, not {len(drawn)}")
        for caption, alt in figures:
            number = FIGURE_NUMBER.match(caption)
            numbers.append(number[1] if number else caption[:20])
            complaints += [f"{where}: {problem}" for problem in alt_problems(caption, alt)]
    expected = [f"{int(chapter.number)}.{i + 1}" for i in range(len(numbers))]
    if numbers != expected:
        complaints.append(
            f"captions must begin “Figure {int(chapter.number)}.1 · …” and count on; "
            f"theirs begin {numbers}"
        )
    if len(set(names)) != len(names):
        complaints.append(f"two figures have one name: {names}")
    return complaints


def markdown_figures(source: str) -> list[tuple[str, str]]:
    """Caption and alt text of each image; the caption is the numbered text that follows it."""
    source = without_code(source)
    figures = []
    for image in re.finditer(r"!\[([^\]]*)\]\(|^:{3,}\{figure\}", source, re.MULTILINE):
        rest = source[image.end() :]
        alt = image[1]
        if alt is None:
            option = re.search(r"^:alt:\s*(.*)$", rest.split("\n:::")[0], re.MULTILINE)
            alt = option[1] if option else ""
        caption = FIGURE_NUMBER.search(rest)
        figures.append((rest[caption.start() :].strip("*_\n ") if caption else "", alt))
    return figures


def alt_problems(caption: str, alt: str) -> list[str]:
    words = re.findall(r"[^\W\d_]{2,}", alt)
    spoken = sum(character.isalpha() or character.isspace() for character in alt)
    if len(words) < ALT_WORDS or len({word.lower() for word in words}) <= ALT_WORDS // 2:
        return [f"the alt text must say what one sees in {ALT_WORDS} words or more: {alt!r}"]
    if spoken < 0.75 * len(alt):
        return [f"the alt text is not of words: {alt!r}"]
    if alt.strip() in caption:
        return ["the alt text repeats the caption: say what one sees"]
    return []


RULES: list[Callable[[Chapter], list[str]]] = [
    pair_agrees,
    executed_in_order,
    outputs_are_clean,
    metadata_is_clean,
    compares_a_whole_number,
    sizes_in_budget,
    opening_and_closing,
    markdown_is_portable,
    cells_are_short,
    figures_are_described,
    exercises_are_complete,
    number_complaints,
]
