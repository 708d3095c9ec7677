"""Instant checks of the exercises: `check("1.2", answer)` says whether and where it is wrong."""

from collections.abc import Callable

from cnn_course.checks import chapter01, chapter02, chapter03, chapter04
from cnn_course.checks.answers import first_line

CHECKS: dict[str, Callable] = {
    **chapter01.CHECKS,
    **chapter02.CHECKS,
    **chapter03.CHECKS,
    **chapter04.CHECKS,
}


def check(number: str, answer) -> bool:
    """Print whether `answer` solves exercise `number`, with the first case that fails; return it.

    Never raises, whatever the answer is or does: an error in it is a wrong answer with a reason.
    """
    try:
        problem = _problem(number, answer)
    except (Exception, SystemExit) as error:
        problem = f"checking your answer raised {type(error).__name__}: {first_line(error)}"
    if problem is None:
        print(f"Exercise {number}: right.")
    else:
        print(f"Exercise {number}: not yet. {problem}")
    return problem is None


def _problem(number: str, answer) -> str | None:
    if not isinstance(number, str) or number not in CHECKS:
        return f"There is no exercise of this number; there are {', '.join(CHECKS)}."
    if answer is ...:
        return "Put your answer in the place of the three dots."
    return CHECKS[number](answer)
