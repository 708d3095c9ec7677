"""How `mnist-m` is made: digits turned, scaled and moved, over photographs, among fragments.

Whole numbers throughout, from draws of NumPy's frozen RandomState: so the bytes are the same on
every machine that decodes the photographs alike.
"""

import numpy as np
import torch

from cnn_course.data.images import SEED, ImageSet
from cnn_course.names import SPLITS

SIDE = 32

# A digit is turned by so many degrees either way, scaled to so many per cent, and moved so many
# pixels out of the middle, as far as all of it stays in the image.
ROTATION, SCALE, MOVE = 15, (80, 110), 4
# So many squares of other digits, with this side, lie around it, this far from its bounding box.
FRAGMENTS, FRAGMENT, GAP = 2, 8, 2
# The ink's strength in each channel, of 256. It changes the photograph by CONTRAST on average, and
# more where that is rough; if not, another patch and another colour are drawn.
STRENGTH, CONTRAST = (128, 256), 96

# The photographs are cut into bands of columns that repeat from left to right, so that each split
# has its share of sky, roof, leaf and petal, and none of them a pixel of another one's.
PERIOD = 160
BANDS = {"train": (0, 80), "validation": (80, 112), "test": (112, 160)}


def build_mnist_m(split: str, digits: ImageSet) -> ImageSet:
    """Make a split of `mnist-m` of its `digits` (N, 1, 28, 28): (N, 3, 32, 32), in their order.

    In each channel |photograph − strength · ink|, where ink is the digit and the fragments.
    """
    from sklearn.datasets import load_sample_images

    photos = np.stack(load_sample_images().images)  # china.jpg and flower.jpg, (2, 427, 640, 3)
    random = np.random.RandomState([SEED, SPLITS.index(split)])
    originals = digits.images[:, 0].numpy()
    strokes = transform(originals, random)  # (N, 32, 32)
    ink = np.maximum(strokes, fragments(originals, strokes, random))

    blend = np.empty((len(digits), SIDE, SIDE, 3), np.uint8)
    left = np.arange(len(digits))  # those that still need a background
    while len(left):
        # Drawn for all, so that what one digit gets does not depend on the others' photographs.
        positions = patch_positions(split, len(digits), photos.shape[1:3], random)
        strength = _draw(random, STRENGTH[0], STRENGTH[1] + 1, (len(digits), 1, 1, 3))
        patches = windows(photos, *positions[left].T, SIDE).astype(np.int32)  # (n, 32, 32, 3)
        blended = np.abs(patches - (ink[left, :, :, None] * strength[left] >> 8))
        blend[left] = blended
        left = left[~stands_out(strokes[left], patches, blended)]
    images = torch.from_numpy(blend.transpose(0, 3, 1, 2).copy())
    return ImageSet(f"mnist-m {split}", images, digits.labels, digits.classes)


