"""Measured numbers in outputs: one after ≈ is compared with a tolerance, one after ~ is not.

nbval compares what a cell puts out with what is stored, to the letter. `compare` goes before it:
where two texts differ in nothing but numbers directly after ≈ (measured) and ~ (times), the
stored text takes the place of the fresh one, and a measured number that has moved too far fails
the cell. White space shifts with the digits of a number, so in a text with such numbers a run of
it counts as one space, and that around the number does not count at all.
"""

import copy
import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from html import unescape

# Python's notation: 0.5, .5, 1,024.5, 1_024, 2e-07.
NUMBER = r"(?:(?:\d{1,3}(?:[,_]\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+−]?\d+)?"
PERCENT = r"(?:%|per ?cent\b|(?:percentage )?points?\b)"
MAX_FACTOR = 3

_SPACE = r"[^\S\r\n]"
# In HTML tags may stand between, but for those that end a line or a table row.
_TAG = r"<(?!/?(?:tr|p|div|li|br|h\d)\b)[^<>]*>"


def _pattern(gap: str) -> re.Pattern:
    return re.compile(
        rf"{_SPACE}*(?P<mark>≈|(?<!\w)~)(?P<gap>{gap})"
        rf"(?P<number>[-+−]?(?:{NUMBER}|(?:nan|inf)\b)){_SPACE}*"
        rf"(?=(?:{gap}(?P<percent>{PERCENT}))?)",
        re.IGNORECASE,
    )


_IN_TEXT = _pattern(rf"{_SPACE}*")
_IN_HTML = _pattern(rf"(?:\s|{_TAG})*")


@dataclass(frozen=True)
class Measured:
    """A number as an output shows it: after which mark, whether in per cent, and behind what."""

    mark: str
    shown: str
    percent: bool = False
    before: str = ""

    @property
    def value(self) -> Decimal:
        return to_decimal(self.shown)

    def __str__(self) -> str:
        return f"{self.mark} {self.shown}{' %' if self.percent else ''}"


def to_decimal(shown: str) -> Decimal:
    return Decimal(re.sub("[,_]", "", shown).replace("−", "-"))


def unit(shown: str) -> Decimal:
    """One in the last digit shown: 0.01 for 44.30, 1 for 1,024 and 100 for 1.0e+03."""
    return Decimal(1).scaleb(to_decimal(shown).as_tuple().exponent)


def split(text: str, html: bool = False) -> tuple[str, list[Measured]]:
    """The text without its measured numbers and times (each leaves its mark), and these."""
    if html:
        text = re.sub(r"&#?\w+;", _character, text)
    numbers = []

    def take(match):
        line = text[: match.start()].rsplit("\n", 1)[-1]
        before = re.sub(r"<[^<>]*>", " ", line) if html else line
        percent = match["percent"] is not None
        numbers.append(Measured(match["mark"], match["number"], percent, before.strip()[-40:]))
        gap = re.sub(r"\s", "", match["gap"])
        return f"{match['mark']}{gap}\0"

    rest = (_IN_HTML if html else _IN_TEXT).sub(take, text)
    if numbers:
        rest = re.sub(rf"{_SPACE}+", " ", re.sub(rf"{_SPACE}+$", "", rest, flags=re.MULTILINE))
    return rest, numbers


def _character(entity: re.Match) -> str:
    """What the entity stands for, but for those that keep text apart from markup."""
    character = unescape(entity[0])
    return entity[0] if character in "<>&\"'" else character


# --------------------------------------------------------------------------------- tolerances


def agrees(stored: Measured, fresh: Measured, factor: float = 1) -> bool:
    """Whether the fresh number may stand in the place of the stored one."""
    a, b = stored.value, fresh.value
    if not (a.is_finite() and b.is_finite()):
        return str(a) == str(b)
    if stored.mark == "~":
        return True
    if _is_tiny(stored):
        limit = max(4 * Decimal(str(factor)), Decimal(1))
        in_range = a * b > 0 and abs(a) <= limit * abs(b) and abs(b) <= limit * abs(a)
        # 0.0001 may be 0.00005, which shows as 0.0000 or 0.0001.
        shows_as_neighbour = "e" not in stored.shown.lower() and abs(b - a) <= unit(stored.shown)
        return in_range or shows_as_neighbour
    return abs(b - a) <= margin(stored, factor)


