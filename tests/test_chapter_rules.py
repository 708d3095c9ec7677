"""The rules fire: a good small chapter passes, and with one thing changed it does not."""

import copy
import json
import re
import shutil
from pathlib import Path

import jupytext
import pytest
from chapter import Chapter, Course
from chapter_rules import (
    RULES,
    cells_are_short,
    compares_a_whole_number,
    equations_are_numbered,
    executed_in_order,
    exercises_are_complete,
    figures_are_described,
    length_complaints,
    links_lead_somewhere,
    markdown_is_portable,
    metadata_is_clean,
    number_complaints,
    opening_and_closing,
    outputs_are_clean,
    pair_agrees,
    paper_questions_are_complete,
    sizes_in_budget,
)
from course_rules import contents_agree, imports_are_declared
from markdown_rules import count_words
from nbconvert.preprocessors import ExecutePreprocessor
from nbval_runs import nbval

ROOT = Path(__file__).parents[1]
GOOD = Path(__file__).parent / "data" / "01_good.md"
NAME = "01_good"


@pytest.fixture(scope="session")
def good_project(tmp_path_factory):
    """A project with one executed chapter and the settings of the real one."""
    root = tmp_path_factory.mktemp("project")
    for folder in ("chapters", "tests", "cnn_course/results", "benchmarks", "appendix"):
        (root / folder).mkdir(parents=True)
    for name in ("conftest.py", "pyproject.toml", "requirements.txt", "tests/measured.py"):
        shutil.copy(ROOT / name, root / name)
    shutil.copy(GOOD, root / "chapters")
    shutil.copy(GOOD, root / "chapters" / "00_start.md")
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/00_start\nchapters:\n- file: chapters/01_good\n"
    )
    (root / "references.bib").write_text(
        "@article{LeCun1998,\n  title = {Gradient-based learning},\n"
        "  doi = {10.1109/5.726791},\n}\n"
    )
    results = {"runs": [{"accuracy": 0.87251}, {"accuracy": [0.8734, 0.6], "seconds": 213.7}]}
    (root / "cnn_course" / "results" / "small_run.json").write_text(json.dumps(results))
    notebook = jupytext.read(GOOD)
    place = {"metadata": {"path": str(root / "chapters")}}
    # A busy machine may send a line in two pieces; stored apart, no test would find its words.
    options = {"record_timing": False, "kernel_name": "python3", "coalesce_streams": True}
    ExecutePreprocessor(**options).preprocess(notebook, place)
    jupytext.write(notebook, root / "chapters" / f"{NAME}.ipynb")
    shutil.copy(root / "chapters" / f"{NAME}.ipynb", root / "chapters" / "00_start.ipynb")
    return root


@pytest.fixture
def project(good_project, tmp_path):
    """A copy to break."""
    return shutil.copytree(good_project, tmp_path / "project")


@pytest.fixture(scope="session")
def good_chapter(good_project):
    checks = frozenset({"1.1", "1.2", "1.3", "1.4", "2.1"})
    return Chapter.read(good_project / "chapters" / f"{NAME}.md", Course(good_project, checks))


@pytest.fixture
def chapter(good_chapter):
    """A copy to break."""
    return copy.deepcopy(good_chapter)


def cell_with(chapter, text):
    """The only cell whose source contains `text`."""
    (cell,) = [cell for cell in chapter.notebook.cells if text in cell.source]
    return cell


def change(chapter, old, new):
    cell = cell_with(chapter, old)
    cell.source = cell.source.replace(old, new)
    return cell


def complaint(complaints):
    """The one complaint."""
    (only,) = complaints
    return only


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_chapter_passes(chapter, rule):
    assert rule(chapter) == []


def test_a_chapter_without_a_notebook_says_how_to_get_one(project):
    (project / "chapters" / f"{NAME}.ipynb").unlink()
    with pytest.raises(FileNotFoundError, match="make run CH=01"):
        Chapter.read(project / "chapters" / f"{NAME}.md", Course(project, frozenset()))


# ----------------------------------------------------------------------- the pair, and its run


@pytest.mark.parametrize("text", ["Counting.", "accuracy = 0.9312"])
def test_one_changed_word_parts_the_pair(chapter, text):
    change(chapter, text, text + "0")
    assert "make run CH=01" in complaint(pair_agrees(chapter))


def test_changed_metadata_parts_the_pair(chapter):
    cell_with(chapter, "axes.plot").metadata["tags"] = ["hide-input"]
    assert pair_agrees(chapter)


