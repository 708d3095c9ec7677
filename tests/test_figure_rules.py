"""The rules for figures fire."""

import copy

import pytest
from figure_rules import figures_are_described
from good_chapter import cell_with, change, complaint

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
