"""The checks of chapter 03's exercises."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn_course.checks.answers import cases_of, hinted
from cnn_course.checks.networks import accuracy, network, shortfall
from cnn_course.checks.values import show, tensor
from cnn_course.data import load
from cnn_course.inspection import layer_table
from cnn_course.models import Normalize

BORN_UNFIT = (
    "That is guessing. How do its convolutions start? PyTorch's default shrinks the signal in "
    "every layer. And at a learning rate that is too large any activation can end in guessing."
)
TRAIN_ON = "More epochs or another lr for `fit` may be enough."


def _one_kernel(answer) -> str | None:
    def conv(x: Tensor, kernel: Tensor, **options) -> Tensor:
        return F.conv1d(x[None, None], kernel[None, None], **options)[0, 0]

    def merged(first: Tensor, second: Tensor) -> Tensor:
        # What both make of a single 1 is the one kernel in reverse.
        dot = F.pad(torch.ones(1), (len(first) + len(second) - 2,) * 2)
        return conv(conv(dot, first), second).flip(0)

    cases = cases_of(
        merged,
        *(
            (torch.tensor(first).float(), torch.tensor(second).float())
            for first, second in [
                ((1, 2), (3, 4)),
                ((1, -1), (1, -1)),
                ((2,), (1, 0, 3)),
                ((1, 2, 3), (4,)),
            ]
        ),
    )
    mistakes = [
        (
            lambda first, second: conv(first, second, padding=len(second) - 1),
            "One of the kernels is the wrong way round: `F.conv1d` does not flip its kernel, and "
            "copies that are moved and added up need that.",
        ),
        (
            lambda first, second: merged(first, second).flip(0),
            "It is the right kernel in reverse.",
        ),
    ]
    return hinted(answer, cases, mistakes)


def _mean_square_factor(answer) -> str | None:
    cases = cases_of(lambda n, k: 3.0**-k, (72, 1), (72, 2), (9, 2), (576, 12))
    mistakes = [
        (lambda n, k: 6.0**-k, "That is with a ReLU in each layer; here there is no activation."),
        (lambda n, k: 3 ** (-k / 2), "That is the length; the mean square is its square."),
        (lambda n, k: 1.0, "Numbers drawn evenly between −a and a have the variance a²/3, not a²."),
        (
            lambda n, k: (1 / (3 * n)) ** k,
            "That is the variance of one weight in each layer; an output adds up n products.",
        ),
    ]
    return hinted(answer, cases, mistakes)


def _dead(answer) -> str | None:
    generator = torch.Generator().manual_seed(3)
    maps = []
    for count, channels, size in [(2, 5, 2), (5, 6, 3), (8, 7, 4)]:
        x = torch.randint(-9, 4, (count, channels, size, size), generator=generator).float()
        x[:, [0, 3]] = -x[:, [0, 3]].abs() - 1  # dead
        x[:, 1], x[-1, 1, 0, 0] = -5, 2  # alive at one position of one image
        x[:, 2], x[0, 2, 0, 0] = -3, 0  # dead: at 0 too
        x[:, 4], x[0, 4, 0, 0] = -2, 3  # alive in the first image alone
        maps.append((x,))
    cases = cases_of(lambda x: int((x.amax((0, 2, 3)) <= 0).sum()), *maps)
    mistakes = [
        (
            lambda x: int((x.amax((0, 2, 3)) < 0).sum()),
            "At exactly 0, too, ReLU gives 0 and passes no gradient.",
        ),
        (
            lambda x: int((x.amax((0, 2, 3)) == 0).sum()),
            "x is what the ReLU is given, so it may be negative.",
        ),
        (
            lambda x: int((x.mean((0, 2, 3)) <= 0).sum()),
            "A channel whose mean is negative may still be positive at some position.",
        ),
        (
            lambda x: int((x.amax((2, 3)) <= 0).sum()),
            "That counts each image apart; a dead channel is silent on all of them.",
        ),
        (
            lambda x: int((x.amax((2, 3)) <= 0).any(0).sum()),
            "A channel that is silent on some images is not dead; it must be on all of them.",
        ),
        (
            lambda x: int((x <= 0).sum()),
            "That counts numbers; channels are asked for.",
        ),
    ]
    return hinted(answer, cases, mistakes)


def _max_pool_backward(answer) -> str | None:
    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x[None, None], 2)[0, 0]

    def spread(g: Tensor) -> Tensor:
        return g.repeat_interleave(2, 0).repeat_interleave(2, 1)

    def winners(x: Tensor) -> Tensor:
        return x == spread(pool(x))

    generator = torch.Generator().manual_seed(4)
    given = []
    for height, width in [(2, 2), (4, 4), (2, 6), (6, 4)]:
        order = torch.randperm(height * width, generator=generator)
        order -= height * width * (len(given) % 2)  # in every other map all are negative
        g = torch.randint(2, 9, (height // 2, width // 2), generator=generator).float()
        given.append((order.float().view(height, width), g))
    cases = cases_of(lambda x, g: spread(g) * winners(x), *given)
    mistakes = [
        (
            lambda x, g: spread(g) / 4,
            "That is average pooling's gradient; in max pooling the winner takes all.",
        ),
        (
            lambda x, g: spread(g),
            "Every number gets its window's gradient here, the losers too.",
        ),
        (
            lambda x, g: winners(x).float(),
            "The winners are found; what each gets is its window's number of g.",
        ),
        (
            lambda x, g: x * winners(x),
            "That keeps the largest numbers themselves; asked for is the gradient, from g.",
        ),
    ]
    reason = "It calls autograd; work out yourself where each number of g goes."
    # The third, since PyTorch 2.7 shows nobody a call of torch.autograd.backward.
    without = ("grad", "backward", "requires_grad_", "_make_dual")
    return hinted(answer, cases, mistakes, without=without, reason=reason)


def _fool_the_max(answer) -> str | None:
    row = tensor(answer)
    if row is None or row.shape != (8,) or not ((row == 0) | (row == 1)).all():
        return f"A list of 8 numbers, each 0 or 1, is asked for; this is {show(answer)}."
    before, after = (r.int().view(4, 2).amax(1).tolist() for r in (row, row.roll(1)))
    if any(a == b for a, b in zip(before, after, strict=True)):
        hint = " A 1 on the left of its pair stays in the pair." if row[::2].any() else ""
        return f"The maxima are {before}, and {after} after the shift: some stay.{hint}"
    return None


def _deep_learner(answer) -> str | None:
    if problem := network(answer, most=25_570):
        return problem
    layers, rows = dict(answer.named_modules()), layer_table(answer, (1, 28, 28)).rows
    count = sum(isinstance(layers.get(row.name), nn.Conv2d) for row in rows if row.macs)
    if count < 10:
        return f"{count} convolutions do work in it; at least 10 are asked for."
    for layer in answer.modules():
        if "Norm" in type(layer).__name__ and not isinstance(layer, Normalize):
            return f"It has a {type(layer).__name__}; it should learn without one."
    digits = load("mnist-sample", "validation")
    right, problem = accuracy(answer, digits.images, digits.labels)
    if problem or right >= 0.9:
        return problem
    return f"{shortfall(right, 90)} {BORN_UNFIT if right < 0.15 else TRAIN_ON}"


CHECKS = {
    "3.1": _one_kernel,
    "3.2": _mean_square_factor,
    "3.3": _dead,
    "3.4": _max_pool_backward,
    "3.5": _fool_the_max,
    "3.6": _deep_learner,
}
