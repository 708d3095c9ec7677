"""A number in the text without a source is found, and one with a source is not."""

import pytest
from good_chapter import cell_with, change, complaint
from prose_numbers import number_complaints

CAPTION = "**Figure 1.1** · Weights against the side, 1024 at most."

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
