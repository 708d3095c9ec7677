"""The rules for figures: each is described in words, and its caption stands in the text below."""

import base64
import re
from dataclasses import dataclass

from chapter import Chapter, first_line, without_code

ALT_WORDS = 8
CAPTION = re.compile(r"^\*\*Figure (\d+[a-z]?\.\d+)\*\* · (\S.*(?:\n.+)*)", re.MULTILINE)


@dataclass
class Image:
    """One image in an output: its format, and its bytes in the file that it stands for."""

    kind: str
    size: int


def images(cell) -> list[Image]:
    found = []
    for output in cell.get("outputs", []):
        for kind, data in output.get("data", {}).items():
            if kind == "image/svg+xml":
                found.append(Image("SVG", len(data.encode())))
            elif kind.startswith("image/") and isinstance(data, str):
                found.append(
                    Image(kind.removeprefix("image/").upper(), len(base64.b64decode(data)))
                )
    return found


def drawn(cell) -> int:
    """How many outputs are figures, each in one format or in several."""
    data = [output.get("data", {}) for output in cell.get("outputs", [])]
    return sum(any(kind.startswith("image/") for kind in d) for d in data)


def figures_are_described(chapter: Chapter) -> list[str]:
    complaints, numbers = [], []
    cells = [cell for cell in chapter.notebook.cells if cell.source.strip()]
    for cell, below in zip(cells, [*cells[1:], None], strict=True):
        if cell.cell_type == "markdown":
            figures = markdown_figures(cell.source)
            where = "a Markdown image"
        else:
            where = first_line(cell)
            metadata = cell.metadata.get("mystnb", {})
            alt = str(metadata.get("image", {}).get("alt", ""))
            figures = []
            if "figure" in metadata:
                complaints.append(
                    f"{where}: only the book would show the `figure` of its metadata; the caption "
                    "is the first paragraph of the Markdown cell that follows"
                )
            if drawn(cell) or alt:
                figures = [(caption_at_the_top(below), alt)]
                if drawn(cell) != 1:
                    complaints.append(f"{where}: a figure cell draws 1 image, not {drawn(cell)}")
        for caption, alt in figures:
            numbers.append(caption[1] if caption else None)
            if caption is None:
                complaints.append(
                    f"{where}: below it a paragraph must begin “**Figure {chapter.label}."
                    f"{len(numbers)}** · ”"
                )
            complaints += [
                f"{where}: {p}" for p in alt_problems(caption[2] if caption else "", alt)
            ]
    expected = [f"{chapter.label}.{i + 1}" for i in range(len(numbers))]
    if any(number and number != wanted for number, wanted in zip(numbers, expected, strict=True)):
        complaints.append(f"figures count on from {chapter.label}.1; theirs are {numbers}")
    captions = [caption[1] for caption in CAPTION.finditer(chapter.prose)]
    for number in captions:
        if number not in numbers or captions.count(number) > 1:
            complaints.append(f"the caption of Figure {number} stands below no figure of its own")
    return complaints


def caption_at_the_top(cell) -> re.Match | None:
    is_text = cell is not None and cell.cell_type == "markdown"
    return CAPTION.match(cell.source.lstrip()) if is_text else None


def markdown_figures(source: str) -> list[tuple[re.Match | None, str]]:
    """Caption and alt text of each image; the caption is the paragraph below it."""
    source = without_code(source)
    figures = []
    for image in re.finditer(r"!\[([^\]]*)\]\([^)\n]*\)", source):
        figures.append((CAPTION.match(source[image.end() :].lstrip()), image[1]))
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