def transform(digits: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Turn, scale and move each digit, uint8 (N, 28, 28) → (N, 32, 32), and lose nothing of it."""
    count = len(digits)
    angle = _draw(random, -ROTATION, ROTATION + 1, count)
    percent = _draw(random, SCALE[0], SCALE[1] + 1, count)
    turned = rotate_and_scale(digits, angle, percent, side=48)
    edges = []
    for axis in 1, 2:
        filled = turned.any(3 - axis)  # (N, 48): the rows, then the columns, with ink
        first, last = filled.argmax(1), 47 - filled[:, ::-1].argmax(1)
        space = SIDE - (last - first + 1)
        lowest, highest = np.maximum(0, space // 2 - MOVE), np.minimum(space, space // 2 + MOVE)
        edges.append(first - _draw(random, lowest, highest + 1, count))
    padded = np.pad(turned, ((0, 0), (SIDE, SIDE), (SIDE, SIDE)))
    return windows(padded, np.arange(count), edges[0] + SIDE, edges[1] + SIDE, SIDE)


def rotate_and_scale(
    digits: np.ndarray, angle: np.ndarray, percent: np.ndarray, side: int
) -> np.ndarray:
    """Each digit about its centre, uint8 (N, H, H) → (N, side, side), bilinear.

    `angle` in whole degrees, counterclockwise as images are shown, and `percent` of its size are
    int64 of shape (N,).
    """
    one = 1 << 16  # a pixel; twice that is the distance of two centres in what follows
    table = np.deg2rad(np.arange(360))
    cos = np.rint(one * np.cos(table)).astype(np.int64)[angle % 360, None, None]
    sin = np.rint(one * np.sin(table)).astype(np.int64)[angle % 360, None, None]
    # Twice the distance of each new pixel from the centre, and of the old point it is taken from.
    new = 2 * np.arange(side) - (side - 1)
    y, x = new[:, None], new
    scale = percent[:, None, None]
    end = digits.shape[1] + 1  # twice the centre, and the last index, with a margin of one pixel
    old_y = (cos * y + sin * x) * 100 // scale + end * one
    old_x = (cos * x - sin * y) * 100 // scale + end * one
    old_y, old_x = (np.clip(old, 0, 2 * end * one) for old in (old_y, old_x))

    padded = np.pad(digits, ((0, 0), (1, 2), (1, 2))).astype(np.int32)
    n, i, j = np.arange(len(digits))[:, None, None], old_y >> 17, old_x >> 17
    down, right = old_y >> 9 & 255, old_x >> 9 & 255  # what is left, in 256ths of a pixel
    above = (256 - right) * padded[n, i, j] + right * padded[n, i, j + 1]
    below = (256 - right) * padded[n, i + 1, j] + right * padded[n, i + 1, j + 1]
    return ((256 - down) * above + down * below + (1 << 15) >> 16).astype(np.uint8)


def fragments(digits: np.ndarray, strokes: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Squares cut out of other digits (N, 28, 28), around each of `strokes`: uint8 (N, 32, 32).

    None comes nearer than `GAP` to the box that a digit fills, lest it become another one.
    """
    count, shape = len(digits), (len(digits), FRAGMENTS)
    which = (np.arange(count)[:, None] + _draw(random, 1, count, shape)) % count
    from_y, from_x, y, x = (
        _draw(random, low, high, shape)
        for low, high in 2 * [(4, 24 - FRAGMENT + 1)] + 2 * [(FRAGMENT // 2, SIDE + FRAGMENT // 2)]
    )
    margin = FRAGMENT  # so that the edge of the image cuts some of them
    clutter = np.zeros((count, SIDE + 2 * margin, SIDE + 2 * margin), np.uint8)
    square = np.arange(FRAGMENT)
    for k in range(FRAGMENTS):
        piece = windows(digits, which[:, k], from_y[:, k], from_x[:, k], FRAGMENT)
        at = (
            np.arange(count)[:, None, None],
            y[:, k, None, None] + square[:, None],
            x[:, k, None, None] + square,
        )
        clutter[at] = np.maximum(clutter[at], piece)
    clutter = clutter[:, margin:-margin, margin:-margin]
    near = _near(strokes.any(2))[:, :, None] & _near(strokes.any(1))[:, None, :]
    return np.where(near, 0, clutter)


def stands_out(strokes: np.ndarray, patches: np.ndarray, blended: np.ndarray) -> np.ndarray:
    """Whether a digit can be told from its background, bool (N,); images are (N, 32, 32, 3)."""
    change = np.abs(blended - patches).sum(3, dtype=np.int64) * strokes
    contrast = change.sum((1, 2)) // (3 * strokes.sum((1, 2), dtype=np.int64))
    steps = [np.abs(np.diff(patches, axis=axis)) for axis in (1, 2)]  # between neighbours
    rough = sum(step.sum((1, 2, 3), dtype=np.int64) for step in steps) // (2 * steps[0][0].size)
    return contrast >= CONTRAST + rough


def patch_positions(
    split: str, count: int, size: tuple[int, int], random: np.random.RandomState
) -> np.ndarray:
    """Draw where patches of `split` lie in two photographs of `size` (H, W): int64 (count, 3).

    A row is the photograph (0 or 1), the top and the left edge of a patch of 32×32. Each patch lies
    within one band of its split, so no two splits share a pixel.
    """
    height, width = size
    start, stop = BANDS[split]
    photo, top = _draw(random, 0, 2, count), _draw(random, 0, height - SIDE + 1, count)
    band = _draw(random, 0, width // PERIOD, count)
    left = PERIOD * band + start + _draw(random, 0, stop - start - SIDE + 1, count)
    return np.stack([photo, top, left], axis=1)


def windows(images, which, top, left, side: int) -> np.ndarray:
    """Squares of images (M, H, W, …), at (N,) indices and edges each: (N, side, side, …)."""
    square = np.arange(side)
    rows, columns = top[:, None, None] + square[:, None], left[:, None, None] + square
    return images[which[:, None, None], rows, columns]


def _near(filled: np.ndarray) -> np.ndarray:
    """Bool (N, 32): from `GAP` before the first of `filled` (N, 32) to `GAP` after the last."""
    first, last = filled.argmax(1), SIDE - 1 - filled[:, ::-1].argmax(1)
    place = np.arange(SIDE)
    return (place >= first[:, None] - GAP) & (place <= last[:, None] + GAP)


def _draw(random: np.random.RandomState, low, high, shape) -> np.ndarray:
    # The stream depends on the type, whose default is not the same on every system.
    return random.randint(low, high, size=shape, dtype=np.int64)
