"""The checks of chapter 01's exercises."""

import math
from dataclasses import replace

import torch
from torch.nn import functional as F

from cnn_course.checks.answers import function, network, whole_number
from cnn_course.data import load
from cnn_course.training import evaluate


def _weights_of_a_layer(answer) -> str | None:
    weights, biases = 640 * 480 * 100, 100
    hints = {
        weights: "These are the weights; each neuron has a bias too.",
        3 * weights + biases: "A grey image has one value a pixel, not three.",
        3 * weights: "A grey image has one value a pixel, and each neuron has a bias.",
    }
    return whole_number(answer, weights + biases, hints)


def _flat_index(answer) -> str | None:
    grids = [(3, 3), (2, 5), (28, 28)]
    return function(
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
    return function(answer, cases)


def _conv_matrix(answer) -> str | None:
    cases = []
    for kernel, size in [([1.0, 2.0, 3.0], 5), ([5.0], 2), ([1.0, -1.0], 4), ([2.0, 0.0, 1.0], 3)]:
        kernel = torch.tensor(kernel)
        # Convolving the unit vectors gives the columns of the matrix.
        columns = F.conv1d(torch.eye(size)[:, None], kernel[None, None])
        cases.append(((kernel, size), columns[:, 0].T))
    return function(answer, cases)


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
    if problem := network(answer, most=10_000):
        return problem
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


CHECKS = {
    "1.1": _weights_of_a_layer,
    "1.2": _flat_index,
    "1.3": _unscramble,
    "1.4": _conv_matrix,
    "1.5": _equivariant,
    "1.6": _small_and_steady,
}
