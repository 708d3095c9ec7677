"""ModernCNN on the reader's own picture: the square that it gets, its answer, and the evidence."""

from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import nn

from cnn_course import weight_files
from cnn_course.inspection import layer_table
from cnn_course.models import load_model
from cnn_course.models.pretrained import WEIGHTS, sha256_on_card
from cnn_course.quantization import SCALE, to_int8
from cnn_course.widgets.base import FOLDER, Widget, encode
from cnn_course.widgets.layers import described, weighted

SHIPPED = WEIGHTS / "modern_cnn_int8.safetensors"


class Sample(NamedTuple):
    """A picture of scikit-image: `file` is its name in pictures/, by tools/widget_pictures.py."""

    file: str
    square: tuple[int, int, int]  # left, top and side of what the network gets at first
    credit: str


PICTURES = {
    "cat": Sample("cat.jpg", (47, 0, 200), "A cat, photographed by Stefan van der Walt."),
    "horse": Sample("horse.jpg", (0, 0, 200), "The silhouette of a horse, by Andreas Preuss."),
    "rocket": Sample("rocket.jpg", (50, 0, 200), "A rocket, photographed by SpaceX."),
    "coffee": Sample("coffee.jpg", (50, 0, 200), "Coffee, photographed by Rachel Michetti."),
    "astronaut": Sample("astronaut.jpg", (0, 0, 200), "The astronaut Eileen Collins, by NASA."),
    "grass": Sample("grass.jpg", (0, 0, 100), "Grass, photographed by linolafett."),
}


def classify_picture(picture: str = "cat", *, weights: Path | str | None = None) -> Widget:
    """The figure, opened with a picture of `PICTURES`.

    `weights` is a file of `save_model` that holds a ModernCNN for colour images, of 8 bits or not;
    without it, the one that comes with the course. Raises ValueError for a picture that is not
    there and a network that is another, also where the course's file is not that of its card, and
    FileNotFoundError where the file is missing.
    """
    if picture not in PICTURES:
        raise ValueError(f"picture={picture!r} is none of {', '.join(PICTURES)}")
    file = SHIPPED if weights is None else Path(weights)
    if weights is None and not file.exists():
        raise FileNotFoundError(
            f"{file.name}, which comes with the course, is missing from {file.parent}; install the "
            "course again, or give a file of save_model as weights=…"
        )
    sha256 = sha256_on_card(file) if weights is None else None
    model, about = load_model(file, sha256)
    layers = model.layers
    head = [nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear]
    if [type(layer) for layer in layers[-3:]] != head or about["in_channels"] != 3:
        raise ValueError(
            f"{file} holds a {about['model']} for {about['in_channels']} channel(s); give a "
            "modern_cnn for colour images, with 3"
        )
    tensors, _ = weight_files.read(file, sha256)
    if not any(name.endswith(SCALE) for name in tensors):
        tensors = to_int8(tensors)
    data = {
        "pictures": [
            {"name": name, "jpeg": encode(jpeg(name)), "square": square, "credit": credit}
            for name, (_, square, credit) in PICTURES.items()
        ],
        "picture": picture,
        "classes": list(about["classes"]),
        "side": about["input_size"],
        "macs": layer_table(model, (3, about["input_size"], about["input_size"])).macs,
        "body": described(layers[:-3], "layers", tensors),
        "linear": weighted(layers[-1], f"layers.{len(layers) - 1}", tensors),
    }
    alt = f"A picture that a network gives a name of its own: {PICTURES[picture].credit}"
    still = f'<img alt="{escape(alt)}" src="data:image/jpeg;base64,{encode(jpeg(picture))}">'
    scripts = ("controls", "network", "modern", "layers", "picture", "boards", "crop")
    return Widget("classify-picture", data, still, scripts)


def jpeg(name: str) -> np.ndarray:
    """The bytes of the file of a picture of `PICTURES`."""
    return np.fromfile(FOLDER / "pictures" / PICTURES[name].file, np.uint8)
