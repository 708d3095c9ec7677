"""`check` never raises, says what is wrong, and knows right from wrong for each exercise."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import CHECKS, check
from cnn_course.models import MLP, DeepCNN, GlobalPoolCNN, LeNet5


class Hostile:
    """Every look at it fails."""

    def __repr__(self):
        raise RuntimeError("no look")

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __hash__ = None


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def throws(*arguments):
    raise UnspeakableError


def leaves(*arguments):
    raise SystemExit(3)


JUNK = [
    None, ..., 0, 1.5, float("nan"), True, "", "text", b"bytes", [], {}, {1: 2}, object(),
    Hostile(), throws, leaves, len, lambda: None, lambda *a: Hostile(),
    lambda *a: torch.rand(3), int, MLP, torch.rand(2, 2), torch.nn.Linear(2, 3), MLP(),
    dict.fromkeys(["ReLU"]),
]  # fmt: skip


@pytest.mark.parametrize("number", CHECKS)
@pytest.mark.parametrize("answer", JUNK, ids=lambda answer: type(answer).__name__)
def test_junk_is_wrong_with_a_reason(number, answer, capsys):
    assert check(number, answer) is False
    said = capsys.readouterr().out
    assert said.startswith(f"Exercise {number}: not yet. ")
    assert len(said.split()) > 6


@pytest.mark.parametrize("number", [None, 1.1, "9.9", [], Hostile()])
def test_an_unknown_number_lists_the_known_ones(number, capsys):
    if isinstance(number, Hostile):
        assert check("9.9", number) is False
    else:
        assert check(number, 1) is False
    assert "1.1, 1.2" in capsys.readouterr().out


def count(*cases):
    """Numbers of right and wrong answers among pairs of exercise number and answer."""
    return [check(number, answer) for number, answer in cases]


def test_1_1_tells_what_was_forgotten(capsys):
    assert count(("1.1", 30_720_100), ("1.1", 30_720_000), ("1.1", 5)) == [True, False, False]
    said = capsys.readouterr().out
    assert "bias" in said
    assert "too small" in said


def test_1_2_shows_the_first_failing_case(capsys):
    assert check("1.2", lambda row, column, width: row * width + column)
    assert not check("1.2", lambda row, column, width: column * width + row)
    assert "(0, 1, 3) should give 1 and gave 3" in capsys.readouterr().out


def test_1_3_wants_the_inverse_order():
    assert check("1.3", lambda x, order: x.flatten(1)[:, order.argsort()].view_as(x))
    assert not check("1.3", lambda x, order: x.flatten(1)[:, order].view_as(x))
    assert not check("1.3", lambda x, order: x.flatten(1)[:, order.argsort()])


def test_1_4_wants_cross_correlation(capsys):
    def matrix(kernel, size, turn=False):
        kernel = kernel.flip(0) if turn else kernel
        rows = torch.zeros(size - len(kernel) + 1, size)
        for i in range(len(rows)):
            rows[i, i : i + len(kernel)] = kernel
        return rows

    assert check("1.4", matrix)
    assert not check("1.4", lambda kernel, size: matrix(kernel, size, turn=True))
    assert not check("1.4", lambda kernel, size: torch.zeros(size, size))
    assert "(3, 5) and gave (5, 5)" in capsys.readouterr().out


def test_1_5_wants_all_five_right():
    truth = {
        "ReLU": True,
        "3×3 convolution, circular padding": True,
        "3×3 convolution, stride 2": False,
        "2×2 max pooling, stride 2": False,
        "flatten, then linear": False,
    }
    assert check("1.5", truth)
    for name in truth:
        assert not check("1.5", truth | {name: not truth[name]})


def test_1_6_counts_parameters_and_measures(capsys):
    assert not check("1.6", GlobalPoolCNN())
    assert "25,142 parameters; 10,000 are allowed" in capsys.readouterr().out
    assert not check("1.6", GlobalPoolCNN(widths=(4, 4, 4)))
    assert "validation digits are right" in capsys.readouterr().out


def test_2_1_and_2_2_tell_what_was_forgotten(capsys):
    assert count(("2.1", 14), ("2.1", 13), ("2.1", 12)) == [True, False, False]
    assert count(("2.2", 12_864), ("2.2", 12_800), ("2.2", 51_264)) == [True, False, False]
    said = capsys.readouterr().out
    for words in ("place at 0", "both sides", "bias too", "without groups"):
        assert words in said


def test_2_3_counts_the_dilation():
    assert check("2.3", lambda kernel_size, dilation=1: dilation * (kernel_size - 1) // 2)
    assert not check("2.3", lambda kernel_size, dilation=1: kernel_size // 2)


def test_2_4_knows_left_from_right(capsys):
    right, left = torch.zeros(3, 3), torch.zeros(3, 3)
    right[1, 0] = left[1, 2] = 1
    assert count(("2.4", right), ("2.4", left), ("2.4", 2 * right)) == [True, False, False]
    assert "to the left" in capsys.readouterr().out


def test_2_5_wants_the_stride():
    def slide_by(x, k, stride):
        return F.conv2d(x[None, None], k[None, None], stride=stride)[0, 0]

    assert check("2.5", slide_by)
    assert not check("2.5", lambda x, k, stride: slide_by(x, k, 1)[::stride])


def test_2_6_measures_field_map_and_layers(capsys):
    def chain(*dilations):
        return [{"kernel_size": 3, "dilation": d, "padding": d} for d in dilations]

    assert check("2.6", chain(1, 2, 4, 8))
    assert check("2.6", [{"kernel_size": 3, "stride": 2, "padding": 1}, *chain(1, 2, 4)])
    assert not check("2.6", chain(1, 2, 4, 7))
    assert not check("2.6", chain(1, 2, 4, 4, 4))
    assert not check("2.6", [{"kernel_size": 3, "stride": 2, "padding": 1}] * 2 + chain(1, 2))
    assert not check("2.6", [{"kernel_size": 31, "padding": 15}])
    assert not check("2.6", chain(15))
    assert not check("2.6", [{"kernel_size": 1, "stride": 30, "padding": 900}, *chain(1)])
    assert not check("2.6", [{"stride": 2}])
    assert not check("2.6", [{"kernel_size": 3, "steps": 2}])
    said = capsys.readouterr().out
    for words in (
        "sees 29 pixels",
        "5 layers",
        "map of 16×16",
        "kernel_size of 3 or less",
        "reads only 3",
    ):
        assert words in said


def test_3_1_wants_the_kernel_the_right_way_round():
    def full(first, second):
        return F.conv1d(first[None, None], second.flip(0)[None, None], padding=len(second) - 1)[
            0, 0
        ]

    assert check("3.1", full)
    assert not check("3.1", lambda first, second: full(first, second.flip(0)))


def test_3_2_sends_the_gradient_to_the_winner():
    def backward(x, g):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(F.max_pool2d(x[None, None], 2)[0, 0], x, g)[0]

    assert check("3.2", backward)
    assert not check("3.2", lambda x, g: g.repeat_interleave(2, 0).repeat_interleave(2, 1) / 4)


def test_3_3_forgives_rounding():
    assert check("3.3", lambda n, layers: (n / 3 / n) ** layers)
    assert not check("3.3", lambda n, layers: (1 / 6) ** layers)
    assert check("3.3", lambda n, layers: torch.tensor(3.0**-layers))
    assert not check("3.3", lambda n, layers: "text")


def test_3_4_wants_all_four_to_change(capsys):
    assert check("3.4", [0, 0, 0, 1, 0, 0, 0, 1])
    assert check("3.4", torch.tensor([0, 1, 0, 0, 0, 1, 0, 0]))
    assert not check("3.4", [0, 0, 0, 1, 0, 0, 0, 0])
    assert "some stay" in capsys.readouterr().out
    assert not check("3.4", [0, 2] * 4)


def test_3_5_wants_depth_and_learning(capsys):
    assert not check("3.5", DeepCNN())
    assert not check("3.5", DeepCNN(depth=9))
    assert not check("3.5", DeepCNN(width=16))
    assert not check("3.5", nn.Sequential(DeepCNN(), nn.BatchNorm1d(10)))
    said = capsys.readouterr().out
    for words in (
        "of the validation digits",
        "9 convolutions do work",
        "parameters;",
        "BatchNorm1d",
    ):
        assert words in said


def test_4_1_knows_what_changes_with_colour(capsys):
    assert count(("4.1", 83_126), ("4.1", 61_706), ("4.1", 82_826)) == [True, False, False]
    said = capsys.readouterr().out
    assert "grey images" in said
    assert "three channels" in said


def test_4_2_wants_large_logits_to_survive(capsys):
    assert check("4.2", lambda z, y: F.cross_entropy(z, torch.tensor(y)).item())
    assert check("4.2", lambda z, y: -z.log_softmax(0)[y])
    assert not check("4.2", lambda z, y: (z.exp().sum().log() - z[y]).item())
    assert "1000" in capsys.readouterr().out


def test_4_3_wants_rows_for_the_truth():
    def confusion(labels, answers, classes):
        return torch.bincount(labels * classes + answers, minlength=classes**2).view(classes, -1)

    assert check("4.3", confusion)
    assert not check("4.3", lambda labels, answers, classes: confusion(answers, labels, classes))


def test_4_4_wants_plain_momentum():
    def step(w, v, g, lr, mu, nesterov=False):
        v = mu * v + g
        return torch.stack([w - lr * (g + mu * v if nesterov else v), v])

    assert check("4.4", step)
    assert not check("4.4", lambda *arguments: step(*arguments, nesterov=True))


def test_4_5_counts_and_measures(capsys):
    assert not check("4.5", LeNet5())
    assert "61,706 parameters; 20,000 are allowed" in capsys.readouterr().out
    assert not check("4.5", nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    assert "at least 96 % are asked for" in capsys.readouterr().out
