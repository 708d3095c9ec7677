"""A chapter's prose as blocks of plain text, each with the links in it and its section."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from chapter import without_code

# Both allow for a pair of parentheses in the address, as older DOIs have.
LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?:[^()]|\([^()]*\))*\)")
URL = re.compile(r"https?://(?:[^\s<>()\"'`]|\([^\s<>()]*\))+")


@dataclass
class Block:
    """A paragraph, list item, table row, heading or caption: its text and the links in it."""

    text: str
    links: list[str]
    section: int


def prose_blocks(chapter) -> list[Block]:
    blocks = []
    for section, cell, source in sections(chapter):
        texts = split_blocks(source)
        texts.append(str(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")))
        blocks += [Block(plain_text(t), link_targets(t), section) for t in texts if t.strip()]
    return blocks


def sections(chapter) -> Iterable[tuple[int, dict, str]]:
    """Each cell with the number of its section and its Markdown, in parts where a section ends.

    A section begins with a heading of level 2; section 0 is what stands before the first.
    """
    section = 0
    for cell in chapter.notebook.cells:
        if cell.cell_type != "markdown":
            yield section, cell, ""
            continue
        for i, part in enumerate(re.split(r"^(?=## )", without_code(cell.source), flags=re.M)):
            section += i > 0
            yield section, cell, part


def split_blocks(source: str) -> list[str]:
    """The blocks of a Markdown text without comments."""
    source = re.sub(r"<!--.*?-->", "", source, flags=re.S)
    # A table row, a list item, a quotation and a heading are blocks of their own.
    source = re.sub(r"^(?=[ \t]*(?:\||[-*+] |\d+[.)] |#+ |> \*\*))", "\n", source, flags=re.M)
    source = re.sub(r"^(#+ .*)$", r"\1\n", source, flags=re.M)
    return re.split(r"\n[ \t]*\n", source)


def plain_text(block: str) -> str:
    """The block as it reads: links by their text, formulas without commands, no tags."""
    block = LINK.sub(r"\1", block)
    block = URL.sub(" ", block)
    block = re.sub(r"</?[a-zA-Z][^>]*>", " ", block)
    block = re.sub(r"\\tag\{[^}]*\}", " ", block)
    block = block.replace("{,}", ",")
    block = re.sub(r"_\{\d{1,2}\}", " ", block)  # an index, as in w_{23}
    return re.sub(r"\\(?:[a-zA-Z]+|[,;:! ])", " ", block)


def link_targets(block: str) -> list[str]:
    # A URL at a sentence's end does not contain the full stop.
    return [url.rstrip(".,;:") for url in URL.findall(block)]
