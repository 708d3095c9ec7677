"""The checks of chapter 01 know right from wrong, and say which mistake it is."""

import copy

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import check
from cnn_course.models import GlobalPoolCNN


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


def test_1_3_wants_the_inverse_order_and_knows_the_usual_mistakes(capsys):
    def unscramble(x, order):
        return x.flatten(1)[:, order.argsort()].view_as(x)

    assert check("1.3", unscramble)
    assert not check("1.3", lambda x, order: x.flatten(1)[:, order].view_as(x))
    assert "That scrambles once more" in capsys.readouterr().out
    assert not check("1.3", lambda x, order: unscramble(x, order).flatten(1))
    said = capsys.readouterr().out
    assert "in their places, in the shape (2, 9)" in said
    assert not check("1.3", lambda x, order: x)
    said = capsys.readouterr().out
    assert "should give" in said
    assert len(said) < 200


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


def ring(padded):
    return F.pad(padded, (1, 1, 1, 1), mode="circular")


FIXED = torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
LAYERS = {
    "1×1 convolution": nn.Conv2d(2, 2, 1),
    "3×3 max pooling, stride 1, circular padding": lambda x: F.max_pool2d(ring(x), 3, stride=1),
    "2×2 average pooling, stride 2": nn.AvgPool2d(2),
    "subtract the image's mean": lambda x: x - x.mean(),
    "add one fixed picture to every image": lambda x: x + FIXED,
    "the largest number of each map": lambda x: x.amax((2, 3), keepdim=True),
    "mirror left and right": lambda x: x.flip(3),
}


def behaviour(layer):
    """Measured, with no use of what the check believes."""
    x = torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        y, moved = layer(x), layer(x.roll(1, dims=3))
    if torch.allclose(moved, y, atol=1e-6):
        return "invariant"
    steps = {1 // (8 // y.shape[3]), 1}
    follows = any(torch.allclose(moved, y.roll(step, dims=3), atol=1e-6) for step in steps)
    return "equivariant" if follows else "neither"


def test_1_5_agrees_with_a_measurement():
    assert check("1.5", {name: behaviour(layer) for name, layer in LAYERS.items()})


def test_1_5_gives_each_wrong_word_a_reason(capsys):
    right = {name: behaviour(layer) for name, layer in LAYERS.items()}
    for name, word in right.items():
        for other in {"equivariant", "invariant", "neither"} - {word}:
            assert not check("1.5", right | {name: other})
            said = capsys.readouterr().out
            assert f"“{name}” is" in said
            assert said.endswith(".\n")
    for value in (True, "Equivariant", None, ...):
        assert not check("1.5", right | {"mirror left and right": value})
        assert "one of the words equivariant, invariant, neither" in capsys.readouterr().out
    assert not check("1.5", {})
    assert "A dictionary with these keys" in capsys.readouterr().out


def test_1_6_counts_parameters_and_measures(capsys):
    assert not check("1.6", GlobalPoolCNN())
    assert "25,142 parameters; 10,000 are allowed" in capsys.readouterr().out
    assert not check("1.6", GlobalPoolCNN(widths=(4, 4, 4)))
    assert "validation digits are right" in capsys.readouterr().out


@pytest.mark.parametrize("training", [True, False])
def test_1_6_leaves_the_model_as_it_was(training):
    model = GlobalPoolCNN(widths=(4, 4, 4)).train(training)
    model.layers[0].eval()
    before = copy.deepcopy(model.state_dict())
    gradients = {}
    for name, p in model.named_parameters():
        gradients[name] = p.grad = torch.rand_like(p)
    assert not check("1.6", model)
    assert model.training is training
    assert not model.layers[0].training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    for name, p in model.named_parameters():
        assert p.grad is gradients[name]
        assert p.requires_grad


def is_shown(a, b, comparisons, equal_var=False):
    return stats.ttest_ind(a, b, equal_var=equal_var).pvalue < 0.05 / comparisons


def leaves_out_0(a, b, comparisons, ddof=1, pooled=False, normal=False):
    """By hand: whether the interval leaves out 0."""
    parts = [np.var(x, ddof=ddof) / len(x) for x in (a, b)]
    freedom = sum(parts) ** 2 / sum(v**2 / (len(x) - 1) for v, x in zip(parts, (a, b), strict=True))
    freedom = len(a) + len(b) - 2 if pooled else freedom
    of = stats.norm if normal else stats.t(freedom)
    return abs(np.mean(a) - np.mean(b)) > of.ppf(1 - 0.025 / comparisons) * sum(parts) ** 0.5


def test_1_7_knows_the_usual_mistakes(capsys):
    assert check("1.7", is_shown)
    assert check("1.7", leaves_out_0)
    for answer, words in [
        (lambda a, b, m: is_shown(a, b, 1), "divide the 1 in 20 by `comparisons`"),
        (lambda a, b, m: is_shown(a, b, m, equal_var=True), "`equal_var=False` is Welch's test"),
        (lambda a, b, m: not is_shown(a, b, m), "the other way round"),
        (lambda a, b, m: True, "1) should give False and gave True"),
        (lambda a, b, m: np.mean(a) > np.mean(b), "should give False and gave True"),
        (lambda a, b, m: 0.03, "should give True or False and gave 0.03"),
        (lambda a, b, m: ..., "and gave the three dots"),
        (lambda a, b, m: is_shown(a, b, m / 2), "0.9565], [0.95, 0.954, 0.948, 0.952], 1) should"),
        (lambda a, b, m: is_shown(a, b, m**0.5), ", 3) should give False and gave True"),
        (lambda a, b, m: is_shown(a, b, m**2), ", 3) should give True and gave False"),
        (
            lambda a, b, m: is_shown(a, b, m * (m - 1) / 2 or 1),
            ", 2) should give False and gave Tr",
        ),
        (lambda a, b, m: leaves_out_0(a, b, m, ddof=0), "1) should give False and gave True"),
        (lambda a, b, m: leaves_out_0(a, b, m, pooled=True), "1) should give False and gave True"),
        (lambda a, b, m: leaves_out_0(a, b, m, normal=True), "9) should give False and gave True"),
        (lambda a, b: True, "raised TypeError"),
        (True, "A function is asked for; this is of type bool"),
    ]:
        assert not check("1.7", answer)
        assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    "of_type", [bool, np.bool_, np.array, torch.tensor, lambda value: torch.tensor([value])]
)
def test_1_7_takes_true_and_false_of_any_type(of_type):
    assert check("1.7", lambda *arguments: of_type(bool(is_shown(*arguments))))


def test_1_7_is_not_spoilt_by_a_function_that_writes_into_its_lists():
    def sorts(a, b, comparisons):
        verdict = is_shown(a, b, comparisons)
        a.clear()
        b.clear()
        return verdict

    assert check("1.7", sorts)
    assert check("1.7", is_shown)
