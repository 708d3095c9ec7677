"""Instant checks of the exercises: `check("1.2", answer)` says whether and where it is wrong."""

import math
import reprlib
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.data import load
from cnn_course.training import evaluate


def check(number: str, answer) -> bool:
    """Print whether `answer` solves exercise `number`, with the first case that fails; return it.

    Never raises, whatever the answer is or does: an error in it is a wrong answer with a reason.
    """
    try:
        problem = _problem(number, answer)
    except (Exception, SystemExit) as error:
        problem = f"checking your answer raised {type(error).__name__}: {_first_line(error)}"
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


def _first_line(error: BaseException) -> str:
    try:
        return (str(error).splitlines() or ["(no message)"])[0]
    except Exception:
        return "(no readable message)"


def _whole_number(answer, expected: int, hints: dict[int, str]) -> str | None:
    if isinstance(answer, bool) or not isinstance(answer, int):
        return f"A whole number is asked for; this is of type {type(answer).__name__}."
    if answer == expected:
        return None
    return hints.get(answer, f"{answer:,} is too {'small' if answer < expected else 'large'}.")


def _function(answer, cases: list[tuple[tuple, object]]) -> str | None:
    """The first of `cases`, pairs of arguments and expected result, that the function fails."""
    if not callable(answer):
        return f"A function is asked for; this is of type {type(answer).__name__}."
    for arguments, expected in cases:
        call = f"{getattr(answer, '__name__', 'your function')}({', '.join(map(_show, arguments))})"
        try:
            got = answer(*arguments)
        except (Exception, SystemExit) as error:
            return f"{call} raised {type(error).__name__}: {_first_line(error)}"
        if isinstance(expected, torch.Tensor):
            if not isinstance(got, torch.Tensor):
                return f"{call} should give a tensor and gave {_show(got)}."
            if got.shape != expected.shape:
                shapes = f"{tuple(expected.shape)} and gave {tuple(got.shape)}"
                return f"{call} should give the shape {shapes}."
            if not torch.allclose(got.double(), expected.double(), atol=1e-5):
                return f"{call} should give {_show(expected)} and gave {_show(got)}."
        elif not (isinstance(got, type(expected)) and got == expected):
            return f"{call} should give {_show(expected)} and gave {_show(got)}."
    return None


def _show(value) -> str:
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


# Chapter 01


def _weights_of_a_layer(answer) -> str | None:
    weights, biases = 640 * 480 * 100, 100
    hints = {
        weights: "These are the weights; each neuron has a bias too.",
        3 * weights + biases: "A grey image has one value a pixel, not three.",
        3 * weights: "A grey image has one value a pixel, and each neuron has a bias.",
    }
    return _whole_number(answer, weights + biases, hints)


def _flat_index(answer) -> str | None:
    grids = [(3, 3), (2, 5), (28, 28)]
    return _function(
        answer,
        [
            ((row, column, width), row * width + column)
            for height, width in grids
            for row, column in [(0, 0), (0, 1), (1, 0), (height - 1, width - 1)]
        ],
    )


def _unscramble(answer) -> str | None:
    generator = torch.Generator().manual_seed(3)
    cases = []
    for count, side in [(1, 2), (2, 3), (4, 28)]:
        images = torch.randint(256, (count, 1, side, side), generator=generator)
        order = torch.randperm(side * side, generator=generator)
        scrambled = images.flatten(1)[:, order].view_as(images)
        cases.append(((scrambled, order), images))
    return _function(answer, cases)


def _conv_matrix(answer) -> str | None:
    cases = []
    for kernel, size in [([1.0, 2.0, 3.0], 5), ([5.0], 2), ([1.0, -1.0], 4), ([2.0, 0.0, 1.0], 3)]:
        kernel = torch.tensor(kernel)
        # Convolving the unit vectors gives the columns of the matrix.
        columns = F.conv1d(torch.eye(size)[:, None], kernel[None, None])
        cases.append(((kernel, size), columns[:, 0].T))
    return _function(answer, cases)


def _equivariant(answer) -> str | None:
    truth = {
        "ReLU": True,
        "3×3 convolution, circular padding": True,
        "3×3 convolution, stride 2": False,
        "2×2 max pooling, stride 2": False,
        "flatten, then linear": False,
    }
    if not isinstance(answer, dict) or set(answer) != set(truth):
        return f"A dictionary with these keys is asked for: {', '.join(truth)}."
    for name, value in truth.items():
        if answer[name] is ...:
            return f"Put True or False for “{name}”."
        if answer[name] is not value:
            return f"“{name}”: shift an image by one pixel, before and after, and compare."
    return None


def _small_and_steady(answer) -> str | None:
    if not isinstance(answer, nn.Module):
        return f"A trained model is asked for; this is of type {type(answer).__name__}."
    parameters = sum(p.numel() for p in answer.parameters())
    if parameters > 10_000:
        return f"It has {parameters:,} parameters; 10,000 are allowed."
    digits = load("mnist-sample", "validation")
    for pixels, least in [(0, 0.85), (-4, 0.8), (4, 0.8)]:
        moved = replace(digits, images=F.pad(digits.images, (pixels, -pixels)))
        accuracy = evaluate(answer, moved).accuracy
        if math.isnan(accuracy) or accuracy < least:
            return (
                f"Moved by {pixels} pixels, {accuracy:.0%} of the validation digits are right; "
                f"at least {least:.0%} are asked for."
            )
    return None


CHECKS: dict[str, Callable] = {
    "1.1": _weights_of_a_layer,
    "1.2": _flat_index,
    "1.3": _unscramble,
    "1.4": _conv_matrix,
    "1.5": _equivariant,
    "1.6": _small_and_steady,
}