@pytest.mark.parametrize("count", [None, 7])
def test_execution_counts(chapter, count):
    cell_with(chapter, "accuracy = ").execution_count = count
    assert "not 1 to 11" in complaint(executed_in_order(chapter))


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ({"output_type": "stream", "name": "stderr", "text": "hm\n"}, "stderr: hm"),
        ({"output_type": "stream", "name": "stdout", "text": "UserWarning: old\n"}, "warning"),
        ({"output_type": "error", "ename": "KeyError", "evalue": "", "traceback": []}, "KeyError"),
        (
            {
                "output_type": "display_data",
                "data": {"application/vnd.jupyter.widget-view+json": {}},
                "metadata": {},
            },
            "widget",
        ),
    ],
    ids=["stderr", "warning", "error", "widget"],
)
def test_unclean_outputs(chapter, output, problem):
    outputs = cell_with(chapter, "accuracy = ").outputs
    outputs.append(type(chapter.notebook)(output))
    assert problem in complaint(outputs_are_clean(chapter))


def test_timing_metadata(chapter):
    cell_with(chapter, "accuracy = ").metadata["execution"] = {"iopub.status.busy": "now"}
    assert "timing" in complaint(metadata_is_clean(chapter))


@pytest.mark.parametrize("tag", ["nbval-skip", "nbval-ignore-output", "raises-exception"])
def test_unknown_tag(chapter, tag):
    cell_with(chapter, "accuracy = ").metadata["tags"] = [tag]
    assert tag in complaint(metadata_is_clean(chapter))


@pytest.mark.parametrize("comment", ["# NBVAL_IGNORE_OUTPUT", "# PYTEST_VALIDATE_IGNORE_OUTPUT"])
def test_comment_that_turns_the_comparison_off(chapter, comment):
    change(chapter, "accuracy = ", f"{comment}\naccuracy = ")
    assert "comparison off" in complaint(metadata_is_clean(chapter))


@pytest.mark.parametrize("factor", [0, 3.5, "wide"])
def test_tolerance_that_is_out_of_bounds(chapter, factor):
    cell_with(chapter, "accuracy = ").metadata["tolerance"] = factor
    assert f"`tolerance: {factor}`" in complaint(metadata_is_clean(chapter))


@pytest.mark.parametrize(
    ("tags", "hidden"), [(["hide-cell"], False), (["hide-input"], False), ([], True)]
)
def test_a_cell_that_is_folded_in_one_place_only(chapter, tags, hidden):
    metadata = cell_with(chapter, "accuracy = ").metadata
    metadata["tags"], metadata["jupyter"] = tags, {"source_hidden": hidden}
    assert "in JupyterLab alike" in complaint(metadata_is_clean(chapter))


@pytest.mark.parametrize("hidden", [False, True])
def test_a_cell_that_the_book_leaves_out_may_be_folded_or_not(chapter, hidden):
    metadata = cell_with(chapter, "accuracy = ").metadata
    metadata["tags"], metadata["jupyter"] = ["remove-cell"], {"source_hidden": hidden}
    assert metadata_is_clean(chapter) == []


def test_widget_state(chapter):
    chapter.notebook.metadata["widgets"] = {}
    assert "widget state" in complaint(metadata_is_clean(chapter))


def test_another_kernel(chapter):
    chapter.notebook.metadata.kernelspec.name = "my-env"
    assert "my-env" in complaint(metadata_is_clean(chapter))


def test_no_compared_whole_number(chapter):
    for cell in chapter.code_cells:
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = "≈ 1,024 images, ~ 250 s, 99 of 0.123\n"
    assert "whole number" in complaint(compares_a_whole_number(chapter))


@pytest.mark.parametrize(
    ("kind", "data", "problem"),
    [
        ("image/png", "A" * 400_004, "300,003 bytes of PNG"),
        ("image/svg+xml", "<svg>" + "é" * 200_000, "400,005 bytes of SVG"),
    ],
)
def test_large_image(chapter, kind, data, problem):
    (output,) = cell_with(chapter, "axes.plot").outputs
    output.data[kind] = data
    assert problem in complaint(sizes_in_budget(chapter))


def test_large_notebook(chapter, project):
    chapter.path = project / "chapters" / f"{NAME}.md"
    with chapter.path.with_suffix(".ipynb").open("a") as file:
        file.write(" " * 2_000_000)
    assert "2,000,000" in complaint(sizes_in_budget(chapter))


