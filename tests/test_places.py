"""Chapters as a plain notebook shows them, by nbconvert's own exporter: in Colab, say.

Nothing of the book's own stands in its way there: no markup is left raw, every anchor leads to a
heading, and every figure has its caption, once.
"""

import re
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import jupytext
import pytest
from chapter import chapter_files
from nbconvert import HTMLExporter

ROOT = Path(__file__).parents[1]
CHAPTERS = chapter_files(ROOT)

CELL = '<div class="jp-Cell '
TEXT = 'data-mime-type="text/markdown">'
FIGURE = re.compile(r'class="jp-Rendered(?:Image|SVG)\b')
CAPTION = re.compile(r"\s*<p>\s*<strong>Figure (\d+[a-z]?\.\d+)</strong> ·")
# In rendered text, with code and formulas taken out.
LEFT = {
    r":::+.*": "a directive",
    r"\{[\w:-]+\}\s*`": "a role",
    r"^\s*:[a-z]+:.*": "an option of a directive",
    r"\(\w[\w-]*\)=": "a label",
    r"\*\*|\]\(|`": "Markdown",
    r"\$": "a formula",
    r"</?\w+>": "HTML",
}


@cache
def page(path: Path) -> str:
    """The chapter as HTML, without running it."""
    return HTMLExporter(template_name="lab").from_filename(path.with_suffix(".ipynb"))[0]


def texts(html: str) -> list[str]:
    """What the Markdown cells became."""
    cells = [cell for cell in html.split(CELL)[1:] if cell.startswith("jp-MarkdownCell")]
    return [cell.partition(TEXT)[2] for cell in cells]


def raw_markup(html: str) -> list[str]:
    complaints = []
    for text in texts(html):
        text = re.sub(r"<pre\b.*?</pre>", " ", text, flags=re.S)
        for label in re.findall(r"\$\$\s*\([A-Za-z][\w-]*\)", text):
            complaints.append(f"shows the label of a formula: {label}")
        if text.count("$$") % 2:
            complaints.append("shows a $$ without its other one")
        for formula in re.findall(r"\$\$(.*?)\$\$", text, re.S):
            if re.search(r"</?\w", formula):
                complaints.append(f"takes a formula for Markdown: {formula.strip()[:60]}")
        text = re.sub(r"\$\$.*?\$\$", " ", text, flags=re.S)
        text = re.sub(r"(\{[\w:-]+\})<code>", r"\1`", text)  # a role is left as braces and code
        text = re.sub(r"<code>.*?</code>", " ", text, flags=re.S)
        text = re.sub(r"\$[^$\n]+\$", " ", text)
        text = unescape(re.sub(r"</?\w[^>]*>", "", text))
        for pattern, what in LEFT.items():
            found = re.search(pattern, text, re.MULTILINE)
            if found:
                around = text[max(0, found.start() - 20) : found.end() + 30].strip()
                complaints.append(f"shows {what} raw: {around}")
    return complaints


def anchors(html: str) -> set[str]:
    """What leads to the headings; a browser takes “×” and “%C3%97” for the same."""
    return {unquote(unescape(name)) for name in re.findall(r'<h\d[^>]*\bid="([^"]*)"', html)}


def dead_links(html: str, folder: Path) -> list[str]:
    complaints = []
    for target in re.findall(r'<a [^>]*?href="([^"]*)"', "\n".join(texts(html))):
        file, _, name = unquote(unescape(target)).partition("#")
        if re.match(r"[a-z]+:", file):
            continue
        path = folder / file
        if file and not path.is_file():
            complaints.append(f"leads to {target}, which does not exist")
        elif name and name not in anchors(page(path) if file else html):
            complaints.append(f"leads to {target}, which is no heading")
    return complaints


def missing_captions(html: str) -> list[str]:
    cells = html.split(CELL)[1:]
    complaints, expected = [], []
    for cell, below in zip(cells, [*cells[1:], ""], strict=True):
        if cell.startswith("jp-CodeCell") and FIGURE.search(cell):
            caption = CAPTION.match(below.partition(TEXT)[2])
            expected.append(caption[1] if caption else "?")
            if not caption:
                complaints.append(f"shows figure {len(expected)} without a caption below it")
        elif cell.startswith("jp-MarkdownCell"):
            expected += re.findall(r"<img\b[^>]*>\s*</p>" + CAPTION.pattern, cell)
    captions = [number for text in texts(html) for number in re.findall(CAPTION.pattern, text)]
    if sorted(captions) != sorted(expected) or len(set(captions)) != len(captions):
        complaints.append(f"has the captions {captions} for the figures {expected}")
    return complaints


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_reads_well_in_a_plain_notebook(path):
    html = page(path)
    assert len(texts(html)) == html.count(f"{CELL}jp-MarkdownCell") > 1
    complaints = raw_markup(html) + dead_links(html, path.parent) + missing_captions(html)
    assert not complaints, f"{path.name} as a plain notebook:\n" + "\n".join(complaints)


# ------------------------------------------------------------------------- the test can fail

SOUND = r"""# A page

See [the law](#The-law-·-`a*b`) of [Figure 1.1](#The-law-·-`a*b`), or [all](https://example.org).

```{code-cell} ipython3
"a figure"
```

**Figure 1.1** · A caption with `code_with_stars**` and $a_1 * b_1 * c$.

## The law · `a*b`

$$
a_{1} * b_{2} * c \tag{1.1}
$$

> **Note.** Of note, and `{ref}` is code, and `:::` too.

<details><summary>Worked solution</summary>

It is **so**: $a_1$.

</details>

```
:::{note} in a block of code
```

![A picture](picture.png)

**Figure 1.2** · Of a picture.
""".replace("#The-law-·-`a*b`", "#The-law-·-a*b")


def exported(markdown: str) -> str:
    notebook = jupytext.reads(markdown, "md:myst")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            data = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}
            output = {"output_type": "display_data", "data": data, "metadata": {}}
            cell.outputs = [type(cell)(output)]
    html, _ = HTMLExporter(template_name="lab", embed_images=False).from_notebook_node(notebook)
    return html


def complaints_of(markdown: str) -> list[str]:
    html = exported(markdown)
    return raw_markup(html) + dead_links(html, ROOT) + missing_captions(html)


def test_a_sound_page_passes():
    assert complaints_of(SOUND) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("> **Note.**", ":::{note}\n\n", "a directive raw"),
        ("Of note", "{ref}`of-note`", "a role raw"),
        ("Of note", "\n\n(of-note)=\n\nOf note", "a label raw"),
        ("It is **so**", ":label: so", "an option of a directive raw"),
        (" \\tag{1.1}\n$$", "\n$$ (eq-law)", "the label of a formula"),
        (" \\tag{1.1}\n$$", "\n$", "without its other one"),
        ("</summary>\n\nIt", "</summary>\nIt", "Markdown raw"),
        ("(#The-law-·-a*b) of", "(#the-law) of", "no heading"),
        ("https://example.org", "pyproject.md", "does not exist"),
        ("https://example.org", "chapters/00_welcome.ipynb#Nowhere", "no heading"),
        ("**Figure 1.1** ·", "Figure 1.1:", "without a caption"),
        ("Of note", "\n\n**Figure 1.2** · Of another.", "the captions"),
        ("**Figure 1.2** · Of a picture.", "**Figure 1.1** · Of a picture.", "the captions"),
    ],
)
def test_a_page_that_shows_markup_or_leads_nowhere_fails(old, new, problem):
    assert old in SOUND
    assert any(problem in complaint for complaint in complaints_of(SOUND.replace(old, new)))
