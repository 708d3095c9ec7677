"""Max against average pooling on a feature map that the reader moves by pixels."""

import numpy as np

from cnn_course.arithmetic import whole
from cnn_course.widgets.base import Widget, encode, picture
from cnn_course.widgets.pixels import sliding

SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
EDGES = "left edges of a 7"
ROWS = {  # of chapter 03, one above the other
    "stripes of 2": [8, 8, 0, 0, 8, 8, 0, 0],
    "stripes of 1": [8, 0, 8, 0, 8, 0, 8, 0],
}
WINDOWS = [2, 4, 7, 14]  # those that divide a map's side, and the whole map


def pooling(
    feature_map: str = EDGES, *, kernel_size: int = 2, shift: tuple[int, int] = (0, 1)
) -> Widget:
    """The figure, opened with a map of `maps()`, windows of kernel_size × kernel_size side by side,
    and the map moved by `shift`, which is (rows down, columns to the right), around a ring.

    Raises ValueError for a map that is not there, windows that do not divide it, and a shift by
    more than half of it.
    """
    known = maps()
    if feature_map not in known:
        raise ValueError(f"feature_map={feature_map!r} is none of {', '.join(known)}")
    side = len(known[feature_map])
    sizes = [n for n in WINDOWS if side % n == 0 and n < side] + [side]
    if kernel_size not in sizes:
        given = ", ".join(map(str, sizes))
        raise ValueError(
            f"kernel_size={kernel_size} for a map of {side}×{side}: give one of {given}"
        )
    down, right = shift
    for n in (down, right):
        if whole("shift", n, -side // 2) > side // 2:
            raise ValueError(
                f"shift={n} for a map of {side}×{side}: give -{side // 2} to {side // 2}"
            )
    data = {
        "maps": {
            name: {
                "side": len(pixels),
                "pixels": encode(pixels),
                "unit": 255 if len(pixels) == 28 else 1,
                "kernel": SOBEL if name == EDGES else None,
            }
            for name, pixels in known.items()
        },
        "windows": WINDOWS,
        "map": feature_map,
        "kernel_size": int(kernel_size),
        "shift": [int(down), int(right)],
    }
    return Widget("pooling", data, still(known[EDGES]), ("controls", "network", "modern", "boards"))


def maps() -> dict[str, np.ndarray]:
    """The maps as uint8 (H, H); that of edges is still the digit. A digit's pixels are ·/255."""
    from cnn_course.data import load

    digit = load("mnist-sample", "test").images[494, 0].numpy()
    dot = np.zeros((8, 8), np.uint8)
    dot[2, 2] = 8
    stripes = {name: np.tile(np.uint8(row), (8, 1)) for name, row in ROWS.items()}
    return {EDGES: digit, "a 7": digit, "a dot": dot} | stripes


def still(digit: np.ndarray) -> str:
    """The map of edges, and what max and average pooling in windows of 2×2 make of it."""
    edges = sliding(np.pad(digit.astype(float), 1), np.array(SOBEL)).clip(0)  # (28, 28)
    blocks = edges.reshape(14, 2, 14, 2)
    gap = np.full((28, 4), 255)
    pooled = [
        reduced.repeat(2, 0).repeat(2, 1) for reduced in (blocks.max((1, 3)), blocks.mean((1, 3)))
    ]
    shown = [image // 4 for image in (edges, *pooled)]  # Sobel's largest answer is 4 · 255
    canvas = np.hstack([shown[0], gap, shown[1], gap, shown[2]]).astype(np.uint8)
    alt = "The left edges of a handwritten 7, and the smaller maps of max and of average pooling."
    return picture(canvas, alt)
