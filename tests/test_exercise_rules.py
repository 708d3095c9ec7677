"""The rules for exercises fire."""

import copy
import re

import pytest
from chapter import Course
from exercise_rules import exercises_are_complete, paper_questions_are_complete
from good_chapter import cell_with, change, complaint


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Exercise 1.2 · Count again", "Exercise 1.5 · Count again", "numbers"),
        ("Exercise 1.2 · Count again", "Exercise 1.2", "begins"),
        ("### Exercise 1.2 ·", "#### Exercise 1.2 ·", "begins"),
        ("### Exercise 1.4 · Count out", "Count out", "at least 4"),
        ("## Exercises", "## Tasks", "outside the section"),
        ('answer = ...\n\ncheck("1.2", answer)', 'answer = 0\n\ncheck("1.2", answer)', "no blank"),
        ('answer = ...\n\ncheck("1.2", answer)', "answer = ...", "must end with"),
        ('answer = ...\n\ncheck("1.2"', 'answer = ...\n\ncheck("1.3"', "must end with"),
        ('assert check("1.2", answer)', 'check("1.2", answer)', "assert check"),
        ('assert check("1.2", answer)', 'assert check("1.3", answer)', "assert check"),
    ],
)
def test_incomplete_exercise(chapter, old, new, problem):
    change(chapter, old, new)
    assert any(problem in found for found in exercises_are_complete(chapter))


def test_blank_that_passes(chapter):
    cell = cell_with(chapter, '...\n\ncheck("1.1"')
    cell.outputs[0].text = "Exercise 1.1: right.\n"
    assert "on the blank" in complaint(exercises_are_complete(chapter))


def test_blank_without_a_reason(chapter):
    cell_with(chapter, '...\n\ncheck("1.1"').outputs = []
    assert "on the blank" in complaint(exercises_are_complete(chapter))


def test_blank_that_shows_its_verdict_too(chapter):
    cell = cell_with(chapter, '...\n\ncheck("1.1"')
    result = copy.deepcopy(cell.outputs[0])
    result.output_type = "execute_result"
    cell.outputs.append(result)
    assert "nothing below" in complaint(exercises_are_complete(chapter))


def test_hidden_blank(chapter):
    cell_with(chapter, '...\n\ncheck("1.1"').metadata["tags"] = ["hide-cell"]
    assert "must not be hidden" in complaint(exercises_are_complete(chapter))


def test_open_solution(chapter):
    del cell_with(chapter, 'assert check("1.1"').metadata["tags"]
    assert "hide-cell" in complaint(exercises_are_complete(chapter))


def test_solution_with_another_number_on_its_button(chapter):
    metadata = cell_with(chapter, 'assert check("1.1"').metadata["mystnb"]
    metadata["code_prompt_show"] = "Show the solution of exercise 1.2"
    assert "must name exercise 1.1" in complaint(exercises_are_complete(chapter))


def test_solution_that_was_not_run(chapter):
    cell_with(chapter, 'assert check("1.1"').outputs = []
    assert "no stored output" in complaint(exercises_are_complete(chapter))


def test_exercise_without_its_cells(chapter):
    cells = chapter.notebook.cells
    cells.remove(cell_with(chapter, '...\n\ncheck("1.4"'))
    cells.remove(cell_with(chapter, 'assert check("1.4"'))
    found = exercises_are_complete(chapter)
    assert any("the blank must follow" in problem for problem in found)
    assert any("the solution must follow" in problem for problem in found)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("### On paper · Two layers", "### Two layers", "1 questions"),
        ("Worked solution", "Answer", "no <details>"),
    ],
)
def test_incomplete_questions_on_paper(chapter, old, new, problem):
    cell = cell_with(chapter, "### On paper · Two layers")
    cell.source = cell.source.replace(old, new, 1)
    assert problem in complaint(paper_questions_are_complete(chapter))


def test_an_exercise_behind_the_questions_on_paper(chapter):
    change(chapter, "## Further reading", "### Exercise 1.5 · Late\n\n## Further reading")
    assert "come last" in complaint(paper_questions_are_complete(chapter))


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ({"1.1", "1.2", "1.3"}, "no check has the number 1.4"),
        ({"1.1", "1.2", "1.3", "1.4", "1.5"}, "no exercise has the number 1.5"),
    ],
)
def test_exercises_and_checks_differ(chapter, checks, problem):
    chapter.course.checks = frozenset(checks)
    assert problem in complaint(exercises_are_complete(chapter))


def test_a_chapter_beside_another_may_have_exercises(chapter):
    chapter.path = chapter.path.with_name("01b_beside.md")
    chapter.course = Course(chapter.course.root, frozenset(f"1b.{k}" for k in range(1, 5)))

    def renamed(text):
        return re.sub(r"([Ee]xercise |check\(\")1\.", r"\g<1>1b.", text)

    for cell in chapter.notebook.cells:
        cell.source = renamed(cell.source)
        for output in cell.get("outputs", []):
            output.update({"text": renamed(output.text)} if "text" in output else {})
        prompts = cell.metadata.get("mystnb", {})
        prompts.update({key: renamed(text) for key, text in prompts.items() if "code" in key})
    assert exercises_are_complete(chapter) == []
