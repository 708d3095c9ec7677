"""Make of a chapter's plain Markdown what the book shows: captions, exercises, notes.

A chapter is written so that the book, JupyterLab and Colab all render it. What the book adds is
looks: it recognises a caption, an exercise and a note by the words that they begin with, and gives
them a class for _static/course.css. And it shows an output's PNG at half its pixels, as JupyterLab
does, for chapters store it at twice its size.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

FIGURE = re.compile(r"Figure \d+[a-z]?\.\d+")
EXERCISE = re.compile(r"(Exercise \d+[a-z]?\.\d+|On paper) · \S")
PNG = b"\x89PNG\r\n\x1a\n"


def slug(title: str) -> str:
    """The anchor of a heading, as JupyterLab and nbconvert make it: links work in all places."""
    return title.replace(" ", "-")


class AddClasses(SphinxTransform):
    default_priority = 700  # any time after the text has been read

    def apply(self):
        for paragraph in self.document.findall(nodes.paragraph):
            if FIGURE.fullmatch(first_words(paragraph)):
                paragraph["classes"].append("course-caption")
        for quote in self.document.findall(nodes.block_quote):
            if any(first_words(child) == "Note." for child in quote[:1]):
                quote["classes"].append("note")
        for formula in self.document.findall(nodes.math_block):
            text = formula.astext()
            # Sphinx sets what has several rows, a matrix too, as `split`, which takes no tag.
            if r"\tag{" in text and r"\\" in text:
                formula.children = [nodes.Text(rf"\[{text}\]")]
                formula["nowrap"] = formula["no-wrap"] = True
        for section in self.document.findall(nodes.section):
            if any(EXERCISE.match(title.astext()) for title in section[:1]):
                section["classes"].append("exercise")


def first_words(node: nodes.Node) -> str:
    """The bold words that a paragraph begins with; "" if it does not, or is no paragraph."""
    parts = node.children if isinstance(node, nodes.paragraph) else []
    first = next((part for part in parts if part.astext()), None)  # an empty text may go before
    return first.astext() if isinstance(first, nodes.strong) else ""


class HalveOutputs(SphinxPostTransform):
    default_priority = 5  # after myst_nb has chosen one of an output's formats, at 4
    formats = ("html",)

    def run(self, **kwargs):
        for cell in self.document.findall(is_output):
            for image in cell.findall(nodes.image):
                header = (Path(self.env.srcdir) / image["uri"]).read_bytes()[:24]
                if header.startswith(PNG) and "width" not in image:
                    image["width"] = f"{int.from_bytes(header[16:20], 'big') / 2:g}px"
                    image["classes"].append("no-scaled-link")


def is_output(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code_output"


def setup(app):
    app.add_transform(AddClasses)
    app.add_post_transform(HalveOutputs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
