"""The checks of chapter 03's exercises."""

import torch
from torch.nn import functional as F

from cnn_course.checks.answers import function
from cnn_course.checks.networks import as_it_was, network, reads_digits
from cnn_course.checks.values import show, tensor
from cnn_course.inspection import layer_table
from cnn_course.models import Normalize


def _one_kernel(answer) -> str | None:
    cases = []
    for first, second in [
        ((1, 2), (3, 4)),
        ((1, -1), (1, -1)),
        ((2,), (1, 0, 3)),
        ((1, 2, 3), (4,)),
    ]:
        first, second = torch.tensor(first).float(), torch.tensor(second).float()
        # What both make of a single 1 is the one kernel in reverse.
        dot = F.pad(torch.ones(1, 1, 1), (len(first) + len(second) - 2,) * 2)
        both = F.conv1d(F.conv1d(dot, first[None, None]), second[None, None])
        cases.append(((first, second), both[0, 0].flip(0)))
    return function(answer, cases)


def _max_pool_backward(answer) -> str | None:
    generator = torch.Generator().manual_seed(4)
    cases = []
    for height, width in [(2, 2), (4, 4), (2, 6), (6, 4)]:
        order = torch.randperm(height * width, generator=generator)
        x = order.float().view(height, width).requires_grad_()
        pooled = F.max_pool2d(x[None, None], 2)[0, 0]
        g = torch.randint(1, 9, pooled.shape, generator=generator).float()
        (expected,) = torch.autograd.grad(pooled, x, g)
        cases.append(((x.detach(), g), expected))
    reason = "It calls autograd; work out yourself where each number of g goes."
    return function(answer, cases, without=("grad", "backward", "_make_dual"), reason=reason)


def _mean_square_factor(answer) -> str | None:
    return function(answer, [((n, k), 3.0**-k) for n, k in [(72, 1), (72, 2), (9, 2), (576, 12)]])


def _fool_the_max(answer) -> str | None:
    row = tensor(answer)
    if row is None:
        return f"A list of 8 numbers is asked for; this is {show(answer)}."
    if row.shape != (8,) or not ((row == 0) | (row == 1)).all():
        return f"A list of 8 numbers, each 0 or 1, is asked for; this is {show(answer)}."
    before, after = (r.int().view(4, 2).amax(1).tolist() for r in (row, row.roll(1)))
    if any(a == b for a, b in zip(before, after, strict=True)):
        return f"The maxima are {before}, and {after} after the shift: some stay."
    return None


def _deep_learner(answer) -> str | None:
    if problem := network(answer, most=25_570):
        return problem
    with as_it_was(answer):
        kinds = [row.kind for row in layer_table(answer, (1, 28, 28)).rows if row.macs]
    if kinds.count("Conv2d") < 10:
        return f"{kinds.count('Conv2d')} convolutions do work in it; at least 10 are asked for."
    for layer in answer.modules():
        if "Norm" in type(layer).__name__ and not isinstance(layer, Normalize):
            return f"It has a {type(layer).__name__}; it should learn without one."
    return reads_digits(answer, percent=90)


CHECKS = {
    "3.1": _one_kernel,
    "3.2": _max_pool_backward,
    "3.3": _mean_square_factor,
    "3.4": _fool_the_max,
    "3.5": _deep_learner,
}
