"""How `mnist-m` is made, step by step."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from cnn_course.data import SPLITS, blended
from cnn_course.data.blended import BANDS, FRAGMENT, FRAGMENTS, GAP, MOVE, PERIOD, SIDE
from cnn_course.data.embedded import COUNTS, mnist_sample

SIZE = (427, 640)  # of the photographs


def stream(seed=0):
    return np.random.RandomState(seed)


@pytest.fixture(scope="module")
def digits():
    return mnist_sample("validation").images[:, 0].numpy()


@pytest.fixture(scope="module")
def strokes(digits):
    return blended.transform(digits, stream())


def box(strokes):
    """First and last row and column with ink, each (N,)."""
    rows, columns = strokes.any(2), strokes.any(1)
    last = strokes.shape[1] - 1
    return (
        *(rows.argmax(1), last - rows[:, ::-1].argmax(1)),
        *(columns.argmax(1), last - columns[:, ::-1].argmax(1)),
    )


def rotate(digits, angle, percent, side=28):
    full = [np.full(len(digits), value) for value in (angle, percent)]
    return blended.rotate_and_scale(digits, *full, side)


# Turning and scaling


def test_no_turn_at_full_size_changes_nothing(digits):
    assert (rotate(digits, 0, 100) == digits).all()
    assert (rotate(digits, 360, 100, 32) == np.pad(digits, ((0, 0), (2, 2), (2, 2)))).all()


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_exact_and_counterclockwise(digits, quarters):
    expected = np.rot90(digits, quarters, axes=(1, 2))
    assert (rotate(digits, 90 * quarters, 100) == expected).all()
    assert (rotate(digits, 90 * (quarters - 4), 100) == expected).all()


@pytest.mark.parametrize(("angle", "percent"), [(17, 100), (-30, 75), (0, 110), (30, 110)])
def test_any_turn_is_torchs_to_a_few_grey_levels(digits, angle, percent):
    turn, size = np.deg2rad(angle), 100 / percent * 48 / 28
    cos, sin = np.cos(turn) * size, np.sin(turn) * size
    matrix = torch.tensor([[cos, -sin, 0], [sin, cos, 0]]).float().expand(len(digits), 2, 3)
    grid = torch.nn.functional.affine_grid(matrix, [len(digits), 1, 48, 48], align_corners=False)
    images = torch.from_numpy(digits)[:, None].float()
    expected = torch.nn.functional.grid_sample(images, grid, align_corners=False)[:, 0].numpy()
    assert np.abs(rotate(digits, angle, percent, 48) - expected).max() < 3


def test_what_lies_outside_is_black():
    full = np.full((1, 28, 28), 255, np.uint8)
    turned = rotate(full, 30, 100, 48)[0]
    assert turned[0].max() == turned[-1].max() == turned[:, 0].max() == turned[:, -1].max() == 0
    assert turned[14:34, 14:34].min() == 255


# Moving


def test_a_moved_digit_is_whole(digits):
    # The same draws on a canvas that holds anything: no ink has been lost.
    random = stream()
    low, high = blended.SCALE
    angle = random.randint(-blended.ROTATION, blended.ROTATION + 1, len(digits), np.int64)
    percent = random.randint(low, high + 1, len(digits), np.int64)
    large = blended.rotate_and_scale(digits, angle, percent, 80)
    moved = blended.transform(digits, stream())
    assert moved.shape == (len(digits), SIDE, SIDE)
    assert (moved.sum((1, 2), dtype=int) == large.sum((1, 2), dtype=int)).all()


def test_digits_are_moved_as_far_as_they_may(strokes):
    top, bottom, left, right = box(strokes)
    for first, last in (top, bottom), (left, right):
        off = first + last - (SIDE - 1)  # twice the distance from the middle
        assert off.min() in (-2 * MOVE, -2 * MOVE - 1)
        assert off.max() in (2 * MOVE, 2 * MOVE - 1)
        assert abs(off.mean()) < 1


# Fragments


def test_fragments_keep_off_the_digit(digits, strokes):
    clutter = blended.fragments(digits, strokes, stream(1))
    for near, first_row, last_row, first, last in zip(clutter, *box(strokes), strict=True):
        rows = slice(max(0, first_row - GAP), last_row + GAP + 1)
        assert not near[rows, max(0, first - GAP) : last + GAP + 1].any()
    share = (clutter > 0).any((1, 2)).mean()
    assert share > 0.8  # most images have some
    assert (clutter > 0).sum((1, 2)).max() <= FRAGMENTS * FRAGMENT**2


def test_fragments_are_of_other_digits():
    # Digit i has the grey level i + 1 all over: where is its own?
    digits = np.broadcast_to(np.arange(1, 51, dtype=np.uint8)[:, None, None], (50, 28, 28))
    strokes = np.zeros((50, SIDE, SIDE), np.uint8)
    strokes[:, 15, 15] = 255
    clutter = blended.fragments(digits, strokes, stream(2))
    own = clutter == np.arange(1, 51)[:, None, None]
    assert not own.any()
    assert len(np.unique(clutter)) > 25


# Standing out


def test_a_digit_stands_out_by_its_contrast_and_more_where_the_patch_is_rough():
    strokes = np.zeros((1, SIDE, SIDE), np.uint8)
    strokes[:, 10:20, 14:18] = 255
    even = np.full((1, SIDE, SIDE, 3), 100)
    rough = even.copy()
    rough[:, ::2] += 20  # 20 between rows, 0 between columns: 10 on average

    def seen(patches, change):
        return blended.stands_out(strokes, patches, patches + change * (strokes > 0)[..., None])[0]

    assert seen(even, blended.CONTRAST)
    assert not seen(even, blended.CONTRAST - 1)
    assert seen(rough, blended.CONTRAST + 10)
    assert not seen(rough, blended.CONTRAST + 9)


# Patches


def positions(split, count):
    return blended.patch_positions(split, count, SIZE, stream(SPLITS.index(split)))


def test_patches_of_different_splits_share_no_pixel():
    seen = {}
    for split in SPLITS:
        covered = np.zeros((2, *SIZE), bool)
        for photo, top, left in positions(split, COUNTS[split]):
            patch = covered[photo, top : top + SIDE, left : left + SIDE]
            assert patch.shape == (SIDE, SIDE)
            patch[:] = True
        seen[split] = covered
    assert not (seen["train"] & seen["validation"]).any()
    assert not (seen["train"] & seen["test"]).any()
    assert not (seen["validation"] & seen["test"]).any()
    # Each split uses most of its bands, of both photographs.
    for split, (start, stop) in BANDS.items():
        assert seen[split].mean((1, 2)).min() > 0.75 * (stop - start) / PERIOD


# The whole


def test_the_set_is_the_difference_of_photograph_and_ink():
    split, some = "test", 60
    digits = mnist_sample(split).subset(torch.arange(some), "some")
    made = blended.build_mnist_m(split, digits)
    assert made.images.shape == (some, 3, SIDE, SIDE)
    assert torch.equal(made.labels, digits.labels)

    # The first draws again; many digits stand out at once.
    random, originals = stream([2012, SPLITS.index(split)]), digits.images[:, 0].numpy()
    strokes = blended.transform(originals, random)
    ink = np.maximum(strokes, blended.fragments(originals, strokes, random))
    first = blended.patch_positions(split, some, SIZE, random)
    low, high = blended.STRENGTH
    strength = random.randint(low, high + 1, (some, 1, 1, 3), np.int64)[:, 0, 0]
    photos = load_sample_images().images
    same = 0
    for image, (photo, top, left), marks, force in zip(
        made.images.numpy(), first, ink, strength, strict=True
    ):
        patch = photos[photo][top : top + SIDE, left : left + SIDE].astype(float)
        change = np.floor(marks[..., None] / 256 * force)
        same += (image == np.abs(patch - change).transpose(2, 0, 1)).all()
    assert some / 4 < same < some


def test_photographs_that_are_decoded_a_little_differently_change_little(monkeypatch):
    digits = mnist_sample("validation")
    course = blended.build_mnist_m("validation", digits)
    photos = load_sample_images()
    photos.images = [
        np.clip(photo.astype(int) + 1, 0, 255).astype(np.uint8) for photo in photos.images
    ]
    monkeypatch.setattr("sklearn.datasets.load_sample_images", lambda: photos)
    other = blended.build_mnist_m("validation", digits)
    apart = (course.images.int() - other.images.int()).abs().flatten(1).max(1).values
    assert 0 < (apart > 1).sum() < 25  # a digit that now stands out, or no longer
