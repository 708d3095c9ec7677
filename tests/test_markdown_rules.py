"""The rules for the text fire: what is not portable, leads nowhere, is not numbered or too long."""

import re

import pytest
from good_chapter import NAME, change, complaint
from markdown_rules import (
    count_words,
    equations_are_numbered,
    length_complaints,
    links_lead_somewhere,
    markdown_is_portable,
)


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
