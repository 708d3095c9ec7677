"""The checks of chapter 03: right from wrong, and hints that know the usual mistakes."""

import copy
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import check
from cnn_course.data import load
from cnn_course.models import DeepCNN


def full(first, second):
    return F.conv1d(first[None, None], second.flip(0)[None, None], padding=len(second) - 1)[0, 0]


def test_3_1_wants_the_kernel_the_right_way_round():
    assert check("3.1", full)
    assert check("3.1", lambda first, second: full(second, first))
    assert check("3.1", lambda first, second: np.convolve(first, second))


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (lambda first, second: full(first, second.flip(0)), "`F.conv1d` does not flip its kernel"),
        (lambda first, second: full(first, second).flip(0), "the right kernel in reverse"),
        (lambda first, second: first * second, "should give the shape (3,) and gave (2,)"),
        (
            lambda first, second: full(first, second)[:-1],
            "should give the shape (3,) and gave (2,)",
        ),
    ],
)
def test_3_1_knows_the_usual_mistakes(kernel, words, capsys):
    assert not check("3.1", kernel)
    assert words in capsys.readouterr().out


def test_3_2_forgives_rounding():
    assert check("3.2", lambda n, layers: (n / 3 / n) ** layers)
    assert check("3.2", lambda n, layers: torch.tensor(3.0**-layers))
    assert not check("3.2", lambda n, layers: "text")
    assert not check("3.2", lambda n, layers: str(3.0**-layers))
    for of_type in (np.float32, np.float64, torch.tensor, Fraction, lambda x: np.array([[x]])):
        assert check("3.2", lambda n, layers: of_type((1 / 3) ** layers))  # noqa: B023
    # Near the right factor of a millionth or two nothing is forgiven that is not rounding.
    assert not check("3.2", lambda n, layers: 3.0**-layers + 1e-9)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (lambda n, layers: (1 / 6) ** layers, "here there is no activation"),
        (lambda n, layers: (1 / 3) ** (layers / 2), "That is the length"),
        (lambda n, layers: (n * (1 / n**0.5) ** 2) ** layers, "the variance a²/3, not a²"),
        (lambda n, layers: (1 / n / 3) ** layers, "an output adds up n products"),
    ],
)
def test_3_2_knows_the_usual_mistakes(factor, words, capsys):
    assert not check("3.2", factor)
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    "dead",
    [
        lambda x: (x.amax((0, 2, 3)) <= 0).sum().item(),
        lambda x: (x.relu().amax((0, 2, 3)) == 0).sum(),
        lambda x: sum(not (x[:, c] > 0).any() for c in range(x.shape[1])),
        lambda x: x.shape[1] - int((x > 0).any(0).any(1).any(1).sum()),
        lambda x: int((F.relu(x).sum((0, 2, 3)) == 0).sum()),
    ],
)
def test_3_3_takes_every_way_of_counting(dead):
    assert check("3.3", dead)


@pytest.mark.parametrize(
    ("dead", "words"),
    [
        (lambda x: int((x.amax((0, 2, 3)) < 0).sum()), "At exactly 0, too"),
        (lambda x: int((x.amax((0, 2, 3)) == 0).sum()), "is what the ReLU is given"),
        (lambda x: int((x.mean((0, 2, 3)) <= 0).sum()), "whose mean is negative"),
        (lambda x: int((x.amax((2, 3)) <= 0).sum()), "counts each image apart"),
        (lambda x: int((x.amax((2, 3)) <= 0).any(0).sum()), "silent on some images"),
        (lambda x: int((x <= 0).sum()), "channels are asked for"),
        (lambda x: int((x[-1].amax((1, 2)) <= 0).sum()), "should give"),
        (lambda x: int((x[0].amax((1, 2)) <= 0).sum()), "should give"),
        (lambda x: x.amax((0, 2, 3)) <= 0, "a whole number"),
    ],
)
def test_3_3_knows_the_usual_mistakes(dead, words, capsys):
    assert not check("3.3", dead)
    assert words in capsys.readouterr().out


def pooled(x):
    return F.max_pool2d(x[None, None], 2)[0, 0]


def spread(g):
    return g.repeat_interleave(2, 0).repeat_interleave(2, 1)


def test_3_4_sends_the_gradient_to_the_winner():
    assert check("3.4", lambda x, g: spread(g) * (x == spread(pooled(x))))


