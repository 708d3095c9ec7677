"""A guess before the result: what the cell has measured stays folded until the reader has guessed.

A cell hands over what it would have shown, texts such as `f"≈ {accuracy:.1%}"` or a `Table` of
them. The numbers stand in that answer alone, and the script reads them there: on execution they
are compared like all others, and no word and no order of the HTML depends on one.
"""

import math
import re
from html import escape

from cnn_course.tables import Table
from cnn_course.widgets.base import Widget

__all__ = ["curve", "number", "order"]

# 92.3, 1,024, −0.5, 2.7e-05, after ≈ where it is measured; then ± and a unit, or nothing.
QUANTITY = re.compile(
    r"(?:≈\s*)?[-+−]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?(?:\s*\D.*)?", re.I
)


def number(
    question: str, answer: str, low: float, high: float, *, log: bool = False, then=None
) -> Widget:
    """A guess of one number, from `low` to `high`, on a logarithmic scale if `log`.

    `answer` is the number as a text, with ≈ before it if it is measured and its unit behind it.
    `then` is what is shown with the answer: a `Table`, or another object that shows as HTML.
    """
    check_text("the answer", answer)
    check_range(low, high, log)
    data = {"kind": "number", "low": low, "high": high, "log": log}
    return asked(question, data, f'<p class="cnn-answer">{escape(answer)}</p>', then)


def order(
    question: str, table: Table, *, column: int = -1, rising: bool = False, then=None
) -> Widget:
    """A guess of the order in which the rows of a table stand by the number in a column: the
    largest first, or the smallest if `rising`.

    The table keeps its order, and is where the reader begins: it should give nothing away.
    """
    column = range(len(table.head))[column]  # counted from the left
    for line in table.body:
        check_text(f"“{table.head[column]}” of “{line[0]}”", line[column])
    if len(table.body) < 2:
        raise ValueError(f"an order of {len(table.body)} rows is none to guess: give at least 2")
    data = {"kind": "order", "column": column, "rising": rising}
    return asked(question, data, table._repr_html_(), then)


def curve(
    question: str,
    table: Table,
    low: float,
    high: float,
    *,
    down: bool = False,
    drawn: int | None = None,
    known: int = 0,
    then=None,
) -> Widget:
    """A guess of curves, drawn on axes whose height goes from `low` to `high`.

    The head of the table says what the curve runs over, and each row is a curve; with `down` it
    runs down the first column, and each further column is a curve. The reader draws the first
    `drawn` curves (all, if None), of which the first `known` points are given; the others are shown
    from the beginning.
    """
    check_range(low, high)
    lines = [table.head, *table.body]
    if down:
        lines = list(zip(*lines, strict=True))
    curves, points = len(lines) - 1, len(lines[0]) - 1
    drawn = curves if drawn is None else drawn
    if not 1 <= drawn <= curves:
        raise ValueError(f"drawn={drawn} of {curves} curves: give 1 to {curves}")
    if not 0 <= known < points or points < 2:
        raise ValueError(f"known={known} of {points} points leaves none to guess, or no curve")
    for name, *texts in lines[1:]:
        for text in texts:
            check_text(f"a point of “{name}”", text)
    data = {"kind": "curve", "low": low, "high": high, "down": down}
    return asked(question, data | {"drawn": drawn, "known": known}, table._repr_html_(), then)


def check_text(what: str, text: str) -> None:
    if not QUANTITY.fullmatch(text.strip()):
        raise ValueError(f"{what} is {text!r}: give a number as a text, such as '≈ 61.3 %'")


def check_range(low: float, high: float, log: bool = False) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high and (low > 0 or not log)):
        above = " above 0" if log else ""
        raise ValueError(f"a guess from {low} to {high}: give two numbers{above}, the lower first")


def asked(question: str, data: dict, answer: str, then) -> Widget:
    """Without scripts: the question, and the answer folded below it."""
    more = f'<div class="cnn-then">{then._repr_html_()}</div>' if then is not None else ""
    still = (
        f'<p class="cnn-question">{escape(question)}</p>\n<details><summary>The answer</summary>'
        f'<div class="cnn-answers"><div class="cnn-told">{answer}</div>{more}</div></details>'
    )
    return Widget("predict", data, still, ("charts", f"predict-{data['kind']}"))
