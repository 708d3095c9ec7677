"""What the commands of `cnn_course.cli` do. Each gives what is to be printed: a text, or JSON.

`predict` prints itself, so that the answers are out when it complains of an image.
"""

import math
from json import dumps
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.console import complain, say
from cnn_course.data import ImageSet, load, read_digit, read_image
from cnn_course.data.folders import MAX_BYTES
from cnn_course.devices import choose_device
from cnn_course.inspection import layer_table
from cnn_course.models.pretrained import build, find
from cnn_course.names import LARGEST, MODELS
from cnn_course.running import train
from cnn_course.training import confusion
from cnn_course.training import predict as predict_logits

__all__ = ["evaluate", "export", "predict", "summary", "train"]

NOT_FINITE = "{} gives numbers that are not finite: its training failed, or it is damaged"
MNIST = ("mnist", "mnist-sample")  # networks trained on these get digits prepared as MNIST's were


def evaluate(model, data, split, device, json, download):
    device = choose_device(device)
    network, about = find(model)
    images = _fitting(data, split, about, download)
    at_once = min(500, max(1, 500 * LARGEST**2 // about["input_size"] ** 2))
    logits = predict_logits(network, images, batch_size=at_once, device=device)
    loss = F.cross_entropy(logits, images.labels).item()
    if not math.isfinite(loss):
        raise ValueError(NOT_FINITE.format(model))
    answers = logits.argmax(1)
    result = {
        "accuracy": (answers == images.labels).sum().item() / len(images),
        "loss": loss,
        "count": len(images),
        "confusion": confusion(answers, images.labels, len(about["classes"])).tolist(),
    }
    if json:
        return result
    width = max(len(name) for name in about["classes"])
    rows = [
        f"{name:>{width}}  " + " ".join(f"{n:5}" for n in row)
        for name, row in zip(about["classes"], result["confusion"], strict=True)
    ]
    head = f"{result['accuracy']:.2%} of {len(images):,} images right, loss {result['loss']:.4f}"
    return "\n".join([head, "true class, and how often each class was the answer:", *rows])


def predict(model, images, json, raw):
    network, about = _first_a_network(model, images)
    sizes = about["in_channels"], about["input_size"]
    prepares = about.get("data") in MNIST and sizes == (1, 28) and not raw
    results, errors = [], []
    for path in images:
        try:
            pixels, did = _picture(path, about, prepares)
        except (ValueError, OSError) as error:
            errors.append(error)
            continue
        with torch.no_grad():
            share, label = network(pixels[None].float() / 255).softmax(1)[0].max(0)
        if not share.isfinite():
            raise ValueError(NOT_FINITE.format(model))
        found = {"image": str(path), "class": about["classes"][label], "probability": share.item()}
        results.append(found | ({"prepared": did} if prepares else {}))
    if len(images) == len(errors) == 1:
        raise errors[0]
    for error in errors:
        complain(str(error))
    if json:
        say(dumps(results, allow_nan=False))
    for found in [] if json else results:
        did = f" (prepared: {found['prepared']})" if prepares else ""
        say(f"{found['image']}: {found['class']} {found['probability']:.1%}{did}")
    if errors:
        raise ValueError(f"{len(errors)} of {len(images)} images could not be used")


def export(model, out):
    from cnn_course.exporting import to_onnx  # its packages are large, and few need them

    network, about = find(model)
    to_onnx(network, (about["in_channels"], about["input_size"], about["input_size"]), out)
    return f"wrote {out}; onnxruntime gives the same logits"


def summary(model, input_shape):
    channels, height, _ = input_shape
    with torch.device("meta"):  # shapes without values: images of any size take no memory
        network = build(model, channels, height)
    return repr(layer_table(network, input_shape))


def _first_a_network(model: str, images: list[Path]) -> tuple[nn.Module, dict]:
    """`find`, with a word where the network was given after the images."""
    try:
        return find(model)
    except (ValueError, OSError) as error:
        networks = [
            p for p in images if p.is_dir() or p.suffix == ".safetensors" or str(p) in MODELS
        ]
        if networks and Path(model).is_file():
            raise ValueError(
                f"{model} is no trained network; give the network first and then the images, as in "
                f"cnn-course predict {networks[0]} {model}"
            ) from error
        raise


def _picture(path: Path, about: dict, prepares: bool) -> tuple[torch.Tensor, str]:
    """An image as the network takes it, uint8 (C, H, W), and what was done to a digit."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give its images, as in {path / '*.png'}")
    if prepares:
        return read_digit(path)
    return read_image(path, about["input_size"], about["input_size"], about["in_channels"]), ""


def _fitting(data: str, split: str, about: dict, download: bool = False) -> ImageSet:
    """The data in the size, with the channels and in the order of the classes of a network."""
    side, channels, classes = about["input_size"], about["in_channels"], about["classes"]
    folder = data.startswith("folder:")
    shape = {"size": side, "channels": channels} if folder else {}
    images = load(data, split, download=download, **shape)
    unknown = sorted(set(images.classes) - set(classes))
    if unknown:
        raise ValueError(
            f"{data} has the class {unknown[0]!r}, which the network does not know; "
            f"it knows {', '.join(classes)}"
        )
    pixels = images.images
    if (size := len(pixels) * channels * side**2) > MAX_BYTES:
        raise ValueError(
            f"{data} takes {size / 1e9:,.0f} GB at the network's {side}×{side} pixels; give a "
            "network for smaller images"
        )
    if pixels.shape[1] > channels:  # colour to grey, as Pillow does it
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        pixels = (pixels * weights).sum(1, keepdim=True).round().byte()
    elif pixels.shape[1] < channels:
        pixels = pixels.expand(-1, channels, -1, -1)
    if pixels.shape[2:] != (side, side):
        pixels = torch.cat([_resized(part, side) for part in pixels.split(500)])
    labels = torch.tensor([classes.index(name) for name in images.classes])[images.labels]
    return ImageSet(images.name, pixels, labels, tuple(classes))


def _resized(pixels: torch.Tensor, side: int) -> torch.Tensor:
    resized = F.interpolate(pixels.float(), (side, side), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).byte()