# ----------------------------------------------------------------------------- text and layout


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# A small good chapter", "A small good chapter", "title"),
        ("## What you learned", "# What you learned", "title"),
        ("- count them for a photograph;\n", "", "there are 2"),
        ("**After this chapter you can**", "You will learn to", "there are 0"),
        ("*About 45 minutes to read, 30 for the exercises.*", "Soon done.", "time"),
        ("## What you learned", "## Summary", "close with"),
        ("## What is still missing", "## Missing", "close with"),
        ("## Exercises", "## Tasks", "close with"),
        ("## Further reading", "## More\n\nEnd.", "close with"),
        ("how it began.", "how it began.\n\n## And more", "close with"),
    ],
)
def test_opening_and_closing(chapter, old, new, problem):
    change(chapter, old, new)
    assert any(problem in found for found in opening_and_closing(chapter))


@pytest.mark.parametrize(
    ("time", "good"),
    [
        ("*About 2 hours.*", True),
        ("*About 1.5 hours to read, 40 for the exercises.*", True),
        ("*About 40 minutes to read.*", False),
        ("About 2 hours.", False),
    ],
)
def test_the_forms_of_the_time(chapter, time, good):
    change(chapter, "*About 45 minutes to read, 30 for the exercises.*", time)
    assert (opening_and_closing(chapter) == []) == good


def test_a_chapter_that_goes_deeper_has_no_exercises_and_closes_with_further_reading(chapter):
    chapter.path = chapter.path.with_name("02b_deeper.md")
    assert (chapter.number, chapter.label) == ("02b", "2b")
    for cell in chapter.markdown_cells:
        cell.source = cell.source.replace("Figure 1.1**", "Figure 2b.1**")
        cell.source = cell.source.replace("(1.1)", "(2b.1)").replace("tag{1.1}", "tag{2b.1}")
    first = chapter.notebook.cells.index(cell_with(chapter, "## Exercises"))
    closing = cell_with(chapter, "## Exercises")
    closing.source = closing.source.split("## What")[0] + "## Further reading\n\nEnd."
    del chapter.notebook.cells[first + 1 :]
    rules = [opening_and_closing, figures_are_described, equations_are_numbered,
             exercises_are_complete, paper_questions_are_complete, number_complaints]  # fmt: skip
    assert [found for rule in rules for found in rule(chapter)] == []
    change(chapter, "## Further reading", "## The end")
    assert "close with" in complaint(opening_and_closing(chapter))


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ("{cite}`LeCun1998`", "role"),
        ("```{note}\nOf note.\n```", "directive"),
        ("~~~{note}\nOf note.\n~~~", "directive"),
        (":::{glue} x", "directive"),
        (":::", "directive"),
        ("(here)=\n", "label"),
        ("$$\nx\n$$ (eq-x)", "tag"),
        ("% unseen", "comment"),
        ("so[^1]", "footnote"),
        ('<img src="a.png" alt="words">', "<img> is HTML"),
        ('<a id="here"></a>', "<a> is HTML"),
        ("<div>\nwords\n</div>", "<div> is HTML"),
        ("<details><summary>Fold</summary>\n*no empty line*\n</details>", "folded"),
        ("<details><summary>Fold</summary>\n\nno end", "folded"),
        ("<details><summary>F</summary>\n\n### A heading\n\n</details>", "a heading is folded"),
        ("[a blog](https://example.org/blog)", "https://example.org/blog"),
        ("https://doi.org/10.1000/1", "references.bib"),
    ],
)
def test_markdown_that_is_not_portable(chapter, new, problem):
    change(chapter, "Counting.", new)
    assert any(problem in found for found in markdown_is_portable(chapter))


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ("[see](#No-such-heading)", "leads to no heading"),
        ("[see](#one-image,-one-neuron)", "leads to no heading"),
        ("[see](00_start.ipynb#Nowhere)", "leads to no heading"),
        ("[see](07_none.ipynb)", "leads to no file"),
        ("[see](00_start.md)", "to the notebook"),
        ("![see](missing.png)", "leads to no file"),
        ("### One image, one neuron", "two headings"),
    ],
)
def test_a_link_that_leads_nowhere(chapter, new, problem):
    change(chapter, "Counting.", new)
    assert problem in complaint(links_lead_somewhere(chapter))


def test_links_that_lead_somewhere(chapter):
    heading = "### `F.conv2d` (and *more*)"
    change(chapter, "Counting.", f"{heading}\n\n[a](#F.conv2d-(and-more)), [b](00_start.ipynb)")
    assert links_lead_somewhere(chapter) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (r"\tag{1.1}", r"\tag{1.2}", "count on"),
        (r"\tag{1.1}", r"\tag{2.1}", "count on"),
        (r"\tag{1.1}", r"\\ x \tag{1.1}", "two lines"),
        (r"\tag{1.1}", "", "no equation (1.1)"),
        ("Counting.", "By equations (1.1) and (1.2).", "no equation (1.2)"),
        ("Counting.", r"Inside $x \tag{1.2}$.", "outside"),
    ],
)
def test_equations_that_are_not_numbered(chapter, old, new, problem):
    chapter.path = chapter.path.parent / "nowhere" / chapter.path.name  # no other chapters
    change(chapter, old, new)
    assert any(problem in found for found in equations_are_numbered(chapter))


