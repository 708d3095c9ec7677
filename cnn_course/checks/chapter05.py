"""The checks of chapter 05's exercises."""

import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.checks.answers import attempt, cases_of, hinted, kind
from cnn_course.checks.networks import network, reads_digits
from cnn_course.checks.values import show
from cnn_course.inspection import layer_table

IMAGE = (3, 32, 32)


def _inverted_weights(answer) -> str | None:
    def solution(channels, expansion, kernel_size):
        return expansion * channels * (2 * channels + kernel_size**2)

    def dense(c, e, k):
        return e * c * (2 * c + k * k * e * c)

    mistakes = [
        (dense, "The middle one is depthwise: each of its kernels sees one channel."),
        (lambda c, e, k: e * c * (c + k * k), "Two convolutions of 1×1 stand around the middle."),
        (
            lambda c, e, k: e * c * (2 * c + k),
            "Each kernel has k × k weights, one a pixel.",
        ),
        (lambda c, e, k: c * (2 * e * c + k * k), "The depthwise kernels stand on the wide maps."),
        (
            lambda c, e, k: e * c * (2 * c + k * k + 2) + c,
            "That counts biases too, and there are none.",
        ),
        (
            lambda c, e, k: e * c * (2 * c + k * k + 4) + 2 * c,
            "That counts the normalizations too; asked for are the convolutions alone.",
        ),
    ]
    cases = cases_of(solution, (96, 3, 3), (16, 6, 5), (10, 1, 3), (24, 4, 7))
    return hinted(answer, cases, mistakes)


def _shortcut(answer) -> str | None:
    def solution(x, out_channels, stride):
        x = x[:, :, ::stride, ::stride]
        return F.pad(x, (0, 0, 0, 0, 0, out_channels - x.shape[1]))

    def in_front(x, out_channels, stride):
        x = x[:, :, ::stride, ::stride]
        return F.pad(x, (0, 0, 0, 0, out_channels - x.shape[1], 0))

    def pooled(x, out_channels, stride):
        return solution(F.avg_pool2d(x, stride, ceil_mode=True), out_channels, 1)

    def rows_only(x, out_channels, stride):
        return solution(x[:, :, ::stride], out_channels, 1)

    mistakes = [
        (in_front, "The maps of zeros belong behind the others."),
        (pooled, "That takes means; keep every `stride`-th row and column as it is."),
        (lambda x, n, s: solution(x, n, 1), "Rows and columns are left out too, by the stride."),
        (rows_only, "Columns are left out as well as rows."),
        (lambda x, n, s: x[:, :, ::s, ::s], "The maps of zeros are missing."),
    ]
    generator = torch.Generator().manual_seed(8)

    def case(*shape, out_channels, stride):
        return torch.randint(1, 9, shape, generator=generator).float(), out_channels, stride

    cases = cases_of(
        solution,
        case(1, 1, 4, 4, out_channels=2, stride=2),
        case(2, 3, 6, 6, out_channels=5, stride=2),
        case(2, 2, 5, 7, out_channels=2, stride=2),
        case(1, 2, 3, 4, out_channels=4, stride=1),
        case(1, 2, 7, 8, out_channels=3, stride=3),
    )
    return hinted(answer, cases, mistakes)


