"""The checks of chapter 01's exercises."""

import torch
from scipy import stats
from torch.nn import functional as F

from cnn_course.checks.answers import attempt, function, whole_number
from cnn_course.checks.networks import accuracy, advice, network, shortfall
from cnn_course.checks.values import show, tensor, truth
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
        if side == 2:
            order = torch.tensor([1, 2, 3, 0])  # which is not its own inverse
        scrambled = images.flatten(1)[:, order].view_as(images)
        cases.append(((scrambled, order), images))
    problem = function(answer, cases)
    return problem and (_scrambled_how(answer, *cases[1]) or problem)


def _scrambled_how(answer, arguments, images) -> str | None:
    """The usual mistakes of 1.3: shuffled once more, or in order and flat."""
    scrambled, order = arguments
    got = tensor(attempt(answer, "", scrambled.clone(), order.clone())[0])
    if got is None or got.numel() != images.numel():
        return None
    if torch.equal(got.flatten(), scrambled.flatten(1)[:, order].flatten()):
        return (
            "That scrambles once more: `order[i]` says where pixel i of the scrambled image came "
            "from, and what you need is where it has to go."
        )
    if got.shape != images.shape and torch.equal(got.flatten(), images.flatten()):
        return (
            f"The pixels are in their places, in the shape {tuple(got.shape)}: make images of "
            "them again, in the shape of `scrambled`."
        )
    return None


def _conv_matrix(answer) -> str | None:
    cases = []
    for kernel, size in [([1.0, 2.0, 3.0], 5), ([5.0], 2), ([1.0, -1.0], 4), ([2.0, 0.0, 1.0], 3)]:
        kernel = torch.tensor(kernel)
        # Convolving the unit vectors gives the columns of the matrix.
        columns = F.conv1d(torch.eye(size)[:, None], kernel[None, None])
        cases.append(((kernel, size), columns[:, 0].T))
    return function(answer, cases)


def _behaviour(answer) -> str | None:
    words = ("equivariant", "invariant", "neither")
    right = {
        "1×1 convolution": (
            "equivariant",
            "its window is one pixel, and its weights are the same everywhere.",
        ),
        "3×3 max pooling, stride 1, circular padding": (
            "equivariant",
            "pooling breaks nothing by itself; its usual stride of 2 does.",
        ),
        "2×2 average pooling, stride 2": (
            "neither",
            "which pixels make a block depends on where the blocks begin.",
        ),
        "subtract the image's mean": (
            "equivariant",
            "a shift around a ring leaves the mean as it is.",
        ),
        "add one fixed picture to every image": (
            "neither",
            "the picture stays where it is while the image moves.",
        ),
        "the largest number of each map": (
            "invariant",
            "what is the largest does not depend on where it stands.",
        ),
        "mirror left and right": (
            "neither",
            "what moves to the right before the mirror moves to the left behind it.",
        ),
    }
    if not isinstance(answer, dict) or set(answer) != set(right):
        return f"A dictionary with these keys is asked for: {', '.join(right)}."
    for name, (word, reason) in right.items():
        given = answer[name]
        if not (isinstance(given, str) and given in words):
            return f"Put one of the words {', '.join(words)} for “{name}”."
        if given != word:
            return (
                f"“{name}” is not {given}: {reason}"
                if given != "neither"
                else (f"“{name}” is one of the two: {reason}")
            )
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
            if not pixels and right > 0.15:  # with `fit`'s own settings such networks stop at 75 %
                hint += " One that is steady learns slowly: try batch_size=32, for more steps."
            return f"Moved by {pixels} pixels, {shortfall(right, percent)} {hint}"
    return None


def _is_shown(answer) -> str | None:
    given = []
    for a, b, comparisons in _TABLES:
        call = f"is_shown({a}, {b}, {comparisons})"
        got, problem = attempt(answer, call, list(a), list(b), comparisons)
        if problem:
            return problem
        if truth(got) is None:
            return f"{call} should give True or False and gave {show(got)}."
        given.append(truth(got))

    def judged(equal_var=False, corrected=True):
        return [
            bool(stats.ttest_ind(a, b, equal_var=equal_var).pvalue < 0.05 / (m if corrected else 1))
            for a, b, m in _TABLES
        ]

    right = judged()
    if given == right:
        return None
    if given == judged(corrected=False):
        return "You judge each difference as if it were alone: divide the 1 in 20 by `comparisons`."
    if given == judged(equal_var=True):
        return (
            "You take it that both rows have one spread. Seeds of one network may agree far better "
            "than those of another: `equal_var=False` is Welch's test."
        )
    if given == [not verdict for verdict in right]:
        return "It is the other way round: a p-value *below* the limit is a difference shown."
    first = next(k for k, verdict in enumerate(right) if given[k] != verdict)
    a, b, comparisons = _TABLES[first]
    return f"is_shown({a}, {b}, {comparisons}) should give {right[first]} and gave {given[first]}."


_NARROW = [0.905, 0.904, 0.906, 0.905, 0.903, 0.907, 0.905, 0.906, 0.904, 0.905]
_CLOSE = [0.950, 0.954, 0.948, 0.952]
# A large difference; none; one that is shown alone and not among nine, of either sign; a few wide
# and many narrow seeds, which the pooled test calls shown and Welch's does not.
_TABLES = [
    ([0.97, 0.968, 0.969], [0.92, 0.918, 0.921], 1),
    ([0.92, 0.93, 0.91], [0.921, 0.912, 0.931], 1),
    ([0.960, 0.962, 0.964, 0.961], [0.957, 0.958, 0.960, 0.959], 1),
    ([0.960, 0.962, 0.964, 0.961], [0.957, 0.958, 0.960, 0.959], 9),
    ([0.957, 0.958, 0.960, 0.959], [0.960, 0.962, 0.964, 0.961], 1),
    ([0.90, 0.95, 0.94], _NARROW, 1),
    # Near the limit: two sides, 1 in 20, the spread and the freedom of samples, and the number of
    # comparisons as it is.
    ([0.9545, 0.9595, 0.9525, 0.9565], _CLOSE, 1),
    ([0.955, 0.96, 0.953, 0.957], _CLOSE, 2),
    ([0.9555, 0.9605, 0.9535, 0.9575], _CLOSE, 3),
    ([0.957, 0.962, 0.955, 0.959], _CLOSE, 3),
    ([0.92, 0.96, 0.95], _NARROW, 1),
]


CHECKS = {
    "1.1": _weights_of_a_layer,
    "1.2": _flat_index,
    "1.3": _unscramble,
    "1.4": _conv_matrix,
    "1.5": _behaviour,
    "1.6": _small_and_steady,
    "1.7": _is_shown,
}
