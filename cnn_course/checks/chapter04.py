"""The checks of chapter 04's exercises."""

import torch
from torch.nn import functional as F

from cnn_course.checks.answers import function, whole_number
from cnn_course.checks.networks import network, reads_digits


def _lenet5_in_colour(answer) -> str | None:
    expected = 83_126
    hints = {
        61_706: "That is for grey images of 28×28.",
        62_006: "C1 sees three channels; but C5 sees 16 maps of 6×6 now.",
        82_826: "C1 sees three channels.",
    }
    return whole_number(answer, expected, hints)


def _cross_entropy(answer) -> str | None:
    cases = [([2, 1, 0], 0), ([2, 1, 0], 2), ([0, 0], 1), ([-3, 5, 1, 1], 3), ([1000, 999], 1)]
    return function(
        answer,
        [
            (
                (torch.tensor(z).float(), y),
                F.cross_entropy(torch.tensor(z).float(), torch.tensor(y)).item(),
            )
            for z, y in cases
        ],
    )


def _confusion_matrix(answer) -> str | None:
    cases = []
    for labels, answers, classes in [
        ([0, 1, 1], [0, 1, 0], 2),
        ([0], [2], 3),
        ([2, 2, 2, 0], [2, 2, 1, 0], 3),
    ]:
        expected = torch.zeros(classes, classes, dtype=torch.int64)
        for label, given in zip(labels, answers, strict=True):
            expected[label, given] += 1
        cases.append(((torch.tensor(labels), torch.tensor(answers), classes), expected))
    return function(answer, cases)


def _momentum_step(answer) -> str | None:
    cases = []
    for w, v, g, lr, mu in [
        ([1.0, 2.0], [0.0, 0.0], [1.0, -1.0], 0.5, 0.9),
        ([1.0], [2.0], [3.0], 0.1, 0.5),
        ([0.0, 1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], 1.0, 0.9),
    ]:
        w, v, g = map(torch.tensor, (w, v, g))
        velocity = mu * v + g
        cases.append(((w, v, g, lr, mu), torch.stack([w - lr * velocity, velocity])))
    return function(answer, cases)


def _slim(answer) -> str | None:
    return network(answer, most=20_000) or reads_digits(answer, percent=96)


CHECKS = {
    "4.1": _lenet5_in_colour,
    "4.2": _cross_entropy,
    "4.3": _confusion_matrix,
    "4.4": _momentum_step,
    "4.5": _slim,
}
