"""The convolution playground: what a kernel makes of a photograph or of one's own drawing."""

import numpy as np

from cnn_course.arithmetic import whole
from cnn_course.widgets.base import Widget, encode, picture
from cnn_course.widgets.pixels import sliding, tower

# The kernels of chapter 02, in its words. A single slice is repeated for each channel of the input.
KERNELS = {
    "A · blur": np.full((7, 7), 1 / 49),
    "B · sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "C · vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "D · horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "E · emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "right minus left": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "one pixel": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "red against blue": [
        [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    ],  # for three channels: it is no choice for one
}
RANGES = {"kernel_size": (1, 7), "stride": (1, 4), "padding": (0, 6), "dilation": (1, 4)}
DRAWING = """
..........
.#######..
.......#..
......##..
......#...
.....##...
.....#....
....##....
....#.....
..........
"""


def convolution(
    image: np.ndarray | None = None,
    *,
    kernel: str = "C · vertical edges",
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Widget:
    """The playground, opened with a kernel of `KERNELS` and these settings.

    `image` is a square colour picture, uint8 (H, H, 3) with H from 8 to 128; without one it is the
    storey of a tower that chapter 02 works with, from scikit-learn's `china.jpg`. Raises ValueError
    for another image, a kernel that is not there, and settings that the sliders do not reach.
    """
    image = tower() if image is None else np.asarray(image)
    side = len(image) if image.ndim else 0
    if image.dtype != np.uint8 or image.shape != (side, side, 3) or not 8 <= side <= 128:
        raise ValueError(
            f"the image has the shape {image.shape} and the type {image.dtype}; give uint8 "
            f"(H, H, 3) with H from 8 to 128"
        )
    names = [name for name in KERNELS if len(slices(name)) == 1]
    if kernel not in names:
        raise ValueError(f"kernel={kernel!r} is none of {', '.join(names)}")
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    for name, value in settings.items():
        low, high = RANGES[name]
        if whole(name, value, low) > high:
            raise ValueError(f"{name}={value}: give {low} to {high}")
    data = {
        "image": encode(image),
        "side": side,
        "drawing": [[int(pixel == "#") for pixel in line] for line in DRAWING.split()],
        "kernels": {name: slices(name).tolist() for name in KERNELS},
        "kernel": kernel,
        "ranges": RANGES,
        "settings": {name: int(value) for name, value in settings.items()},
    }
    scripts = ("controls", "network", "geometry", "boards", "scale", "sum", "kernel", "sweep")
    return Widget("convolution", data, still(image, kernel), scripts)


def slices(name: str) -> np.ndarray:
    """A kernel of `KERNELS` as (slices, F, F)."""
    rows = np.asarray(KERNELS[name], dtype=float)
    return rows.reshape(-1, *rows.shape[-2:])


def still(image: np.ndarray, kernel: str) -> str:
    """The image in grey and what the kernel makes of it, at stride 1 and without padding."""
    grey = image.mean(2)  # (H, H)
    answer = sliding(grey, slices(kernel)[0])  # (H − F + 1, H − F + 1)
    low, high = answer.min(), answer.max()
    answer = (answer - low) * (255 / max(high - low, 1))
    canvas = np.full((len(grey), 2 * len(grey) + 6), 255, np.uint8)
    canvas[:, : len(grey)] = grey.round()
    canvas[: len(answer), len(grey) + 6 :][:, : len(answer)] = answer.round()
    alt = f"On the left a photograph in grey, on the right the feature map of the kernel {kernel}."
    return picture(canvas, alt)
