"""The rules for chapters fire: a good one passes, and with one thing changed it does not."""

import pytest
from chapter import Chapter, Course
from chapter_rules import (
    RULES,
    cells_are_short,
    compares_a_whole_number,
    executed_in_order,
    metadata_is_clean,
    opening_and_closing,
    outputs_are_clean,
    pair_agrees,
    sizes_in_budget,
)
from exercise_rules import exercises_are_complete, paper_questions_are_complete
from figure_rules import figures_are_described
from good_chapter import NAME, cell_with, change, complaint
from markdown_rules import equations_are_numbered
from prose_numbers import number_complaints


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


def test_a_solution_may_be_long(chapter):
    change(chapter, "answer = 3", "answer = 3\n" * 30)
    assert cells_are_short(chapter) == []
