"""The checks of chapter 05: right answers in many forms pass, and usual mistakes are named."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import check
from cnn_course.data import load
from cnn_course.models import LeNet5, ModernCNN, Normalize
from cnn_course.models.modern import InvertedBlock, ResidualBlock


def counted(channels, expansion, kernel_size):
    """The weights of a block that is built for the purpose."""
    block = InvertedBlock(channels, channels, expansion=expansion)
    wide = expansion * channels
    block.body[2][0] = nn.Conv2d(wide, wide, kernel_size, groups=wide, bias=False)
    return sum(p.numel() for p in block.parameters() if p.dim() == 4)


@pytest.mark.parametrize(
    "answer",
    [
        counted,
        lambda c, e, k: 2 * e * c**2 + e * c * k**2,
        lambda c, e, k: np.int64(e * c * (2 * c + k * k)),
        lambda c, e, k: torch.tensor(e * c * (2 * c + k * k)),
    ],
)
def test_5_1_takes_every_way_to_count(answer):
    assert check("5.1", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda c, e, k: e * c * (2 * c + k * k * e * c), "each of its kernels sees one channel"),
        (lambda c, e, k: e * c * (c + k * k), "Two convolutions of 1×1"),
        (lambda c, e, k: e * c * (2 * c + k), "k × k weights, one a pixel"),
        (lambda c, e, k: c * (2 * e * c + k * k), "stand on the wide maps"),
        (lambda c, e, k: e * c * (2 * c + k * k + 2) + c, "counts biases"),
        (lambda c, e, k: e * c * (2 * c + k * k + 4) + 2 * c, "counts the normalizations"),
        (lambda c, e, k: 2 * (9 * c * c), "should give 57888"),
        (lambda c, e, k: e * c * (2 * c + k * k) / 1, "a whole number"),
        (lambda c: c, "raised TypeError"),
        (57_888, "A function is asked for"),
    ],
)
def test_5_1_names_the_mistake(answer, words, capsys):
    assert not check("5.1", answer)
    assert words in capsys.readouterr().out


def padded(x, out_channels, stride):
    kept = x[:, :, ::stride, ::stride]
    zeros = kept.new_zeros(len(kept), out_channels - kept.shape[1], *kept.shape[2:])
    return torch.cat([kept, zeros], 1)


def by_weights(x, out_channels, stride):
    """A convolution of 1×1 whose weights say which map goes where."""
    return F.conv2d(x, torch.eye(out_channels, x.shape[1])[:, :, None, None], stride=stride)


@pytest.mark.parametrize(
    "answer",
    [
        padded,
        by_weights,
        lambda x, n, s: padded(F.max_pool2d(x, 1, s), n, 1),
        lambda x, n, s: padded(x, n, s).numpy(),
        lambda x, n, s: padded(x, n, s).double(),
    ],
)
def test_5_2_takes_every_way_to_keep_rows_and_add_zeros(answer):
    assert check("5.2", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, n, s: padded(x, n, s).roll(n - x.shape[1], 1), "belong behind the others"),
        (lambda x, n, s: padded(F.avg_pool2d(x, s, ceil_mode=True), n, 1), "That takes means"),
        (lambda x, n, s: padded(x, n, 1), "are left out too, by the stride"),
        (lambda x, n, s: padded(x[:, :, ::s], n, 1), "Columns are left out"),
        (lambda x, n, s: x[:, :, ::s, ::s], "zeros are missing"),
        (lambda x, n, s: padded(x[:, :, s - 1 :, s - 1 :], n, s), "should give"),
        (lambda x, n, s: x, "should give the shape (1, 2, 2, 2) and gave (1, 1, 4, 4)"),
        (lambda x, n, s: None, "should give"),
        (nn.Conv2d(3, 5, 1), "raised TypeError"),
    ],
)
def test_5_2_names_the_mistake(answer, words, capsys):
    assert not check("5.2", answer)
    assert words in capsys.readouterr().out


def gates(x, w1, w2, squeeze=lambda x: x.mean((2, 3)), inner=torch.relu, outer=torch.sigmoid):
    return outer(inner(squeeze(x) @ w1.T) @ w2.T)[:, :, None, None]


def gated(x, w1, w2, **parts):
    return x * gates(x, w1, w2, **parts)


def by_layers(x, w1, w2):
    m = F.adaptive_avg_pool2d(x, 1)  # (N, C, 1, 1)
    m = F.conv2d(m, w1[:, :, None, None]).clamp(min=0)
    return F.conv2d(m, w2[:, :, None, None]).sigmoid() * x


def in_numpy(x, w1, w2):
    x, w1, w2 = x.numpy(), w1.numpy(), w2.numpy()
    z = np.maximum(x.mean((2, 3)) @ w1.T, 0) @ w2.T
    return x / (1 + np.exp(-z))[:, :, None, None]


@pytest.mark.parametrize("answer", [gated, by_layers, in_numpy])
def test_5_3_takes_every_way_to_gate(answer):
    assert check("5.3", answer)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"outer": lambda z: z}, "the sigmoid is missing"),
        ({"outer": torch.relu}, "not in a ReLU"),
        ({"outer": lambda z: z.softmax(1)}, "take a sigmoid"),
        ({"inner": lambda z: z}, "the ReLU is missing"),
        ({"squeeze": lambda x: x.amax((2, 3))}, "not the max"),
        ({"squeeze": lambda x: x.sum((2, 3))}, "not the sum"),
        ({"squeeze": lambda x: x.mean((0, 2, 3)).expand(len(x), -1)}, "gates of its own"),
        ({"inner": torch.sigmoid}, "should give"),
    ],
)
def test_5_3_names_the_wrong_part(parts, words, capsys):
    assert not check("5.3", lambda x, w1, w2: gated(x, w1, w2, **parts))
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, w1, w2: x + gates(x, w1, w2), "that adds them"),
        (lambda x, w1, w2: gates(x, w1, w2), "should give the shape"),
        (lambda x, w1, w2: x @ w1, "raised RuntimeError"),
    ],
)
def test_5_3_names_the_mistake(answer, words, capsys):
    assert not check("5.3", answer)
    assert words in capsys.readouterr().out


def frugal(widths=(16, 40, 100)):
    return ModernCNN(stem=8, widths=widths, depths=(0, 1, 1), blocks=(ResidualBlock,) * 3)


class Idle(nn.Module):
    """A small network with weights that it never uses."""

    def __init__(self):
        super().__init__()
        self.network = ModernCNN(stem=8, widths=(16, 32), depths=(1, 2))
        self.idle = nn.Linear(490, 493)

    def forward(self, x):
        return self.network(x)


def test_5_4_takes_any_network_of_that_size():
    assert check("5.4", frugal())
    # One with few convolutions and a large layer behind them is no good network, but it fits.
    assert check(
        "5.4",
        nn.Sequential(
            nn.Conv2d(3, 16, 3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 256),
            nn.ReLU(), nn.Linear(256, 10),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ModernCNN(), "39,869,376 multiply–accumulates; 10,000,000 are allowed"),
        (ModernCNN(stem=8, widths=(24, 48)), "70,802 parameters; at least 250,000 are asked for"),
        (Idle(), "26,002 parameters, without the 242,063 that do nothing; at least"),
        (frugal(widths=(16, 40, 120)), "272,378 are allowed"),
        (ModernCNN, "A model is asked for; this is the class ModernCNN itself"),
        (ModernCNN(in_channels=1), "(N, 3, 32, 32)"),
        (LeNet5(), "(N, 3, 32, 32)"),
    ],
)
def test_5_4_names_the_mistake(answer, words, capsys):
    assert not check("5.4", answer)
    assert words in capsys.readouterr().out


def better(a, b, limit=lambda n: 2 * n**0.5, least=0):
    first, second = (a & ~b).sum().item(), (b & ~a).sum().item()
    if abs(first - second) <= limit(first + second) - least:
        return "not shown"
    return "first" if first > second else "second"


def from_accuracies(a, b):
    """Without counting each: what both have right falls out of the difference."""
    difference, apart = int(a.sum()) - int(b.sum()), int((a != b).sum())
    if difference**2 <= 4 * apart:
        return np.str_("not shown")
    return np.str_("first" if difference > 0 else "second")


@pytest.mark.parametrize("answer", [better, from_accuracies])
def test_5_5_takes_every_way_to_compare(answer):
    assert check("5.5", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda a, b: better(b, a), "should give 'first' and gave 'second'"),
        (lambda a, b: "first" if a.sum() > b.sum() else "second", "2√18, about 8.5"),
        (lambda a, b: better(a, b, lambda n: n**0.5), "2√18, about 8.5"),
        (lambda a, b: better(a, b, least=1e-9), "8 is not more than 2√16"),
        (lambda a, b: better(a, b, lambda n: n / 2), "should give 'first' and gave 'not shown'"),
        (lambda a, b: better(a, b, lambda n: 2 * (n + 40) ** 0.5), "'not shown'"),
        (lambda a, b: True, "it gave True, which is none of 'first', 'second', 'not shown'"),
        (lambda a, b: a[len(a)], "it raised IndexError"),
        ("first", "A function is asked for"),
    ],
)
def test_5_5_names_the_mistake(answer, words, capsys):
    assert not check("5.5", answer)
    assert words in capsys.readouterr().out


class Knowing(nn.Module):
    """It knows so many per cent of the validation digits by the sum of their pixels."""

    def __init__(self, percent):
        super().__init__()
        digits = load("mnist-m", "validation")
        self.register_buffer("known", digits.images.flatten(1).sum(1))
        self.register_buffer("labels", digits.labels.clone())
        self.labels[5 * percent :] = (self.labels[5 * percent :] + 1) % 10
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        sums = (255 * x.double()).round().flatten(1).sum(1).round().long()
        nearest = (sums[:, None] - self.known).abs().argmin(1)
        return F.one_hot(self.labels[nearest], 10) * self.weight


def test_5_6_counts_and_measures(capsys):
    assert check("5.6", Knowing(97))
    capsys.readouterr()
    assert not check("5.6", Knowing(80))
    assert "of the validation digits are right; at least 90 % are asked for" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ModernCNN(), "269,466 parameters; 50,000 are allowed"),
        (ModernCNN(stem=8, widths=(16, 32), depths=(1, 2)), "4,657,472 multiply–accumulates; 3"),
        (nn.Sequential(Normalize(3), nn.Flatten(), nn.Linear(3072, 10)), "at least 90 %"),
        (nn.Conv2d(1, 10, 3), "(N, 3, 32, 32)"),
        (nn.Sequential, "A trained model is asked for"),
    ],
)
def test_5_6_names_the_mistake(answer, words, capsys):
    assert not check("5.6", answer)
    assert words in capsys.readouterr().out