def test_equations_of_another_chapter_and_of_several_rows(chapter, project):
    chapter.path = project / "chapters" / f"{NAME}.md"
    matrix = r"$$\begin{pmatrix} 1 \\ 2 \end{pmatrix} \tag{1.2}$$"
    change(chapter, "Counting.", f"Equations (1.1) to (1.2), and equation (0.7).\n\n{matrix}")
    assert "no equation (0.7)" in complaint(equations_are_numbered(chapter))
    other = project / "chapters" / "00_start.md"
    other.write_text(other.read_text().replace("tag{1.1}", "tag{0.7}"))
    assert equations_are_numbered(chapter) == []


@pytest.mark.parametrize(
    ("new", "problem"),
    [("x = 1\n" * 20, "more than 20"), (f"x = '{'a' * 100}'\n", "characters")],
)
def test_long_cells(chapter, new, problem):
    change(chapter, "recorded = ", f"{new}recorded = ")
    assert problem in complaint(cells_are_short(chapter))


def test_a_folded_cell_may_be_longer(chapter):
    cell_with(chapter, "recorded = ").metadata["tags"] = ["hide-input"]
    change(chapter, "recorded = ", "x = 1\n" * 30 + "recorded = ")
    assert cells_are_short(chapter) == []
    change(chapter, "recorded = ", "x = 1\n" * 10 + "recorded = ")
    assert "more than 40" in complaint(cells_are_short(chapter))


def test_a_core_that_is_too_long(chapter):
    change(chapter, "Counting.", "word " * 3_300 + "\n\n$$\na b c\n$$\n")
    change(chapter, "recorded = ", "x = 1\n" * 250 + "recorded = ")
    words, lines = length_complaints(chapter)
    assert re.match(r"its core has 3,4\d\d words, more than 3,300", words)
    assert re.match(r"its core shows 25\d lines of code, more than 250", lines)


def test_a_formula_in_a_line_is_a_word_and_a_displayed_one_is_none():
    assert count_words("One **bold** word – $a + b$ [and a link](to_a_page.ipynb#One-two).") == 7
    assert count_words("It is\n\n$$\na + b \\tag{1.1}\n$$\n\n<!-- not this --> so.") == 3


def test_exercises_and_folded_cells_are_not_of_the_core(chapter):
    change(chapter, "Which number comes after 2?", "word " * 4_000)
    change(chapter, "try:", "x = 1\n" * 300 + "try:")
    change(chapter, '...\n\ncheck("1.1"', "...\n" + "x = 1\n" * 300 + 'check("1.1"')
    assert length_complaints(chapter) == []


def test_a_solution_may_be_long(chapter):
    change(chapter, "answer = 3", "answer = 3\n" * 30)
    assert cells_are_short(chapter) == []


# -------------------------------------------------------------------------------------- figures


CAPTION = "**Figure 1.1** · Weights against the side, 1024 at most."
SEEN = "A straight line climbs from the lower left to the upper right corner."


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        ("Weights against the side.", "must begin “**Figure 1.1** · ”"),
        ("Figure 1.1 · Weights.", "must begin “**Figure 1.1** · ”"),
        ("See it.\n\n**Figure 1.1** · Weights.", "must begin “**Figure 1.1** · ”"),
        ("**Figure 1.2** · Weights.", "count on"),
        ("**Figure 2.1** · Weights.", "count on from 1.1"),
        (f"{CAPTION}\n\n{CAPTION}", "no figure of its own"),
        (f"{CAPTION}\n\n**Figure 1.2** · Of nothing.", "no figure of its own"),
        (f"**Figure 1.1** · {SEEN}", "repeats"),
    ],
)
def test_badly_captioned_figure(chapter, caption, problem):
    change(chapter, CAPTION, caption)
    assert any(problem in found for found in figures_are_described(chapter))


@pytest.mark.parametrize(
    ("alt", "problem"),
    [
        ("", "8 words"),
        ("A straight line.", "8 words"),
        ("aa aa aa aa aa aa aa aa aa", "8 words"),
        ("A line at 100.0 200.0 300.0 400.0 of the two to be or", "not of words"),
    ],
)
def test_badly_described_figure(chapter, alt, problem):
    cell_with(chapter, "axes.plot").metadata["mystnb"]["image"]["alt"] = alt
    assert problem in complaint(figures_are_described(chapter))


