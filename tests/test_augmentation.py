"""Augmentation: what each setting does to a batch, and that images are drawn for one by one."""

import math
import re

import pytest
import torch

from cnn_course.augmentation import Augment


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (200, 2, 12, 10), dtype=torch.uint8, generator=generator)


def test_without_settings_bytes_become_floats(images):
    assert torch.equal(Augment()(images), images.float() / 255)


def test_flip_mirrors_about_half_of_the_images(images):
    torch.manual_seed(0)
    x, y = images.float() / 255, Augment(flip=True)(images)
    same = (y == x).flatten(1).all(1)
    mirrored = (y == x.flip(3)).flatten(1).all(1)
    assert (same | mirrored).all()
    assert 70 < mirrored.sum() < 130


@pytest.mark.parametrize("crop", [10, 30])
def test_a_crop_that_has_not_the_pixels_is_refused(images, crop):
    with pytest.raises(ValueError, match=f"crop={crop}: give 0 to 9, as the images are 12×10"):
        Augment(crop=crop)(images)


def test_crop_cuts_the_image_out_of_itself_reflected(images):
    torch.manual_seed(0)
    y = (Augment(crop=2)(images) * 255).round().byte()
    padded = torch.nn.functional.pad(images.float(), (2, 2, 2, 2), mode="reflect").byte()
    places = [
        [i, j]
        for image, wide in zip(y, padded, strict=True)
        for i in range(5)
        for j in range(5)
        if torch.equal(image, wide[:, i : i + 12, j : j + 10])
    ]
    assert len(places) == len(images)
    assert len({tuple(place) for place in places}) == 25


def test_shift_moves_each_image_by_its_own_amount():
    dot = torch.zeros(300, 1, 21, 21, dtype=torch.uint8)
    dot[:, :, 10, 10] = 255
    torch.manual_seed(0)
    y = Augment(shift=3)(dot)[:, 0]
    place = torch.arange(21.0)
    assert torch.allclose(y.sum((1, 2)), torch.ones(300), atol=1e-4)
    for axis in (1, 2):
        moved = (y.sum(3 - axis) * place).sum(1) - 10  # the dot's centre along this axis
        assert moved.abs().max() <= 3 + 1e-4
        assert moved.std() > 1.5


@pytest.mark.parametrize("height_width", [(40, 40), (30, 50)])
def test_rotation_keeps_lengths_and_stays_within_its_limit(height_width):
    height, width = height_width
    images = torch.zeros(200, 1, height, width, dtype=torch.uint8)
    row, column = height // 2, width // 2
    images[:, :, row - 1 : row + 1, column - 10 : column + 10] = 255  # a level bar
    torch.manual_seed(0)
    y = Augment(rotation=30)(images)[:, 0]
    i, j = torch.meshgrid(
        torch.arange(height) - (height - 1) / 2,
        torch.arange(width) - (width - 1) / 2,
        indexing="ij",
    )
    mass = y.sum((1, 2))
    second = [(y * m).sum((1, 2)) / mass for m in (i * i, i * j, j * j)]
    angles = 0.5 * torch.atan2(2 * second[1], second[2] - second[0])  # of the bar's long axis
    assert torch.rad2deg(angles).abs().max() <= 31
    assert torch.rad2deg(angles).std() > 12
    assert torch.allclose(second[0] + second[2], torch.full((200,), 33.58), atol=0.6)


def test_scale_stays_within_its_limit():
    images = torch.zeros(200, 1, 40, 40, dtype=torch.uint8)
    images[:, :, 10:30, 10:30] = 255
    torch.manual_seed(0)
    sides = Augment(scale=0.2)(images).sum((1, 2, 3)).sqrt()
    assert 15.8 < sides.min() < 17
    assert 23 < sides.max() < 24.2


@pytest.mark.parametrize("side", [1, 4, 5])
def test_erase_covers_one_square_of_each_image_with_the_mean_colour(images, side):
    torch.manual_seed(0)
    x, y = images.float() / 255, Augment(erase=side)(images)
    changed = (y != x).any(1)  # (200, 12, 10)
    rows, columns = changed.any(2), changed.any(1)
    assert torch.equal(changed, rows[:, :, None] & columns[:, None, :])
    for line, length in ((rows, 12), (columns, 10)):
        first = line.int().argmax(1)
        count = line.sum(1)
        numbers = torch.arange(length)
        expected = (numbers >= first[:, None]) & (numbers < (first + count)[:, None])
        assert torch.equal(line, expected)  # pixels in a row, as many as lie within the image
        assert count.max() == side
        assert count.min() == (side + 1) // 2
        assert len(set(first.tolist())) > length // 2
    mean = x.mean((0, 2, 3))
    for channel in range(2):
        torch.testing.assert_close(y[:, channel][changed], mean[channel].expand(int(changed.sum())))


def test_the_seed_decides(images):
    augment = Augment(crop=1, flip=True, rotation=10, scale=0.1, shift=2, erase=3)
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        results.append(augment(images))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"crop": -1}, ValueError), ({"crop": 1.5}, TypeError), ({"erase": -3}, ValueError),
        ({"scale": 1}, ValueError), ({"scale": 1.9}, ValueError), ({"scale": -0.1}, ValueError),
        ({"rotation": math.nan}, ValueError), ({"rotation": math.inf}, ValueError),
        ({"rotation": (0, 10)}, ValueError), ({"shift": "1"}, ValueError),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_named(setting, error):
    ((name, value),) = setting.items()
    with pytest.raises(error, match=re.escape(f"{name}={value!r}: give")):
        Augment(**setting)


def test_only_bytes_are_changed(images):
    """Floats in [0, 1] would be divided by 255 once more."""
    for wrong in (images / 255, images[0]):
        with pytest.raises(ValueError, match=r"images are torch\..* of shape .*; give bytes"):
            Augment(flip=True)(wrong)
