"""Every number in a chapter's prose stands in an output, an assert, a result, or by a citation.

Signs are ignored, and so are thousands separators: “−6” is 6 and “1,024” is 1024. A whole
number below 20 needs no source, unless it is multiplied: “3 billion” is not 3.
"""

import ast
import json
import math
import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from nbval.plugin import get_sanitize_patterns

SANITIZE_FILE = Path(__file__).parent / "nbval_sanitize.cfg"
SANITIZE = get_sanitize_patterns(SANITIZE_FILE.read_text(encoding="utf-8"))

# Not inside or behind a word (conv2d, x86), nor the rest of a version such as 2.15.0.
NUMBER = (
    r"(?<!\w)(?<!\d\.)"
    r"(?:(?:\d{1,3}(?:[,_]\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+−]?\d+)?"
)
PERCENT = r"[ \u00a0]*(?:%|per ?cent\b|(?:percentage )?points?\b)"
SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
# What a rounding word says of the exact value: at least the number shown, at most, or either.
ROUNDING = {"over": 1, "more than": 1, "above": 1, "at least": 1}
ROUNDING |= {"almost": -1, "nearly": -1, "less than": -1, "under": -1, "below": -1, "at most": -1}
ROUNDING |= {"about": 0, "roughly": 0, "some": 0, "around": 0, "≈": 0}

TOKEN = re.compile(
    rf"(?:(?<!\w)(?P<rounding>{'|'.join(ROUNDING)})\s*)?"
    rf"(?P<number>{NUMBER})"
    rf"(?:(?P<percent>{PERCENT})|[ \u00a0]+(?P<scale>{'|'.join(SCALES)})\b"
    rf"|[ \u00a0]*(?P<unit>{'|'.join(UNITS)})\b)?",
    re.IGNORECASE,
)
# Numbers in the name of a place in the course, its reading time, ResNet-50, a licence.
_PART = r"(?:figures?|tables?|exercises?|sections?)\s+"
NAMES = re.compile(
    rf"(?:\b{_PART}|§\s*)\d{{1,2}}\.\d{{1,2}}(?:(?:,| and| to|–)\s*\d{{1,2}}\.\d{{1,2}}\b(?!\s*%))*"
    r"|\*About \d+(?:\.\d+)? (?:minutes|hours?)\.\*"
    r"|(?-i:\b[A-Z]\w*-\d+\b|\bCC BY 4\.0\b)",
    re.IGNORECASE,
)
# Both allow for a pair of parentheses in the address, as older DOIs have.
LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?:[^()]|\([^()]*\))*\)")
URL = re.compile(r"https?://(?:[^\s<>()\"'`]|\([^\s<>()]*\))+")


@dataclass
class Block:
    """A paragraph, list item, table row, heading or caption: its text and the links in it."""

    text: str
    links: list[str]


@dataclass
class Sources:
    """The values that prose may quote."""

    printed: set[float]  # in compared text outputs
    asserted: set[float]  # constants of assert statements
    recorded: set[float]  # in the results files that the chapter's code names


def number_complaints(chapter) -> list[str]:
    """One complaint for each number in the chapter's prose that has no source."""
    sources = Sources(printed_numbers(chapter), asserted_numbers(chapter), recorded(chapter))
    complaints = []
    for block in prose_blocks(chapter):
        if any(chapter.course.cites(link) for link in block.links):
            continue
        text = NAMES.sub(" ", block.text)
        for token in TOKEN.finditer(text):
            if not is_accounted(token, sources):
                around = " ".join(text[max(0, token.start() - 40) : token.end() + 30].split())
                complaints.append(
                    f"{token['number']} in “…{around}…” has no source: print or assert it in a "
                    "cell, name its results file in the code, or cite a work in this paragraph"
                )
    return complaints


def is_accounted(token: re.Match, sources: Sources) -> bool:
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
    if not token["rounding"]:
        return False
    factors = {scale}
    if token["unit"]:
        factors.add(next(f for unit, f in UNITS.items() if unit.lower() == token["unit"].lower()))
    direction = ROUNDING[token["rounding"].lower()]
    known = sources.printed | sources.recorded
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
    """The numbers of the text outputs, without measured values: those differ between machines."""
    texts = (sanitize(text) for cell in chapter.code_cells for text in output_texts(cell))
    return {
        to_float(token["number"]) * _scale(token)
        for text in texts
        for token in TOKEN.finditer(text)
    }


def sanitize(text: str) -> str:
    for pattern, replacement in SANITIZE:
        text = re.sub(pattern, replacement, text)
    return text


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


# --------------------------------------------------------------------------------- the prose


def prose_blocks(chapter) -> list[Block]:
    texts = [text for cell in chapter.markdown_cells for text in split_blocks(cell.source)]
    for cell in chapter.code_cells:
        figure = cell.metadata.get("mystnb", {})
        texts.append(str(figure.get("figure", {}).get("caption", "")))
        texts.append(str(figure.get("image", {}).get("alt", "")))
    return [Block(plain_text(text), link_targets(text)) for text in texts if text.strip()]


def split_blocks(source: str) -> list[str]:
    """The blocks of a markdown cell, without fenced code, comments, labels and option lines."""
    source = re.sub(r"<!--.*?-->", "", source, flags=re.S)
    source = re.sub(r"^( *)(`{3,}|~{3,}).*?^ *\2[`~]*[ \t]*$", "", source, flags=re.S | re.M)
    source = re.sub(r"^(\$\$)[ \t]*\([\w:-]+\)[ \t]*$", r"\1", source, flags=re.M)
    source = re.sub(r"^\([\w:-]+\)=[ \t]*$", "", source, flags=re.M)
    source = re.sub(r"^:{3,}\{(?:figure|image)\}.*$", "\n", source, flags=re.M)
    source = re.sub(r"^:(?:alt|caption):", "\n", source, flags=re.M)
    source = re.sub(r"^:[\w-]+:.*$", "", source, flags=re.M)
    # A table row, a list item, a heading and a directive's first line are blocks of their own.
    source = re.sub(r"^(?=[ \t]*(?:\||[-*+] |\d+[.)] |#+ |:::))", "\n", source, flags=re.M)
    source = re.sub(r"^(#+ .*|:::.*)$", r"\1\n", source, flags=re.M)
    return re.split(r"\n[ \t]*\n", source)


def plain_text(block: str) -> str:
    """The block as it reads: links by their text, formulas without commands, no tags."""
    block = LINK.sub(r"\1", block)
    block = URL.sub(" ", block)
    block = re.sub(r"</?[a-zA-Z][^>]*>", " ", block)
    block = block.replace("{,}", ",")
    block = re.sub(r"_\{\d{1,2}\}", " ", block)  # an index, as in w_{23}
    return re.sub(r"\\(?:[a-zA-Z]+|[,;:! ])", " ", block)


def link_targets(block: str) -> list[str]:
    # A URL at a sentence's end does not contain the full stop.
    return [url.rstrip(".,;:") for url in URL.findall(block)]
