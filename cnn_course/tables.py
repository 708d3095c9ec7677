"""One look for the tables of the package: columns of text in a terminal, HTML in a notebook."""

from collections.abc import Sequence
from html import escape

Line = Sequence[str]


def text_table(head: Line, body: Sequence[Line], left: int = 1) -> str:
    """`head` and the lines of `body` in columns; the first `left` columns are flush left."""
    lines = [head, *body]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i < left else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def html_table(head: Line, body: Sequence[Line], left: int = 1, foot: Line | None = None) -> str:
    """The same as HTML, with `foot` as a last line that is set off: the total, for example."""

    def row(texts, tag):
        styles = ["padding: 0.2em 0.7em; text-align: " + side for side in ("left", "right")]
        cells = (
            f'<{tag} style="{styles[i >= left]}">{escape(text)}</{tag}>'
            for i, text in enumerate(texts)
        )
        return f"<tr>{''.join(cells)}</tr>"

    return (
        f"<table><thead>{row(head, 'th')}</thead>"
        f"<tbody>{''.join(row(texts, 'td') for texts in body)}</tbody>"
        + (f"<tfoot>{row(foot, 'th')}</tfoot>" if foot else "")
        + "</table>"
    )
