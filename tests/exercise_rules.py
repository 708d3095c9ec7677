"""The rules for exercises: numbered, each with a blank that fails and a solution that passes."""

import ast
import re

from chapter import Chapter, headings, parse

EXERCISES_NEEDED = dict.fromkeys(("01", "02", "03", "04", "05", "06"), 4)
PAPER_QUESTIONS = 2


def check_call(node) -> str | None:
    """The number in `check("1.2", …)`, if the node is such a call."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check" and node.args:
        return getattr(node.args[0], "value", None)
    return None


def is_solution(cell) -> bool:
    statements = [n for n in ast.walk(parse(cell.source)) if isinstance(n, ast.Assert)]
    return any(check_call(statement.test) for statement in statements)


def exercises_are_complete(chapter: Chapter) -> list[str]:
    cells = [c for c in chapter.notebook.cells if c.source.strip()]
    complaints, numbers, section = [], [], ""
    for i, cell in enumerate(cells):
        if cell.cell_type != "markdown":
            continue
        found = []
        for level, text in headings([cell]):
            section = text if level <= 2 else section
            if level > 2 and text.startswith("Exercise "):
                found.append((level, text, section))
        if len(found) > 1:
            complaints.append("two exercises stand in one cell; each needs its own code cells")
        for level, text, section in found:
            heading = re.fullmatch(r"Exercise (\d+[a-z]?\.\d+) · \S.*", text)
            number = heading[1] if heading else "?"
            numbers.append(number)
            if heading is None or level != 3:
                complaints.append(f"an exercise begins “### Exercise 1.1 · Title”, not “{text}”")
            if section != "Exercises":
                complaints.append(f"exercise {number} stands outside the section Exercises")
            blank, solution = [*cells[i + 1 : i + 3], None, None][:2]
            complaints += [f"exercise {number}: {p}" for p in blank_problems(blank, number)]
            complaints += [f"exercise {number}: {p}" for p in solution_problems(solution, number)]
    expected = [f"{chapter.label}.{k + 1}" for k in range(len(numbers))]
    if numbers != expected:
        complaints.append(f"the exercises' numbers are {numbers}, not {expected}")
    needed = EXERCISES_NEEDED.get(chapter.number, 0)
    if len(numbers) < needed:
        complaints.append(f"it has {len(numbers)} exercises; at least {needed} are needed")
    known = {n for n in chapter.course.checks if n.startswith(f"{chapter.label}.")}
    for number in sorted(set(numbers) ^ known):
        where = "no exercise" if number in known else "no check"
        complaints.append(f"{where} has the number {number}: chapter and checks must agree")
    return complaints


def paper_questions_are_complete(chapter: Chapter) -> list[str]:
    """After the exercises come two for pencil and paper, each with a folded worked solution."""
    prose = re.split(r"^## Exercises[ \t]*$", chapter.prose, maxsplit=1, flags=re.M)[-1]
    parts = re.split(r"^(?=#{2,3} )", prose, flags=re.M)
    questions = [part for part in parts if part.startswith("### On paper · ")]
    complaints = []
    needed = PAPER_QUESTIONS if chapter.number in EXERCISES_NEEDED else 0
    if len(questions) < needed:
        complaints.append(
            f"it has {len(questions)} questions “### On paper · Title”; {needed} are needed"
        )
    for question in questions:
        if not re.search(r"<details>\s*<summary>Worked solution</summary>", question):
            complaints.append(
                f"“{question.splitlines()[0]}” has no <details><summary>Worked solution</summary>"
            )
    behind = parts[parts.index(questions[0]) :] if questions else []
    if any(part.startswith("### Exercise ") for part in behind):
        complaints.append("an exercise follows a question on paper: those come last")
    return complaints


def blank_problems(cell, number: str) -> list[str]:
    """The cell to fill in: open, with a blank, and with a stored check that fails with a reason."""
    if cell is None or cell.cell_type != "code":
        return ["a code cell with the blank must follow its text"]
    body = parse(cell.source).body
    problems = []
    if not (body and isinstance(body[-1], ast.Expr) and check_call(body[-1].value) == number):
        problems.append(f'the blank must end with check("{number}", …)')
    constants = [n.value for n in ast.walk(parse(cell.source)) if isinstance(n, ast.Constant)]
    if ... not in constants:
        problems.append("the cell to fill in has no blank `...`")
    if cell.metadata.get("tags"):
        problems.append("the cell to fill in must not be hidden")
    printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
    if f"Exercise {number}: not yet." not in printed:
        problems.append("on the blank, check must print what is missing")
    if any(o.output_type != "stream" for o in cell.outputs):
        problems.append("on the blank, check must show nothing below what it prints")
    return problems


def solution_problems(cell, number: str) -> list[str]:
    """The solution: folded, executed, asserting that its check passes."""
    if cell is None or cell.cell_type != "code":
        return ["a code cell with the solution must follow the blank"]
    asserts = [n.test for n in ast.walk(parse(cell.source)) if isinstance(n, ast.Assert)]
    problems = []
    if number not in [check_call(test) for test in asserts]:
        problems.append(f'the solution must contain assert check("{number}", …)')
    if "hide-cell" not in cell.metadata.get("tags", []):
        problems.append("the solution must have the tag hide-cell")
    if f"exercise {number}" not in cell.metadata.get("mystnb", {}).get("code_prompt_show", ""):
        problems.append(f"the solution's code_prompt_show must name exercise {number}")
    if not cell.outputs:
        problems.append("the solution has no stored output")
    return problems