def margin(stored: Measured, factor: float = 1) -> Decimal:
    """How far from the stored number the fresh one may lie, where that is a distance."""
    value, one = abs(stored.value), unit(stored.shown)
    if stored.percent:
        nearest = min(value, abs(100 - stored.value))
        allowed = min(max(nearest / 2, Decimal("0.3")), Decimal(3))
    elif re.fullmatch(r"[-+−]?[\d,_]+", stored.shown):  # a count
        allowed = max(value / 4, Decimal(3))
    elif value == 0:  # 0.00e+00 shows no digit of a size to go by
        allowed = min(one, Decimal("0.001")) if "e" in stored.shown.lower() else one
    else:
        allowed = max(value / 4, one)
    return allowed * Decimal(str(factor))


def _is_tiny(number: Measured) -> bool:
    return not number.percent and 0 < abs(number.value) < Decimal("0.001")


def in_words(stored: Measured, factor: float = 1) -> str:
    if not stored.value.is_finite():
        return "the same"
    if _is_tiny(stored):
        return f"a factor of {max(4 * factor, 1):g}"
    return f"{float(margin(stored, factor)):.4g}{' points' if stored.percent else ''}"


def tolerance_factor(metadata: dict) -> float:
    """By how much a cell's metadata widens its tolerances: `tolerance: 2` doubles them."""
    factor = metadata.get("tolerance", 1)
    if type(factor) not in (int, float) or not 0 < factor <= MAX_FACTOR:
        raise ValueError(
            f"the cell's metadata says `tolerance: {factor}`: it is a factor on the tolerances, "
            f"a number above 0 and at most {MAX_FACTOR}"
        )
    return factor


# ------------------------------------------------------------------------------ the comparison


def compare(cell, by_letter, fresh, stored, skip_compare=None) -> bool:
    """In place of nbval's `cell.compare_outputs`, which `by_letter` is."""
    try:
        factor = tolerance_factor(cell.cell.metadata)
    except ValueError as error:
        cell.raise_cell_error(str(error))
    fresh = copy.deepcopy(fresh)
    misses = []
    ours, theirs = _texts(fresh), _texts(stored)
    for kind in ours.keys() & theirs.keys():
        if len(ours[kind]) == len(theirs[kind]):  # else nbval says so
            for (output, key), (reference, _) in zip(ours[kind], theirs[kind], strict=True):
                html = kind in ("text/html", "text/markdown")
                output[key], found = _settle(reference[key], output[key], html, factor)
                misses += [f"{kind}: {miss}" for miss in found]
    # nbval leaves out PNG and JPEG; a drawing differs with each release of what draws it.
    skip_compare = (*(skip_compare or cell.parent.skip_compare), "image/svg+xml")
    same = by_letter(fresh, stored, skip_compare)
    cell.comparison_traceback[:0] = misses
    return same and not misses


def _texts(outputs) -> dict[str, list]:
    """For each stream and MIME type the places that hold its text, in nbval's order."""
    places = defaultdict(list)
    for output in outputs:
        if output.output_type == "stream":
            places[output.name].append((output, "text"))
        for kind, content in output.get("data", {}).items():
            if isinstance(content, str) and not kind.startswith("image/"):
                places[kind].append((output.data, kind))
    return places


def _settle(stored: str, fresh: str, html: bool, factor: float) -> tuple[str, list[str]]:
    """The text to compare to the letter, and what to say of numbers that have moved too far."""
    (rest, numbers), (fresh_rest, fresh_numbers) = split(stored, html), split(fresh, html)
    if not numbers or rest != fresh_rest:
        return fresh, []
    return stored, [
        f"stored {a}, now {b}, tolerance {in_words(a, factor)}, behind “{a.before}”"
        for a, b in zip(numbers, fresh_numbers, strict=True)
        if not agrees(a, b, factor)
    ]
