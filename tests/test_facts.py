"""Every fact that the course is to teach has a section, and CONTRIBUTING.md says which."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_rules import page_anchors

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \| (\S.*?) \| (.+) \|$", re.MULTILINE)
LINK = re.compile(r"\[(?P<shown>[^\]]+)\]\((?P<file>chapters/\w+\.md)#(?P<anchor>[^\s)]+)\)")
FACTS = {int(row[1]): [*LINK.finditer(row[3])] for row in ROW.finditer(TEXT)}


def test_there_are_twenty_four():
    assert list(FACTS) == list(range(1, 25))


@pytest.mark.parametrize("number", FACTS)
def test_its_sections_are_there(number):
    assert FACTS[number], f"fact {number} has no section"
    for link in FACTS[number]:
        page = ROOT / link["file"]
        assert page.is_file(), f"fact {number} is said to be taught in {link['file']}"
        anchor = unquote(link["anchor"])
        assert anchor in page_anchors(page), f"{link['file']} has no heading #{anchor}"
        chapter, _, heading = link["shown"].partition(", ")
        assert page.name.startswith(f"{chapter}_")
        assert heading.replace(" ", "-") == anchor
