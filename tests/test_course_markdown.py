"""What the book makes of plain Markdown: captions, exercises, notes, anchors, sizes of figures."""

import re
import runpy
from base64 import b64encode
from html import unescape
from io import BytesIO
from pathlib import Path

import jupytext
import pytest
from PIL import Image
from strict_builds import strict_build

ROOT = Path(__file__).parents[1]
MARKDOWN = runpy.run_path(str(ROOT / "tools" / "course_markdown.py"))

PAGE = """# A page

See [the kernels](#Known-kernels,-F.conv2d-&-more) and [the task](#Exercise-2b.1-·-Count-it).

```{code-cell} ipython3
"figure"
```

**Figure 2b.1** · A caption.

It is no caption: **Figure 2b.1** · in a text. **Figures** have them.

> **Note.** Of note.

> Said by someone.

## Known kernels, `F.conv2d` & more

$$
a = b \\tag{1.1}
$$

$$
\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix} \\tag{1.2}
$$

<details><summary>Worked solution</summary>

The *answer*: $2$.

</details>

## Exercises

### Exercise 2b.1 · Count it

How many?

### On paper · Think

Why?

## Further reading

End.
"""


def png(width, height):
    buffer = BytesIO()
    Image.new("L", (width, height)).save(buffer, "PNG")
    return b64encode(buffer.getvalue()).decode()


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The built page."""
    folder = tmp_path_factory.mktemp("book")
    notebook = jupytext.reads(PAGE, "md:myst")
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code"]
    cell.execution_count = 1
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    data = {"image/png": png(301, 40), "text/plain": "<Figure>"}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    cell.outputs = [type(cell)(output)]
    done = strict_build(folder, notebook)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "_build" / "html" / "page.html").read_text(encoding="utf-8")


def test_a_paragraph_that_begins_with_the_number_of_a_figure_is_its_caption(html):
    assert re.findall(r'<p class="course-caption">(.*?)</p>', html) == [
        "<strong>Figure 2b.1</strong> · A caption."
    ]


def test_a_quotation_that_begins_with_note_is_a_note(html):
    (note,) = re.findall(r"<blockquote class=\"note\">\s*(.*?)</blockquote>", html, re.S)
    assert "Of note." in note
    assert "Said by someone." not in note


def test_exercises_and_paper_questions_are_boxes(html):
    boxes = re.findall(r'<section class="exercise".*?<h3>([^<]*)<.*?</section>', html, re.S)
    assert boxes == ["Exercise 2b.1 · Count it", "On paper · Think"]


def test_links_lead_to_headings_as_jupyterlab_names_them(html):
    for words in ("the kernels", "the task"):
        (name,) = re.findall(rf'href="#([^"]+)">(?:<span[^>]*>)?{words}<', html)
        assert f'id="{name}"' in html


@pytest.mark.parametrize(
    ("title", "anchor"),
    [("Two words", "Two-words"), ("1×1: “why” ≈ x?", "1×1:-“why”-≈-x?"), ("A  b", "A--b")],
)
def test_an_anchor_keeps_all_but_the_spaces(title, anchor):
    assert MARKDOWN["slug"](title) == anchor


def test_a_formula_keeps_its_number_and_a_folded_text_is_markdown(html):
    assert r"\tag{1.1}" in unescape(html)
    shown = " ".join(unescape(html).split())
    assert r"\[ \begin{pmatrix} 1 \\ 2 \end{pmatrix} \tag{1.2} \]" in shown
    assert "split" not in "".join(re.findall(r'<div class="math.*?</div>', html, re.S))
    (folded,) = re.findall(
        r"<details><summary>Worked solution</summary>(.*?)</details>", html, re.S
    )
    assert "<em>answer</em>" in folded


def test_an_output_of_pixels_is_shown_at_half_its_size(html):
    (image,) = re.findall(r"<img[^>]*_images[^>]*>", html)
    assert "width: 150.5px" in image
    assert not re.search(r"<a[^>]*>\s*<img[^>]*_images", html)  # and is no link to itself
