"""The squares that excite a channel most are where they were put."""

import pytest
import torch
from torch import nn

from cnn_course.inspection import strongest_patches


def cross_finder(padding):
    """A convolution that answers most to a cross of 3×3."""
    layer = nn.Conv2d(1, 2, 3, padding=padding)
    cross = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
    with torch.no_grad():
        layer.weight[:] = torch.stack([2 * cross - 1, 1 - 2 * cross])[:, None]
        layer.bias[:] = 0
    return layer, cross


@pytest.mark.parametrize("padding", [0, 1])
def test_it_finds_what_was_planted(padding):
    layer, cross = cross_finder(padding)
    images = torch.zeros(4, 1, 9, 12)
    for n, (i, j) in enumerate([(0, 0), (3, 5), (6, 9)]):
        images[n, 0, i : i + 3, j : j + 3] = cross
    patches = strongest_patches(nn.Sequential(layer, nn.ReLU()), images, [0], count=3)
    assert patches.shape == (1, 3, 1, 3, 3)
    assert torch.equal(patches, cross.expand(1, 3, 1, 3, 3))


@pytest.mark.parametrize(("padding", "side"), [(0, 25), (1, 25), (1, 28)])
def test_behind_poolings_the_square_gives_the_answer(padding, side):
    """Cut out and put through the unpadded layers, the square gives what the map had there."""
    torch.manual_seed(0)
    layers = []
    for channels in ((1, 3), (3, 4)):
        layers += [nn.Conv2d(*channels, 3, padding=padding), nn.Tanh(), nn.MaxPool2d(2)]
    part = nn.Sequential(*layers, nn.Conv2d(4, 5, 3, padding=padding))
    images = torch.rand(6, 1, side, side)
    patches = strongest_patches(part, images, [3, 1], count=4)
    assert patches.shape == (2, 4, 1, 18, 18)
    for layer in part:
        if isinstance(layer, nn.Conv2d):
            layer.padding = (0, 0)
    alone = part(patches.flatten(0, 1)).unflatten(0, (2, 4))  # (2, 4, 5, 1, 1)
    assert alone.shape[-2:] == (1, 1)
    for layer in part:
        if isinstance(layer, nn.Conv2d):
            layer.padding = (padding, padding)
    for row, channel in enumerate([3, 1]):
        answers = alone[row, :, channel].flatten()
        assert torch.equal(answers, answers.sort(descending=True).values)
        maps = part(images)[:, channel].flatten(1)  # each answer stands in some image's map
        assert all(torch.isclose(maps, answer, atol=1e-6).any() for answer in answers)


def test_the_network_stays_as_it_was_found():
    part = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in part.state_dict().items()}
    images = torch.rand(3, 1, 9, 9)
    first, second = (strongest_patches(part, images.double(), [0, 1], count=2) for _ in range(2))
    assert torch.equal(first, second)  # nothing was dropped
    assert all(layer.training for layer in part)
    assert all(torch.equal(value, before[name]) for name, value in part.state_dict().items())


def test_what_cannot_be_is_refused():
    layer, _ = cross_finder(1)
    with pytest.raises(ValueError, match="count=3: give 1 to 2"):
        strongest_patches(layer, torch.rand(2, 1, 9, 9), [0], count=3)
    wide = nn.Conv2d(1, 1, 7, padding=3)
    with pytest.raises(ValueError, match="within an image of 5×5"):
        strongest_patches(wide, torch.rand(2, 1, 5, 5), [0], count=1)


@pytest.mark.parametrize("channels", [[2], [-1], [], [0, 99], [0.5], ["a"], 0, "0"])
def test_channels_that_are_not_there_are_named(channels):
    layer, _ = cross_finder(0)
    with pytest.raises(ValueError, match=r"channels=.*: give a list of one or more of 0 to 1"):
        strongest_patches(layer, torch.rand(4, 1, 9, 12), channels, count=3)


def test_what_is_no_map_or_takes_no_such_images_is_named():
    layer, _ = cross_finder(0)
    with pytest.raises(ValueError, match=r"gives no maps \(N, C, H, W\)"):
        strongest_patches(nn.Flatten(), torch.rand(4, 1, 9, 12), [0], count=3)
    with pytest.raises(ValueError, match=r"does not take images of shape \(3, 9, 12\)"):
        strongest_patches(layer, torch.rand(4, 3, 9, 12), [0], count=3)
