"""Chapter 02's exercises: right answers pass, and the usual mistakes are told what they are."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import check


def count(*cases):
    """Numbers of right and wrong answers among pairs of exercise number and answer."""
    return [check(number, answer) for number, answer in cases]


def test_2_1_and_2_2_tell_what_was_forgotten(capsys):
    assert count(("2.1", 14), ("2.1", 13)) == [True, False]
    said = capsys.readouterr().out
    assert "position 0 counts too" in said  # 27 // 2
    assert "padding lies at both sides" in said  # (28 - 5 + 2) // 2 + 1
    assert count(("2.1", 12), ("2.1", 28), ("2.1", 15)) == [False] * 3
    said = capsys.readouterr().out
    assert "without the padding" in said  # (28 - 5) // 2 + 1
    assert "with stride 1" in said  # 28 - 5 + 4 + 1
    assert "rounded up" in said
    assert not check("2.1", 11)
    said = capsys.readouterr().out
    assert "without the padding, and position 0 counts too" in said  # (28 - 5) // 2
    assert count(("2.2", 12_864), ("2.2", 12_800), ("2.2", 51_264)) == [True, False, False]
    said = capsys.readouterr().out
    assert "bias too" in said
    assert "without groups" in said
    assert count(("2.2", 3_264), ("2.2", 3_216), ("2.2", 12_801)) == [False] * 3
    said = capsys.readouterr().out
    assert said.count("64 filters in all") == 2
    assert "a bias of its own" in said


def test_2_3_counts_the_dilation(capsys):
    assert check("2.3", lambda kernel_size, dilation=1: dilation * (kernel_size - 1) // 2)
    assert not check("2.3", lambda kernel_size, dilation=1: kernel_size // 2)
    assert "A dilated kernel spans D (F − 1) + 1 pixels" in capsys.readouterr().out
    assert not check("2.3", lambda kernel_size, dilation=1: dilation * (kernel_size - 1))
    assert "yours is that of both together" in capsys.readouterr().out
    assert not check("2.3", lambda kernel_size, dilation=1: 0)
    assert capsys.readouterr().out.endswith("should give 1 and gave 0.\n")


def test_2_4_knows_left_from_right(capsys):
    right, left = torch.zeros(3, 3), torch.zeros(3, 3)
    right[1, 0] = left[1, 2] = 1
    assert count(("2.4", right), ("2.4", left), ("2.4", 2 * right)) == [True, False, False]
    assert "to the left" in capsys.readouterr().out
    for row, column, words in [(0, 1, "moves the image down"), (2, 1, "up"), (1, 1, "where it is")]:
        kernel = torch.zeros(3, 3)
        kernel[row, column] = 1
        assert not check("2.4", kernel)
        assert words in capsys.readouterr().out


def slide_by(x, k, stride):
    windows = x.unfold(0, len(k), stride).unfold(1, len(k), stride)
    return (windows * k).sum((2, 3))


def test_2_5_wants_the_stride(capsys):
    assert check("2.5", slide_by)
    assert not check("2.5", lambda x, k, stride: slide_by(x, k, 1)[::stride])
    assert not check("2.5", lambda x, k, stride: slide_by(x, k, 1))
    assert "It takes every position; the kernel moves by" in capsys.readouterr().out
    assert not check("2.5", lambda x, k, stride: slide_by(x, k.flip(0, 1), stride))
    assert "It flips the kernel, which PyTorch does not." in capsys.readouterr().out


def layer(x, k, stride):
    convolution = nn.Conv2d(1, 1, len(k), stride, bias=False)
    convolution.weight.data = k[None, None]
    return convolution(x[None, None])[0, 0]


alias = F.conv2d


@pytest.mark.parametrize(
    "slide_by",
    [
        lambda x, k, stride: F.conv2d(x[None, None], k[None, None], stride=stride)[0, 0],
        lambda x, k, stride: alias(x[None, None], k[None, None], stride=stride)[0, 0],
        lambda x, k, stride: torch.conv2d(x[None, None], k[None, None], stride=stride)[0, 0],
        lambda x, k, s: F.conv3d(x[None, None, None], k[None, None, None], stride=(1, s, s))[
            0, 0, 0
        ],
        layer,
    ],
)
def test_2_5_wants_no_convolution_of_torchs(slide_by, capsys):
    assert not check("2.5", slide_by)
    assert "calls a convolution of torch's; write the sum" in capsys.readouterr().out
    assert F.conv2d is alias
    assert layer(torch.ones(3, 3), torch.ones(2, 2), 1).shape == (2, 2)  # allowed again


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
    assert check("2.6", tuple(chain(1, 2, 4, 8)))
    assert not check("2.6", [{"kernel_size": 3.0}])
    assert not check("2.6", [{"kernel_size": (3, 3)}])
    said = capsys.readouterr().out
    assert "Layer 1: kernel_size must be a whole number; this is 3.0, a float" in said
    assert "Layer 1: kernel_size must be a whole number; this is of type tuple" in said


def colours():
    weight = torch.zeros(2, 3, 3, 3)
    weight[0, :, 1, 1] = torch.tensor([1, -0.5, -0.5])
    weight[1] = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 3
    return weight


def test_2_7_takes_a_slice_for_each_channel():
    assert check("2.7", colours())
    assert check("2.7", colours().double().numpy())
    assert check("2.7", (100 * colours()).round() / 100)  # 0.33 for a third
    rightly_gives = nn.Conv2d(3, 2, 3, padding=1, bias=False)
    rightly_gives.weight.data = colours()
    image = torch.rand(1, 3, 6, 6)
    red, green, blue = image[0]
    assert torch.allclose(rightly_gives(image)[0, 0], red - (green + blue) / 2, atol=1e-6)


def changed(filter, change):
    weight = colours()
    weight[filter] = change(weight[filter].clone())
    return weight


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (colours().transpose(0, 1), "filter first; this is a tensor of shape (3, 2, 3, 3)"),
        (colours()[0], "this is a tensor of shape (3, 3, 3)"),
        ("text", "this is 'text'"),
        (colours().flip(0), "The two filters are swapped"),
        (changed(0, lambda w: w.flip(0)), "yours has -0.5, -0.5, 1 there."),
        (changed(0, lambda w: w.mean((1, 2), keepdim=True).expand(3, 3, 3)), "All its other"),
        (changed(1, lambda w: 3 * w), "adds the three channels up"),
        (changed(1, lambda w: -w), "left minus right"),
        (changed(1, lambda w: w.transpose(1, 2)), "horizontal edges"),
        (changed(1, lambda w: 0 * w), "Filter 1 should have kernel C, divided by 3"),
    ],
)
def test_2_7_names_the_mistake(weight, words, capsys):
    assert not check("2.7", weight)
    assert words in capsys.readouterr().out
