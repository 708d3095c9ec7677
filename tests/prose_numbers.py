"""Every number in a chapter's prose stands in an output, an assert, a result, or by a citation.

Signs are ignored, and so are thousands separators: “−6” is 6 and “1,024” is 1024. A whole
number below 20 needs no source, unless it is multiplied: “3 billion” is not 3.

A measured number, one that an output shows after ≈, accounts for those of its own section
(from one heading of level 2 to the next) that equal it at the digits which the prose shows:
“44 %” for ≈ 44.3 % and for ≈ 0.443. What follows ~ is a time, and accounts for nothing.
"""

import ast
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from chapter import TIME
from measured import NUMBER, PERCENT, Measured, split, unit
from prose_blocks import prose_blocks, sections

SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
# What a rounding word says of the exact value: at least the number shown, at most, or either.
ROUNDING = {"over": 1, "more than": 1, "above": 1, "at least": 1}
ROUNDING |= {"almost": -1, "nearly": -1, "less than": -1, "under": -1, "below": -1, "at most": -1}
ROUNDING |= {"about": 0, "roughly": 0, "some": 0, "around": 0, "≈": 0}

TOKEN = re.compile(
    rf"(?:(?<!\w)(?P<rounding>{'|'.join(ROUNDING)})\s*)?"
    # Not inside or behind a word (conv2d, x86), nor the rest of a version such as 2.15.0.
    rf"(?P<number>(?<!\w)(?<!\d\.){NUMBER})"
    rf"(?:[ \u00a0]*(?P<percent>{PERCENT})|[ \u00a0]+(?P<scale>{'|'.join(SCALES)})\b"
    rf"|[ \u00a0]*(?P<unit>{'|'.join(UNITS)})\b)?",
    re.IGNORECASE,
)
# Numbers in the name of a place in the course, its reading time, ResNet-50, a licence.
_PART = r"(?:figures?|tables?|exercises?|sections?)\s+"
_PLACE = r"\d{1,2}[a-z]?\.\d{1,2}"
_MORE = r"(?:,| and| to|–)\s*"
NAMES = re.compile(
    rf"(?:\b{_PART}|§\s*){_PLACE}(?:{_MORE}{_PLACE}\b(?!\s*%))*"
    rf"|\bequations?\s+\({_PLACE}\)(?:{_MORE}\({_PLACE}\))*"
    rf"|{TIME}"
    r"|(?-i:\b[A-Z]\w*-\d+\b|\bCC BY 4\.0\b)",
    re.IGNORECASE,
)


@dataclass
class Sources:
    """The values that prose may quote."""

    printed: set[float]  # in compared text outputs
    asserted: set[float]  # constants of assert statements
    recorded: set[float]  # in the results files that the chapter's code names
    measured: dict[int, list[Measured]]  # after ≈ in text outputs, by section


def number_complaints(chapter) -> list[str]:
    """One complaint for each number in the chapter's prose that has no source."""
    sources = Sources(
        printed_numbers(chapter),
        asserted_numbers(chapter),
        recorded(chapter),
        measured_numbers(chapter),
    )
    complaints = []
    for block in prose_blocks(chapter):
        if any(chapter.course.cites(link) for link in block.links):
            continue
        text = NAMES.sub(" ", block.text)
        for token in TOKEN.finditer(text):
            if not is_accounted(token, sources, block.section):
                around = " ".join(text[max(0, token.start() - 40) : token.end() + 30].split())
                complaints.append(
                    f"{token['number']} in “…{around}…” has no source: print or assert it in a "
                    "cell (of this section, if it is printed after ≈), name its results file in "
                    "the code, or cite a work in this paragraph"
                )
    return complaints


def is_accounted(token: re.Match, sources: Sources, section: int) -> bool:
    shown = token["number"]
    value = to_float(shown)
    scale = _scale(token)
    whole = "." not in shown and "e" not in shown.lower()
    if whole and scale == 1 and value < 20:
        return True
    if any(_same(v, value * scale) for v in sources.printed | sources.asserted):
        return True
    if token["percent"] and any(_same(100 * v, value) for v in sources.asserted):
        return True
    if _is_recorded(token, value * scale, sources.recorded):
        return True
    measured = set(_quotable(token, sources.measured[section]))
    if _is_measured(token, value * scale, measured):
        return True
    if not token["rounding"]:
        return False
    factors = {scale}
    if token["unit"]:
        factors.add(next(f for unit, f in UNITS.items() if unit.lower() == token["unit"].lower()))
    direction = ROUNDING[token["rounding"].lower()]
    known = sources.printed | sources.recorded | measured
    return any(_rounds_to(v / factor, shown, direction) for v in known for factor in factors)