def test_figure_without_metadata(chapter):
    del cell_with(chapter, "axes.plot").metadata["mystnb"]
    assert "8 words" in complaint(figures_are_described(chapter))


def test_figure_whose_caption_is_in_the_metadata(chapter):
    cell_with(chapter, "axes.plot").metadata["mystnb"]["figure"] = {"caption": "Figure 1.1 · It."}
    assert "only the book would show" in complaint(figures_are_described(chapter))


def test_two_figures_in_a_cell_and_two_formats_of_one(chapter):
    outputs = cell_with(chapter, "axes.plot").outputs
    outputs[0].data["image/svg+xml"] = "<svg/>"
    assert figures_are_described(chapter) == []
    outputs.append(outputs[0])
    assert "not 2" in complaint(figures_are_described(chapter))


def test_figure_at_the_end_of_a_chapter(chapter):
    chapter.notebook.cells.append(copy.deepcopy(cell_with(chapter, "axes.plot")))
    assert "must begin “**Figure 1.2** · ”" in complaint(figures_are_described(chapter))


ALT = "A kernel of three by three squares lies on a grid."


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (f"![{ALT}](a.png)\n\n**Figure 1.2** · A kernel.", None),
        ("![A kernel](a.png)\n\n**Figure 1.2** · A kernel.", "8 words"),
        (f"![{ALT}](a.png)\n\nA kernel.", "must begin"),
        (f"![{ALT}](a.png)\n\n**Figure 1.3** · A kernel.", "count on"),
    ],
)
def test_markdown_image(chapter, image, problem):
    change(chapter, "Counting.", image)
    complaints = figures_are_described(chapter)
    assert any(problem in found for found in complaints) if problem else complaints == []


# ------------------------------------------------------------------------------------ exercises


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Exercise 1.2 · Count again", "Exercise 1.5 · Count again", "numbers"),
        ("Exercise 1.2 · Count again", "Exercise 1.2", "begins"),
        ("### Exercise 1.2 ·", "#### Exercise 1.2 ·", "begins"),
        ("### Exercise 1.4 · Count out", "Count out", "at least 4"),
        ("## Exercises", "## Tasks", "outside the section"),
        ('answer = ...\n\ncheck("1.2", answer)', 'answer = 0\n\ncheck("1.2", answer)', "no blank"),
        ('answer = ...\n\ncheck("1.2", answer)', "answer = ...", "must end with"),
        ('answer = ...\n\ncheck("1.2"', 'answer = ...\n\ncheck("1.3"', "must end with"),
        ('assert check("1.2", answer)', 'check("1.2", answer)', "assert check"),
        ('assert check("1.2", answer)', 'assert check("1.3", answer)', "assert check"),
    ],
)
def test_incomplete_exercise(chapter, old, new, problem):
    change(chapter, old, new)
    assert any(problem in found for found in exercises_are_complete(chapter))


def test_blank_that_passes(chapter):
    cell = cell_with(chapter, '...\n\ncheck("1.1"')
    cell.outputs[0].text = "Exercise 1.1: right.\n"
    assert "on the blank" in complaint(exercises_are_complete(chapter))


def test_blank_without_a_reason(chapter):
    cell_with(chapter, '...\n\ncheck("1.1"').outputs = []
    assert "on the blank" in complaint(exercises_are_complete(chapter))


def test_blank_that_shows_its_verdict_too(chapter):
    cell = cell_with(chapter, '...\n\ncheck("1.1"')
    result = copy.deepcopy(cell.outputs[0])
    result.output_type = "execute_result"
    cell.outputs.append(result)
    assert "nothing below" in complaint(exercises_are_complete(chapter))


def test_hidden_blank(chapter):
    cell_with(chapter, '...\n\ncheck("1.1"').metadata["tags"] = ["hide-cell"]
    assert "must not be hidden" in complaint(exercises_are_complete(chapter))


def test_open_solution(chapter):
    del cell_with(chapter, 'assert check("1.1"').metadata["tags"]
    assert "hide-cell" in complaint(exercises_are_complete(chapter))


def test_solution_with_another_number_on_its_button(chapter):
    metadata = cell_with(chapter, 'assert check("1.1"').metadata["mystnb"]
    metadata["code_prompt_show"] = "Show the solution of exercise 1.2"
    assert "must name exercise 1.1" in complaint(exercises_are_complete(chapter))