@pytest.mark.parametrize(
    ("backward", "words"),
    [
        (lambda x, g: spread(g) / 4, "the winner takes all"),
        (lambda x, g: spread(g), "the losers too"),
        (lambda x, g: (x == spread(pooled(x))).float(), "its window's number of g"),
        (lambda x, g: x * (x == spread(pooled(x))), "the largest numbers themselves"),
        (lambda x, g: spread(g) * (x == spread(pooled(x.relu()))), "should give"),
        (lambda x, g: spread(g) * (x == spread(pooled(x))) * (x > 0), "should give"),
        (lambda x, g: g, "should give the shape (2, 2) and gave (1, 1)"),
    ],
)
def test_3_4_knows_the_usual_mistakes(backward, words, capsys):
    assert not check("3.4", backward)
    assert words in capsys.readouterr().out


def by_backward(x, g, backward=torch.Tensor.backward):
    x = x.clone().requires_grad_()
    backward(pooled(x), g)
    return x.grad


@pytest.mark.parametrize(
    "backward",
    [
        lambda x, g: torch.autograd.grad(pooled(x.requires_grad_()), x, g)[0],
        lambda x, g: torch.func.vjp(pooled, x)[1](g)[0],
        lambda x, g: torch.func.grad(lambda x: (pooled(x) * g).sum())(x),
        by_backward,
        lambda x, g: by_backward(x, g, torch.autograd.backward),
    ],
)
def test_3_4_wants_no_autograd(backward, capsys):
    assert not check("3.4", backward)
    assert "calls autograd; work out" in capsys.readouterr().out
    x = torch.ones(1, requires_grad=True)
    assert torch.autograd.grad(2 * x, x)[0] == 2  # allowed again


@pytest.mark.parametrize("number", ["3.1", "3.3", "3.4"])
def test_what_a_function_does_to_its_arguments_changes_no_message(number, capsys):
    def spoils(*arguments):
        for argument in arguments:
            argument.zero_()

    assert not check(number, spoils)
    first = capsys.readouterr().out
    assert not check(number, lambda *arguments: None)
    assert capsys.readouterr().out == first.replace("spoils", "<lambda>")


def test_3_5_wants_all_four_to_change(capsys):
    assert check("3.5", [0, 0, 0, 1, 0, 0, 0, 1])
    assert check("3.5", torch.tensor([0, 1, 0, 0, 0, 1, 0, 0]))
    assert not check("3.5", [0, 0, 0, 1, 0, 0, 0, 0])
    said = capsys.readouterr().out
    assert "some stay" in said
    assert "on the left" not in said
    assert not check("3.5", [1, 0, 0, 0, 1, 0, 0, 0])
    assert "A 1 on the left of its pair stays in the pair" in capsys.readouterr().out
    for answer in ([0, 2] * 4, [0, 1] * 3, "00010001"):
        assert not check("3.5", answer)
        assert "A list of 8 numbers, each 0 or 1, is asked for" in capsys.readouterr().out


def test_3_6_wants_depth_and_learning(capsys):
    assert not check("3.6", DeepCNN())
    assert not check("3.6", DeepCNN(depth=9))
    assert not check("3.6", DeepCNN(width=16))
    assert not check("3.6", nn.Sequential(DeepCNN(), nn.BatchNorm1d(10)))
    said = capsys.readouterr().out
    for words in (
        "of the validation digits",
        "How do its convolutions start?",
        "9 convolutions do work",
        "parameters;",
        "BatchNorm1d",
    ):
        assert words in said


class Half(nn.Module):
    """Ten convolutions that do work, and an answer that is right for the digits it was told."""

    def __init__(self, known):
        super().__init__()
        self.stack = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(10)))
        self.register_buffer("sums", known.images.flatten(1).sum(1).float())
        self.register_buffer("labels", known.labels)

    def forward(self, x):
        sums = (255 * x).round().flatten(1).sum(1)
        nearest = (sums[:, None] - self.sums).abs().argmin(1)
        return F.one_hot(self.labels[nearest], 10) + 0 * self.stack(x).sum((1, 2, 3))[:, None]


def test_3_6_tells_one_that_learns_to_go_on(capsys):
    digits = load("mnist-sample", "validation")
    assert check("3.6", Half(digits))
    model = Half(digits.subset(range(0, 400)))
    before = copy.deepcopy(model.state_dict())
    assert not check("3.6", model)
    assert "More epochs or another lr" in capsys.readouterr().out
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