def _is_recorded(token: re.Match, value: float, recorded: set[float]) -> bool:
    """Equal, or equal when rounded to the decimals shown: a plain whole number is never rounded."""
    if any(_same(v, value) for v in recorded):
        return True
    if token["scale"] or "e" in token["number"].lower():
        return False
    decimals = len(token["number"].partition(".")[2])
    if token["percent"]:
        recorded = {100 * v if v <= 1 else v for v in recorded}
    elif not decimals:
        return False
    return any(abs(v - value) <= 0.5 * 10**-decimals + 1e-9 for v in recorded)


def _quotable(token: re.Match, measured: Iterable[Measured]) -> Iterable[float]:
    """The measured values, and shares as per cent where the prose has per cent."""
    for number in measured:
        value = float(abs(number.value))
        if math.isfinite(value):
            yield value
            if token["percent"] and not number.percent and value <= 1:
                yield 100 * value


def _is_measured(token: re.Match, value: float, measured: set[float]) -> bool:
    """Equal at the digits shown, and on the side that a word such as “above” claims."""
    half = 0.5 * float(unit(token["number"])) * _scale(token) * (1 + 1e-9)
    direction = ROUNDING[token["rounding"].lower()] if token["rounding"] else 0
    return any(abs(v - value) <= half and direction * (v - value) >= 0 for v in measured)


def _scale(token: re.Match) -> float:
    return SCALES[token["scale"].lower()] if token["scale"] else 1


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9)


def _rounds_to(value: float, shown: str, direction: int) -> bool:
    """Whether `value` rounds to `shown` at the digits shown, and lies on the side claimed.

    The zeros at the end of a whole number show no digits, except for a second one: “about 100”
    is 99.5 to 105 and not 50 to 150.
    """
    target = to_float(shown)
    if value == 0 or target == 0 or direction * (value - target) < 0:
        return False
    digits = re.sub(r"[eE].*|[,_]", "", shown)
    if "." not in digits:
        digits = digits.rstrip("0").ljust(min(2, len(digits)), "0")
    significant = max(1, len(digits.replace(".", "").lstrip("0")))
    return _same(float(f"{value:.{significant - 1}e}"), target)


def to_float(shown: str) -> float:
    return float(re.sub("[,_]", "", shown).replace("−", "-"))


# ------------------------------------------------------------------------------- the sources


def printed_numbers(chapter) -> set[float]:
    """The numbers of the text outputs that are compared to the letter."""
    texts = (exact_text(text) for cell in chapter.code_cells for text in output_texts(cell))
    return {
        to_float(token["number"]) * _scale(token)
        for text in texts
        for token in TOKEN.finditer(text)
    }


def exact_text(text: str) -> str:
    """The text without the numbers after ≈ and ~."""
    return split(text)[0]


def measured_numbers(chapter) -> dict[int, list[Measured]]:
    measured = defaultdict(list)
    for section, cell, _ in sections(chapter):
        for text in output_texts(cell):
            measured[section] += [n for n in split(text)[1] if n.mark == "≈"]
    return measured


def output_texts(cell) -> list[str]:
    """What the cell printed or displayed as text; not the stand-in text of an image or widget."""
    texts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            texts.append(output.text)
        elif "data" in output and not any(kind.startswith("image/") for kind in output.data):
            if "text/html" in output.data:
                texts.append(_html_text(output.data["text/html"]))
            else:
                texts.append(output.data.get("text/plain", ""))
    return texts


def _html_text(html: str) -> str:
    html = re.sub(r"<(script|style|svg)\b.*?</\1\s*>|<!--.*?-->", " ", html, flags=re.S | re.I)
    return unescape(re.sub(r"<[^>]*>", " ", html))


def asserted_numbers(chapter) -> set[float]:
    return {
        float(abs(node.value))
        for statement in ast.walk(chapter.tree)
        if isinstance(statement, ast.Assert)
        for node in ast.walk(statement.test)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    }


def recorded(chapter) -> set[float]:
    """The numbers of the results files whose name is a string in the chapter's code."""
    strings = {
        Path(node.value).name.removesuffix(".json")
        for node in ast.walk(chapter.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    files = (chapter.course.root / "cnn_course" / "results").glob("*.json")
    contents = [json.loads(f.read_text(encoding="utf-8")) for f in files if f.stem in strings]
    return set(_numbers_in(contents))


def _numbers_in(node):
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _numbers_in(child)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield float(abs(node))