def test_solution_that_was_not_run(chapter):
    cell_with(chapter, 'assert check("1.1"').outputs = []
    assert "no stored output" in complaint(exercises_are_complete(chapter))


def test_exercise_without_its_cells(chapter):
    cells = chapter.notebook.cells
    cells.remove(cell_with(chapter, '...\n\ncheck("1.4"'))
    cells.remove(cell_with(chapter, 'assert check("1.4"'))
    found = exercises_are_complete(chapter)
    assert any("the blank must follow" in problem for problem in found)
    assert any("the solution must follow" in problem for problem in found)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("### On paper · Two layers", "### Two layers", "1 questions"),
        ("Worked solution", "Answer", "no <details>"),
    ],
)
def test_incomplete_questions_on_paper(chapter, old, new, problem):
    cell = cell_with(chapter, "### On paper · Two layers")
    cell.source = cell.source.replace(old, new, 1)
    assert problem in complaint(paper_questions_are_complete(chapter))


def test_an_exercise_behind_the_questions_on_paper(chapter):
    change(chapter, "## Further reading", "### Exercise 1.5 · Late\n\n## Further reading")
    assert "come last" in complaint(paper_questions_are_complete(chapter))


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ({"1.1", "1.2", "1.3"}, "no check has the number 1.4"),
        ({"1.1", "1.2", "1.3", "1.4", "1.5"}, "no exercise has the number 1.5"),
    ],
)
def test_exercises_and_checks_differ(chapter, checks, problem):
    chapter.course.checks = frozenset(checks)
    assert problem in complaint(exercises_are_complete(chapter))


# -------------------------------------------------------------------------------------- numbers

SOURCELESS = [
    "There are 21.",
    "It has 61,706 weights.",
    "A grid of 27×27.",
    "Shift by −23 pixels.",
    "About 3.1 of them.",
    "It costs 0.5 of it.",
    "It costs .5 of it.",
    "Scored 93.1 %.",  # measured, but in another section
    "Scored 93 %.",
    "Scored 93.1 at its best.",
    "Scored 91 %.",
    "All 92 of them and 93 more.",
    "The recorded run has 88.3 %.",
    "A run took 214 seconds.",
    "It has 3 billion weights.",
    "Over 4 billion weights.",
    "Less than 3 billion weights.",
    "More than 3.2 million inputs.",
    "About 3.14 million inputs.",
    "The `kernel_size` is 25.",
    "$W = 25\\,s$",
    "$x^{25}$",
    "| 1 | 25 |\n| --- | --- |\n| 2 | 3 |",
    "It was so in 2012.",
    "Since 2012.\n\nSee [LeCun et al. 1998](https://doi.org/10.1109/5.726791).",
    "- In 2012.\n- By [LeCun et al. 1998](https://doi.org/10.1109/5.726791).",
    "In 2012, says [someone](https://pytorch.org/).",
    "### The 25 layers",
    "![A grid of 25 squares](a.png)",
    "> **Note.** There are 25.",
    "<details><summary>Why</summary>\n\nThere are 25.\n\n</details>",
    "By equation 25.",
    "Figure 1.2, 25 weights.",
    "Pairs (3,25).",
    "Version 2.15.0.",
    "Size 200 by 150.",  # of the figure, in the text that stands in for it
    "Each of 1,0245.",
]


@pytest.mark.parametrize("text", SOURCELESS)
def test_number_without_a_source(chapter, text):
    change(chapter, "Counting.", text)
    complaints = number_complaints(chapter)
    assert complaints
    assert all("has no source" in found for found in complaints)


SOURCED = [
    "There are 19, −6, 5 % and 3×3.",
    "With 3,145,728 or 3145728 or `3_145_728` inputs.",
    "Above 0.92, or 92 %, or 92 per cent.",
    "Over seeds 93.14, and 0.37.",  # printed as a recorded mean and its deviation
    "The recorded run has 87.3 %, 87.34 %, 0.87 or 0.873.",
    "It took about 214 seconds, or 213.7.",
    "Over 3 billion, about 3.1 billion, almost 3.15 billion, 3,145.728 million.",
    "About 3.1 GB, nearly 3,150 MB and some 3,100,000 inputs.",
    "It was so in 2012 ([LeCun et al. 1998](https://doi.org/10.1109/5.726791)).",
    "See Figure 1.21, figures 1.2 and 1.33, table 1.25, exercise 1.20, § 3.25, chapter 04.",
    "**Figure 2b.25** · See equation (1.25), equations (2b.21) and (2.22).",
    "*About 60 minutes to read, 40 for the exercises.*",
    "ResNet-50, CIFAR-100, conv2d, float32, x86 and CC BY 4.0.",
    "```\n25 lines of code\n```",
    "<!-- 25 -->",
    "### Exercise 1.25 · One",
    "![A grid](25.png)",
    "[a page](page_25.md#part-25)",
    "The weight $w_{25}$ in row 2.",
    "$$\nW = 3{,}145{,}728 \\tag{1.25}\n$$",
]


