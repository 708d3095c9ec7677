"""One look for the course's tables: columns of text in a terminal, HTML in a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Line = Sequence[str]


@dataclass(frozen=True, repr=False)
class Table:
    """A table of texts; as the last line of a cell it shows as HTML, printed as text.

    `head` and each line of `body` hold as many texts, the first `left` of them flush left, the
    others flush right. `foot` is a last line that is set off: the total, for example.
    """

    head: Line
    body: Sequence[Line]
    left: int = 1
    foot: Line | None = None

    def __post_init__(self):
        for line in (*self.body, *([self.foot] if self.foot else [])):
            if len(line) != len(self.head):
                raise ValueError(
                    f"the table's head has {len(self.head)} texts, and the line {list(line)} has "
                    f"{len(line)}"
                )

    def __repr__(self) -> str:
        lines = [self.head, *self.body, *([self.foot] if self.foot else [])]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                text.ljust(width) if i < self.left else text.rjust(width)
                for i, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        body = "".join(self._html(line, "td") for line in self.body)
        foot = f"<tfoot>{self._html(self.foot, 'th')}</tfoot>" if self.foot else ""
        head = self._html(self.head, "th")
        return f"<table><thead>{head}</thead><tbody>{body}</tbody>{foot}</table>"

    def _html(self, texts: Line, tag: str) -> str:
        styles = ["padding: 0.2em 0.7em; text-align: " + side for side in ("left", "right")]
        cells = (
            f'<{tag} style="{styles[i >= self.left]}">{escape(text)}</{tag}>'
            for i, text in enumerate(texts)
        )
        return f"<tr>{''.join(cells)}</tr>"
