"""Instant checks of the exercises: `check("1.2", answer)` says whether and where it is wrong."""

import sys
from collections.abc import Callable

from cnn_course.checks import (
    chapter01,
    chapter02,
    chapter03,
    chapter04,
    chapter05,
    chapter05c,
    chapter06,
)
from cnn_course.checks.answers import first_line
from cnn_course.checks.values import show

CHECKS: dict[str, Callable] = {
    **chapter01.CHECKS,
    **chapter02.CHECKS,
    **chapter03.CHECKS,
    **chapter04.CHECKS,
    **chapter05.CHECKS,
    **chapter05c.CHECKS,
    **chapter06.CHECKS,
}


class Verdict(int):
    """True or False. A notebook does not show it below the message that `check` has printed."""

    def __repr__(self) -> str:
        return repr(bool(self))

    __str__ = __repr__

    def _ipython_display_(self) -> None:
        pass


def check(number: str, answer) -> Verdict:
    """Print whether `answer` solves exercise `number`, with the first case that fails; return it.

    Never raises, whatever the answer is or does: an error in it is a wrong answer with a reason.
    Only Ctrl-C goes through.
    """
    exercise = problem = None
    try:
        exercise = str.strip(number) if isinstance(number, str) else None
        if exercise not in CHECKS:
            exercise, problem = None, _no_exercise(number)
        elif answer is ...:
            problem = "Put your answer in the place of the three dots."
        else:
            problem = CHECKS[exercise](answer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, for one, is no Exception
        problem = f"checking your answer raised {first_line(error)}"
    if exercise:
        _say(f"Exercise {exercise}: " + (f"not yet. {problem}" if problem else "right."))
    else:
        _say(problem)
    return Verdict(problem is None)


def _no_exercise(number) -> str:
    if isinstance(number, float) and float.__repr__(number) in CHECKS:
        return f'An exercise\'s number wants quotes: check("{number}", …).'
    return f"There is no exercise {show(number)}; there are {', '.join(CHECKS)}."


def _say(text: str) -> None:
    """Print, with question marks for what the output cannot write, and nothing if it is closed."""
    try:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = text.encode(encoding, "replace").decode(encoding)
        print(f"{text}\n", end="")  # at once: a notebook may store two writes as two outputs
    except (OSError, ValueError, LookupError):  # full, closed, or of an encoding nobody knows
        pass
