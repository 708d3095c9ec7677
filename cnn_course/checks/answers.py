"""What the checks of all chapters share: judge a number, a function, a network; show a value.

Each gives None for a right answer, or one sentence about the first thing that is wrong.
"""

import math
import reprlib

import torch
from torch import nn

from cnn_course.data import load
from cnn_course.training import evaluate


def first_line(error: BaseException) -> str:
    try:
        return (str(error).splitlines() or ["(no message)"])[0]
    except Exception:
        return "(no readable message)"


def whole_number(answer, expected: int, hints: dict[int, str]) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int):
        return f"A whole number is asked for; this is of type {type(answer).__name__}."
    if answer == expected:
        return None
    return hints.get(answer, f"{answer:,} is too {'small' if answer < expected else 'large'}.")


def function(answer, cases: list[tuple[tuple, object]]) -> str | None:
    """The first of `cases`, pairs of arguments and expected result, that the function fails."""
    if not callable(answer):
        return f"A function is asked for; this is of type {type(answer).__name__}."
    for arguments, expected in cases:
        call = f"{getattr(answer, '__name__', 'your function')}({', '.join(map(show, arguments))})"
        try:
            got = answer(*arguments)
        except (Exception, SystemExit) as error:
            return f"{call} raised {type(error).__name__}: {first_line(error)}"
        if isinstance(expected, torch.Tensor):
            if not isinstance(got, torch.Tensor):
                return f"{call} should give a tensor and gave {show(got)}."
            if got.shape != expected.shape:
                shapes = f"{tuple(expected.shape)} and gave {tuple(got.shape)}"
                return f"{call} should give the shape {shapes}."
            if not torch.allclose(got.double(), expected.double(), atol=1e-5):
                return f"{call} should give {show(expected)} and gave {show(got)}."
        elif isinstance(expected, float):
            if not _is_close(got, expected):
                return f"{call} should give {expected:.4g} and gave {show(got)}."
        elif not (isinstance(got, type(expected)) and got == expected):
            return f"{call} should give {show(expected)} and gave {show(got)}."
    return None


def network(answer, most: int) -> str | None:
    """Whether it is a model with at most so many parameters."""
    if not isinstance(answer, nn.Module):
        return f"A trained model is asked for; this is of type {type(answer).__name__}."
    parameters = sum(p.numel() for p in answer.parameters())
    if parameters > most:
        return f"It has {parameters:,} parameters; {most:,} are allowed."
    return None


def reads_digits(answer: nn.Module, percent: int) -> str | None:
    """Whether the model gets so many per cent of the validation digits right."""
    accuracy = evaluate(answer, load("mnist-sample", "validation")).accuracy
    if accuracy < percent / 100:
        return (
            f"{accuracy:.1%} of the validation digits are right; "
            f"at least {percent} % are asked for."
        )
    return None


def _is_close(got, expected: float) -> bool:
    try:
        return math.isclose(float(got), expected, rel_tol=1e-5)  # a tensor of one number will do
    except (TypeError, ValueError, RuntimeError):
        return False


def show(value) -> str:
    """A short text for a value: a small tensor by its numbers, a large one by its shape."""
    if isinstance(value, torch.Tensor):
        if value.numel() > 30:
            return f"<tensor of shape {tuple(value.shape)}>"
        return str(
            [[round(v, 4) for v in row] for row in value.tolist()]
            if value.dim() == 2
            else value.tolist()
        )
    return "the three dots" if value is ... else reprlib.repr(value)
