"""The receptive field of a stack of convolutions and poolings that the reader builds."""

import numpy as np

from cnn_course.widgets.base import Widget, encode, picture
from cnn_course.widgets.pixels import tower

CONV = {"kind": "conv", "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1, "channels": 16}
POOL = {"kind": "pool", "kernel_size": 2, "stride": 2, "padding": 0}
SAME = CONV | {"padding": 1}
# The stacks of chapter 02, LeNet-5's, and one whose dilation doubles.
STACKS = {
    "conv, pool, conv": [CONV, POOL, CONV],
    "seven layers": [SAME, SAME, POOL, SAME, SAME, POOL, SAME],
    "LeNet-5": [
        CONV | {"kernel_size": 5, "channels": 6},
        POOL,
        CONV | {"kernel_size": 5, "channels": 16},
        POOL,
    ],
    "dilation 1, 2, 4": [SAME | {"padding": d, "dilation": d} for d in (1, 2, 4)],
}
CHOICES = {
    "kernel_size": [1, 2, 3, 4, 5, 7],
    "stride": [1, 2, 3, 4],
    "padding": [0, 1, 2, 3, 4],
    "dilation": [1, 2, 3, 4],
    "channels": [1, 6, 8, 16, 32, 64, 128],
}
MOST_LAYERS = 8


def receptive_field(stack: str = "conv, pool, conv") -> Widget:
    """The figure, opened with a stack of `STACKS`, on 32×32 pixels of 3 channels.

    Raises ValueError for a stack that is not there.
    """
    if stack not in STACKS:
        raise ValueError(f"stack={stack!r} is none of {'; '.join(STACKS)}")
    image = halved(tower())
    data = {
        "image": encode(image),
        "side": len(image),
        "stacks": STACKS,
        "stack": stack,
        "conv": CONV,
        "pool": POOL,
        "choices": CHOICES,
        "most": MOST_LAYERS,
    }
    scripts = ("controls", "network", "geometry", "boards")
    return Widget("receptive-field", data, still(image), scripts)


def halved(image: np.ndarray) -> np.ndarray:
    """Mean over each 2×2 pixels, rounded down: uint8 (2H, 2W, C) → (H, W, C)."""
    height, width, channels = image.shape
    blocks = image.reshape(height // 2, 2, width // 2, 2, channels).astype(int)
    return (blocks.sum((1, 3)) // 4).astype(np.uint8)


def still(image: np.ndarray) -> str:
    """The image, dark but for a square of 8×8 pixels: what one output of conv, pool, conv sees."""
    dark = image // 3
    dark[12:20, 12:20] = image[12:20, 12:20]
    alt = "A photograph, darkened outside a square of 8 by 8 pixels that one output pixel sees."
    return picture(dark, alt)
