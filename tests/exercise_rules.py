"""The rules for exercises: numbered, each with a blank that fails and a solution that passes."""

import ast
import re

from chapter import Chapter, parse

EXERCISES_NEEDED = dict.fromkeys(("01", "02", "03", "04", "05", "06"), 4)


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
    complaints, labels = [], []
    for i, cell in enumerate(cells):
        if cell.cell_type != "markdown":
            continue
        found = re.findall(r"^:{3,}\{exercise\}(.*)\n((?::[\w-]+:.*\n)*)", cell.source, re.M)
        if len(found) > 1:
            complaints.append("two exercises stand in one cell; each needs its own code cells")
        for title, options in found:
            label = re.search(r"^:label:\s*(\S+)", options, re.MULTILINE)
            labels.append(label[1] if label else f"none ({title.strip()})")
            number = labels[-1].removeprefix("ex-").replace("-", ".")
            if not title.strip():
                complaints.append(f"exercise {number} has no title")
            blank, solution = [*cells[i + 1 : i + 3], None, None][:2]
            complaints += [f"exercise {number}: {p}" for p in blank_problems(blank, number)]
            complaints += [f"exercise {number}: {p}" for p in solution_problems(solution, number)]
    chapter_number = int(chapter.number)
    expected = [f"ex-{chapter_number}-{k + 1}" for k in range(len(labels))]
    if labels != expected:
        complaints.append(f"the exercises' labels are {labels}, not {expected}")
    needed = EXERCISES_NEEDED.get(chapter.number, 0)
    if len(labels) < needed:
        complaints.append(f"it has {len(labels)} exercises; at least {needed} are needed")
    numbers = {label.removeprefix("ex-").replace("-", ".") for label in labels}
    known = {n for n in chapter.course.checks if n.startswith(f"{chapter_number}.")}
    for number in sorted(numbers ^ known):
        where = "no exercise" if number in known else "no check"
        complaints.append(f"{where} has the number {number}: chapter and checks must agree")
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
