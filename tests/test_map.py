"""The map of the welcome page names every chapter, with the times that the chapter itself tells."""

import re
from pathlib import Path

import pytest

CHAPTERS = Path(__file__).parents[1] / "chapters"
ROW = re.compile(
    r"^\| \[.*?\]\((?P<file>.+?)\) \|.*\| (?P<read>\S+)(?: \+ (?P<solve>\S+))? \|$", re.M
)
TIMES = re.compile(r"^\*About (\d+) minutes(?: to read, (\d+) for the exercises)?\.\*$", re.M)
QUARTERS = {"¼": 0.25, "½": 0.5, "¾": 0.75}
ROWS = {
    row["file"]: (row["read"], row["solve"])
    for row in ROW.finditer((CHAPTERS / "00_welcome.md").read_text(encoding="utf-8"))
}


def hours(text: str) -> float:
    """1¼ is 1.25."""
    whole = text.rstrip("".join(QUARTERS))
    return float(whole or 0) + sum(QUARTERS[c] for c in text[len(whole) :])


def test_the_map_names_every_chapter():
    files = {path.name for path in CHAPTERS.glob("0[1-7]*_*.ipynb")}
    assert set(ROWS) == files


@pytest.mark.parametrize("file", ROWS)
def test_its_hours_are_the_chapters_minutes(file):
    text = (CHAPTERS / file).with_suffix(".md").read_text(encoding="utf-8")
    times = TIMES.search(text)
    assert times, f"{file} does not tell its times, reading and exercises apart"
    for minutes, told in zip(times.groups(), ROWS[file], strict=True):
        assert (minutes is None) == (told is None), (
            "only where there are exercises, they have hours"
        )
        if minutes:
            off = abs(int(minutes) / 60 - hours(told))
            assert off <= 0.125, f"{minutes} minutes are not {told} h"
