"""Draw a digit, and watch the shipped LeNet-5 read it, map by map."""

import numpy as np

from cnn_course.widgets.base import Widget, encode, picture
from cnn_course.widgets.pixels import sliding

# Images of the test split of `mnist-sample`: the digits 0 to 9, and two that are harder to read.
EXAMPLES = [6, 1, 10, 0, 27, 4, 7, 16, 2, 14, 502, 857]
SCRIPTS = ("network", "lenet5", "prepare", "boards", "sum", "sheet", "maps", "occlusion")


def draw_digit() -> Widget:
    """The figure, with an empty sheet, the weights of `lenet5.safetensors` and twelve examples."""
    from cnn_course.data import load
    from cnn_course.models import load_pretrained

    weights = {
        name: values.numpy() for name, values in load_pretrained("lenet5").state_dict().items()
    }
    digits = load("mnist-sample", "test").subset(EXAMPLES)
    images = digits.images[:, 0].numpy()  # (12, 28, 28)
    data = {
        "weights": {
            name: {"shape": list(values.shape), "data": encode(values)}
            for name, values in weights.items()
        },
        "examples": encode(images),
        "labels": digits.labels.tolist(),
    }
    return Widget("draw-digit", data, still(images[7], weights), (*SCRIPTS, "inspector"))


def still(digit: np.ndarray, weights: dict[str, np.ndarray]) -> str:
    """A digit (28, 28), and beside it the six feature maps that C1 makes of it."""
    mean, sd = (weights[f"layers.0.{name}"].item() for name in ("mean", "sd"))
    x = np.pad((digit / 255 - mean) / sd, 2)  # (32, 32)
    maps = [
        (sliding(x, kernel[0]) + bias).clip(0)  # (28, 28)
        for kernel, bias in zip(
            weights["layers.1.weight"], weights["layers.1.bias"].tolist(), strict=True
        )
    ]
    white = max(each.max() for each in maps)
    gap = np.full((28, 4), 255)
    shown = [digit, *((255 * each / white).round() for each in maps)]
    canvas = np.hstack([part for each in shown for part in (each, gap)][:-1]).astype(np.uint8)
    return picture(canvas, "A handwritten digit, and the six feature maps that C1 makes of it.")
