"""The checks of chapter 01's exercises."""

import torch
from torch.nn import functional as F

from cnn_course.checks.answers import function, whole_number
from cnn_course.checks.networks import accuracy, advice, network, shortfall
from cnn_course.checks.values import truth
from cnn_course.data import load


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
    right = {
        "ReLU": True,
        "3×3 convolution, circular padding": True,
        "3×3 convolution, stride 2": False,
        "2×2 max pooling, stride 2": False,
        "flatten, then linear": False,
    }
    if not isinstance(answer, dict) or set(answer) != set(right):
        return f"A dictionary with these keys is asked for: {', '.join(right)}."
    for name, value in right.items():
        if truth(answer[name]) is None:
            return f"Put True or False for “{name}”."
        if truth(answer[name]) is not value:
            return f"“{name}”: shift an image by one pixel, before and after, and compare."
    return None


def _small_and_steady(answer) -> str | None:
    if problem := network(answer, most=10_000):
        return problem
    digits = load("mnist-sample", "validation")
    for pixels, percent in [(0, 85), (-4, 80), (4, 80)]:
        moved = F.pad(digits.images, (pixels, -pixels))
        right, problem = accuracy(answer, moved, digits.labels)
        if problem:
            return problem
        if right < percent / 100:
            hint = "Which of its layers know where a pixel is?" if pixels else advice(right)
            if not pixels and right > 0.15:  # at the rate of `fit`'s own such networks stop at 75 %
                hint += " One that is steady learns slowly: try lr=0.1."
            return f"Moved by {pixels} pixels, {shortfall(right, percent)} {hint}"
    return None


CHECKS = {
    "1.1": _weights_of_a_layer,
    "1.2": _flat_index,
    "1.3": _unscramble,
    "1.4": _conv_matrix,
    "1.5": _equivariant,
    "1.6": _small_and_steady,
}
