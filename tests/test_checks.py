"""`check` never raises, says what is wrong, and knows right from wrong for each exercise."""

import pytest
import torch

from cnn_course.checks import CHECKS, check
from cnn_course.models import MLP, GlobalPoolCNN


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
