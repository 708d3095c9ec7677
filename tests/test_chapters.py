"""Every chapter keeps every rule; what the rules ask for stands in chapter_rules.py."""

from functools import cache
from pathlib import Path

import pytest
from chapter import Chapter, Course, chapter_files
from chapter_rules import RULES
from course_rules import COURSE_RULES

from cnn_course.checks import CHECKS

ROOT = Path(__file__).parents[1]
CHAPTERS = chapter_files(ROOT)
COURSE = Course(ROOT, frozenset(CHECKS))


@cache
def read(path: Path) -> Chapter:
    return Chapter.read(path, COURSE)


def test_there_are_chapters():
    assert [path.stem[:2] for path in CHAPTERS[:1]] == ["00"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter(path, rule):
    complaints = rule(read(path))
    assert not complaints, f"{path.name}:\n" + "\n".join(complaints)


@pytest.mark.parametrize("rule", COURSE_RULES, ids=lambda rule: rule.__name__)
def test_course(rule):
    complaints = rule(ROOT)
    assert not complaints, "\n".join(complaints)