@pytest.mark.parametrize("text", SOURCED)
def test_number_with_a_source(chapter, text):
    change(chapter, "Counting.", text)
    assert number_complaints(chapter) == []


OWN_SECTION = "That is more than"


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("≈ 93.1 %", "It scored 93.1 %, 93 %, 93.1, about 93 %, above 93 %."),
        ("≈ 0.443", "It scored 44 %, 44.3 per cent, 0.44, or 0.443."),
        ("≈ 44.5 %", "It scored 44 % or 45 %."),
        ("≈ 1,234", "It took 1,234 steps, about 1,200, some 1,230, 1.2 thousand."),
        ("≈ −21.5", "It fell by −21.5."),
        ("≈ 3.1e-05", "It is 3.1e-5, 3e-05 or 0.000031."),
    ],
)
def test_measured_number_in_its_own_section(chapter, output, text):
    (printed,) = cell_with(chapter, "accuracy = ").outputs
    printed.text = printed.text.replace("≈ 93.1 %", output)
    change(chapter, OWN_SECTION, f"{text} {OWN_SECTION}")
    assert number_complaints(chapter) == []


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("≈ 93.1 %", "It scored 94 %."),
        ("≈ 93.1 %", "It scored 93.2 %."),
        ("≈ 93.1 %", "It scored 93.11 %."),
        ("≈ 93.1 %", "It scored below 93 %."),
        ("≈ 93.1 %", "It scored over 93.1001 %."),
        ("≈ 93.1 %", "It scored 0.931."),
        ("≈ 0.443", "It scored 44.3."),
        ("≈ 0.443", "It scored 45 %."),
        ("≈ 2.5", "It scored 250 %."),
        ("≈ 1,234", "It took 1,200 steps."),
        ("≈ nan", "It took 21 steps."),
        ("~ 21.5 s", "It took 21.5 seconds."),
        ("≈ 93.1 %", "## Next\n\nIt scored 93 %."),
        ("≈ 93.1 %", "```\n## no heading\n```\n\nIt scored 94 %."),
    ],
)
def test_measured_number_that_the_section_does_not_have(chapter, output, text):
    (printed,) = cell_with(chapter, "accuracy = ").outputs
    printed.text = printed.text.replace("≈ 93.1 %", output)
    change(chapter, OWN_SECTION, f"{OWN_SECTION} 3 billion.\n\n{text}\n\nMore than")
    assert "of this section" in complaint(number_complaints(chapter))


def test_measured_number_before_its_output_and_in_a_caption(chapter):
    change(chapter, "Figure 1.1 shows it", "It scored 93 %")
    change(chapter, CAPTION, CAPTION + " 93.1 %.")
    assert number_complaints(chapter) == []


def test_number_in_a_caption(chapter):
    change(chapter, CAPTION, CAPTION + " It has 25 points.")
    assert "25" in complaint(number_complaints(chapter))


def test_number_in_an_alt_text(chapter):
    cell_with(chapter, "axes.plot").metadata["mystnb"]["image"]["alt"] += " It has 25 points."
    assert "25" in complaint(number_complaints(chapter))


@pytest.mark.parametrize(
    ("old", "new"),
    [("assert accuracy > 0.92", "accuracy > 0.92"), ('recorded = "small_run"', "")],
    ids=["assert", "results"],
)
def test_number_whose_source_is_gone(chapter, old, new):
    change(chapter, old, new)
    assert "has no source" in complaint(number_complaints(chapter))


def test_number_whose_output_is_gone(chapter):
    cell_with(chapter, "accuracy = ").outputs = []
    assert any(found.startswith("3,145,728 ") for found in number_complaints(chapter))


# ----------------------------------------------------------------------------- the whole course


def test_a_good_course_passes(project):
    assert imports_are_declared(project) == []
    assert contents_agree(project) == []


@pytest.mark.parametrize(
    ("file", "code", "problem"),
    [
        ("benchmarks/run.py", "import pandas.api", "pandas"),
        ("cnn_course/new.py", "def f():\n    from no_such_package import x", "no_such_package"),
        ("tests/test_new.py", "import yaml", "yaml"),
    ],
)
def test_undeclared_import(project, file, code, problem):
    (project / file).write_text(code)
    assert f"imports {problem}," in complaint(imports_are_declared(project))