def _squeeze_excite(answer) -> str | None:
    def solution(x, w1, w2, squeeze=lambda x: x.mean((2, 3)), inner=F.relu, outer=torch.sigmoid):
        return x * outer(inner(squeeze(x) @ w1.T) @ w2.T)[:, :, None, None]

    def wrong(**parts):
        return lambda x, w1, w2: solution(x, w1, w2, **parts)

    def same(x):
        return x

    mistakes = [
        (wrong(outer=same), "The gates are not between 0 and 1: the sigmoid is missing."),
        (wrong(outer=F.relu), "The second layer ends in a sigmoid, not in a ReLU."),
        (wrong(outer=lambda z: z.softmax(1)), "A softmax makes channels compete; take a sigmoid."),
        (wrong(inner=same), "Between the two layers the ReLU is missing."),
        (wrong(squeeze=lambda x: x.amax((2, 3))), "Squeeze by the mean of each map, not the max."),
        (wrong(squeeze=lambda x: x.sum((2, 3))), "Squeeze by the mean of each map, not the sum."),
        (
            wrong(squeeze=lambda x: x.mean((0, 2, 3)).expand(len(x), -1)),
            "Each image has gates of its own: do not average over the images.",
        ),
        (
            lambda x, w1, w2: x + solution(torch.ones_like(x), w1, w2, lambda _: x.mean((2, 3))),
            "Multiply by the gates; that adds them.",
        ),
    ]
    generator = torch.Generator().manual_seed(9)
    plain = torch.tensor([[[[1.0, 3.0]], [[0.0, 2.0]]]])  # of which a message shows all numbers
    given = [[plain, torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0], [-1.0]])]]
    given += [
        [torch.randn(*shape, generator=generator) for shape in ((n, c, h, w), (r, c), (c, r))]
        for n, c, r, h, w in [(3, 8, 2, 4, 6), (2, 4, 4, 5, 3)]
    ]
    return hinted(answer, cases_of(solution, *map(tuple, given)), mistakes)


def _frugal(answer) -> str | None:
    if not isinstance(answer, nn.Module):
        return f"A model is asked for; {kind(answer)}."
    if problem := network(answer, most=272_378, data="mnist-m"):
        return problem
    table = _table(answer)
    unused = sum(row.parameters for row in table.rows if row.name.endswith("(not called)"))
    used = table.parameters - unused
    if used < 250_000:
        without = f", without the {unused:,} that do nothing" if unused else ""
        return f"It has {used:,} parameters{without}; at least 250,000 are asked for."
    return _too_dear(
        table.macs,
        10_000_000,
        "How often is a weight used on maps of 32×32, of 8×8, of 4×4?",
    )


def _table(model: nn.Module):
    return layer_table(model, IMAGE)


def _too_dear(macs: int, most: int, hint: str) -> str | None:
    if macs <= most:
        return None
    return f"It takes {macs:,} multiply–accumulates; {most:,} are allowed. {hint}"


def _better(answer) -> str | None:
    words = ("first", "second", "not shown")
    # Images that both have right or wrong say nothing; there are many of them.
    for b, c, expected, hint in [
        (30, 8, "first", ""),
        (8, 30, "second", ""),
        (12, 6, "not shown", "More images right is not enough: compare 6 with 2√18, about 8.5."),
        (6, 12, "not shown", "More images right is not enough: compare 6 with 2√18, about 8.5."),
        (12, 4, "not shown", "8 is not more than 2√16."),
        (0, 0, "not shown", ""),
        (5, 0, "first", "5 is more than 2√5."),
        (300, 240, "first", "60 is more than 2√540, about 46."),
        (270, 240, "not shown", "30 is less than 2√510, about 45."),
    ]:
        sizes = torch.tensor([b, c, 40, 60])
        first = torch.tensor([True, False, True, False]).repeat_interleave(sizes)
        second = torch.tensor([False, True, True, False]).repeat_interleave(sizes)
        where = f"Where the first network alone has {b} images right and the second alone {c}"
        got, problem = attempt(answer, f"{where} it", first.clone(), second.clone())
        if problem:
            return problem
        if not isinstance(got, str) or got not in words:
            return f"{where} it gave {show(got)}, which is none of {', '.join(map(repr, words))}."
        if got != expected:
            return f"{where} it should give {expected!r} and gave {str(got)!r}. {hint}".rstrip()
    return None


def _little(answer) -> str | None:
    return (
        network(answer, most=50_000, data="mnist-m")
        or _too_dear(
            _table(answer).macs,
            3_000_000,
            "Halve the maps early, and put the many channels where they are small.",
        )
        or reads_digits(answer, percent=90, data="mnist-m")
    )


CHECKS = {
    "5.1": _inverted_weights,
    "5.2": _shortcut,
    "5.3": _squeeze_excite,
    "5.4": _frugal,
    "5.5": _better,
    "5.6": _little,
}