def test_a_chapter_may_not_import_the_tools_of_tests(project):
    page = project / "chapters" / f"{NAME}.md"
    page.write_text(page.read_text().replace("import json", "import pytest"))
    assert "imports pytest" in complaint(imports_are_declared(project))


def test_unpinned_import(project):
    pins = (project / "requirements.txt").read_text()
    (project / "requirements.txt").write_text(re.sub(r"^matplotlib==.*\n", "", pins, flags=re.M))
    assert "imports matplotlib" in imports_are_declared(project)[0]


def test_declared_imports_and_siblings_pass(project):
    (project / "tests/helper.py").write_text("import PIL, sklearn, torch, pytest, cnn_course.data")
    (project / "tests/test_new.py").write_text("import helper\nfrom . import other")
    assert imports_are_declared(project) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("- file: chapters/01_good\n", "", "does not list chapters/01_good"),
        ("01_good\n", "01_good\n- file: appendix/x\n", "appendix/x, which does not exist"),
        ("root: chapters/00_start", "root: chapters/01_good", "does not list chapters/00_start"),
        ("01_good\n", "01_good\n- file: chapters/01_good\n", "twice"),
        (
            "00_start\nchapters:\n- file: chapters/01_good",
            "01_good\nchapters:\n- file: chapters/00_start",
            "order",
        ),
    ],
)
def test_contents_that_differ(project, old, new, problem):
    toc = project / "_toc.yml"
    toc.write_text(toc.read_text().replace(old, new))
    assert any(problem in found for found in contents_agree(project))


def test_a_gap_in_the_chapters_numbers(project):
    (project / "chapters/00_start.md").unlink()
    assert any("count on from 00" in found for found in contents_agree(project))


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["01b_deeper"], None),
        (["01b_deeper", "01c_deeper_still"], None),
        (["01c_deeper"], "chapter 01c has no 01b before it"),
        (["02b_deeper"], "chapter 02b has no 02 before it"),
        (["01_none"], "one number"),
    ],
)
def test_chapters_that_go_deeper(project, names, problem):
    for name in names:
        shutil.copy(GOOD, project / "chapters" / f"{name}.md")
        with (project / "_toc.yml").open("a") as toc:
            toc.write(f"- file: chapters/{name}\n")
    complaints = contents_agree(project)
    assert any(problem in found for found in complaints) if problem else complaints == []


def test_an_unlisted_appendix(project):
    (project / "appendix/notation.md").write_text("# Notation\n")
    assert complaint(contents_agree(project)) == "_toc.yml does not list appendix/notation"


# ------------------------------------------------------------------- the comparison of outputs


def edit_outputs(project, old, new):
    """Change the stored outputs in the notebook's file, and them alone."""
    path = project / "chapters" / f"{NAME}.ipynb"
    notebook = jupytext.read(path)
    changed = json.loads(json.dumps([c.get("outputs") for c in notebook.cells]).replace(old, new))
    before = [c.get("outputs") for c in notebook.cells]
    assert changed != json.loads(json.dumps(before))
    for cell, outputs in zip(notebook.cells, changed, strict=True):
        if cell.cell_type == "code":
            cell.outputs = [type(notebook)(output) for output in outputs]
    jupytext.write(notebook, path)


def test_nbval_passes_and_reports_the_seconds(project):
    code, report = nbval(project, "chapters")
    assert code == 0, report
    assert re.search(r"chapters/01_good.ipynb: \d+\.\d s of 50 s", report)


def test_nbval_works_from_a_subfolder(project):
    code, report = nbval(project / "chapters", ".")
    assert code == 0, report


def test_nbval_catches_changed_outputs(project):
    edit_outputs(project, "93.1 %", "99.5 %")
    edit_outputs(project, "Exercise 1.4: right", "Exercise 1.5: right")
    edit_outputs(project, "Exercise 1.4: not yet", "Exercise 1.4: right")
    code, report = nbval(project, "chapters")
    assert code == 1, report
    assert "stored ≈ 99.5 %, now ≈ 93.1 %" in report
    assert "3 failed" in report


def test_a_notebook_over_its_budget_is_reported_and_passes(project):
    conftest = project / "conftest.py"
    conftest.write_text(conftest.read_text().replace('"01": 50', '"01": 0.01'))
    code, report = nbval(project, "chapters")
    assert code == 0, report
    assert re.search(r"01_good.ipynb: \d+\.\d s of 0.01 s, which is over budget", report)
