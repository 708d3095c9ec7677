"""Networks by name, and networks in files: weights that know what they are for."""

import json
import re
from collections import Counter
from pathlib import Path
from textwrap import shorten

import torch
from torch import nn

from cnn_course import weight_files
from cnn_course.models.arguments import at_least
from cnn_course.models.basic import MLP, DeepCNN, FlattenCNN, GlobalPoolCNN
from cnn_course.models.lenet5 import LeNet5
from cnn_course.models.modern import ModernCNN
from cnn_course.names import LARGEST_INPUT, MODELS, MOST_CLASSES, check_model, unprintable
from cnn_course.quantization import from_int8, to_int8
from cnn_course.reading import read_whole

WEIGHTS = Path(__file__).parents[1] / "weights"
MISFITS = (KeyError, TypeError, ValueError, RuntimeError, OverflowError)


def _of_any_size(network: type[nn.Module]):
    """Global pooling takes images of any size, so it is told none, that leave a map to pool."""

    def construct(in_channels: int, input_size: int, num_classes: int) -> nn.Module:
        at_least(4, network.__name__, input_size=input_size)  # halved twice
        return network(in_channels=in_channels, num_classes=num_classes)

    return construct


CONSTRUCTORS = {
    "mlp": MLP,
    "flatten-cnn": FlattenCNN,
    "global-pool-cnn": _of_any_size(GlobalPoolCNN),
    "deep-cnn": DeepCNN,
    "lenet5": LeNet5,
    "lenet5-1998": LeNet5.published,
    "modern_cnn": _of_any_size(ModernCNN),
}


def build(name: str, in_channels: int = 1, input_size: int = 28, num_classes: int = 10):
    """A fresh network of this name for images (N, in_channels, input_size, input_size).

    Raises ValueError, with the names there are, for any other, and for a size, a number of channels
    or of classes that does not fit.
    """
    constructor = CONSTRUCTORS[check_model(name)]
    # A table of answers has no room for the square of more; what is no number the network names.
    if isinstance(num_classes, int) and num_classes > MOST_CLASSES:
        raise ValueError(f"{num_classes:,} classes are more than {MOST_CLASSES:,}; give fewer")
    return constructor(in_channels=in_channels, input_size=input_size, num_classes=num_classes)


def save_model(path: Path, model: nn.Module, name: str, about: dict, *, int8: bool = False) -> None:
    """Write the weights of a network that `build` made, or with `int8` their 8-bit form.

    `about` holds in_channels, input_size and the classes' names, so that they travel along; the
    normalisation is among the weights. Raises ValueError for what `load_model` would refuse.
    """
    state, about = model.state_dict(), {"model": name, **about}
    try:
        json.dumps(about)  # a TypeError names what JSON cannot hold
        _check(about, state)
    except MISFITS as error:
        raise ValueError(
            f"{path} is not written, since it could not be loaded again ({_in_a_line(error)}); "
            "give the name and the sizes that the network was built with"
        ) from error
    weight_files.write(path, to_int8(state) if int8 else state, about)


def load_model(path: Path, sha256: str | None = None) -> tuple[nn.Module, dict]:
    """The network in a file of `save_model`, in evaluation mode, and what is known about it.

    Integer weights are turned back into floats, so that the network computes as any other. Where
    `sha256` is given, nothing is made of a file that has another.

    Raises FileNotFoundError, or ValueError for a file that is damaged or of another kind.
    """
    tensors, about = weight_files.read(path, sha256)
    try:
        state = from_int8(tensors)
        name, sizes = _check(about, state)
        model = build(name, *sizes)
        model.load_state_dict(state)
    except MISFITS as error:
        raise ValueError(
            f"{path} does not hold a model of this course ({_in_a_line(error)}); give another"
        ) from error
    return model.eval(), about


def _check(about: dict, state: dict[str, torch.Tensor]) -> tuple[str, tuple[int, int, int]]:
    """Name and sizes that `about` says, where `state` are the weights of such a network."""
    name, classes, side = about["model"], about["classes"], about["input_size"]
    if not (isinstance(classes, list | tuple) and all(isinstance(c, str) for c in classes)):
        raise ValueError(f"classes={classes!r} are no list of names")
    sizes = about["in_channels"], side, len(classes)
    with torch.device("meta"):  # shapes alone: a header may ask for more than there is memory
        build(name, *sizes).load_state_dict(state, assign=True)
    if side > LARGEST_INPUT:  # global pooling takes all, which may be more than there is memory
        raise ValueError(f"input_size={side} is more than {LARGEST_INPUT}")
    for text, count in Counter(classes).items():
        if wrong := unprintable(text) or ("is there twice" if count > 1 else None):
            raise ValueError(f"the class {text!r} {wrong}")
    return name, sizes


def _in_a_line(error: Exception) -> str:
    """PyTorch's own words name every layer."""
    return shorten(str(error), 200, placeholder=" …")


def load_pretrained(name: str) -> nn.Module:
    """The network with the weights that come with the course, in evaluation mode.

    "lenet5" was trained on MNIST, "modern_cnn" on CIFAR-10, and "modern_cnn_int8" is the same with
    weights of 8 bits, turned back into floats. A card beside each file in weights/ says how.

    Raises ValueError, with the names there are, for any other.
    """
    known = shipped()
    if name not in known:
        raise ValueError(f"no weights come with the course for {name!r}, only for {list(known)}")
    return load_model(known[name], sha256_on_card(known[name]))[0]


def sha256_on_card(path: Path) -> str:
    """The SHA-256 that weights of the course must have, as the model card beside them says it.

    Raises ValueError where the card is missing or does not say it.
    """
    card = path.with_suffix(".md")
    try:
        text = read_whole(card).decode()
        return re.search(r"\*\*SHA-256\*\* of .*`([0-9a-f]{64})`", text)[1]
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(
            f"{card} does not say what the SHA-256 of {path.name} is; install the course again"
        ) from error


def find(model: str) -> tuple[nn.Module, dict]:
    """The trained network that a name, a folder or a file stands for, and what it knows."""
    path = Path(model)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix == ".safetensors")
        if not files:
            raise ValueError(f"{path} holds no trained network; train one, or give another folder")
        if len(files) > 1:
            files = ", ".join(file.name for file in files)
            raise ValueError(f"{path} holds several networks; give one of its files: {files}")
        return load_model(files[0])
    if path.is_file():
        return load_model(path)
    if model in shipped():
        path = shipped()[model]
        return load_model(path, sha256_on_card(path))
    if model not in MODELS:
        raise ValueError(f"{model!r} is neither a file nor a folder nor one of {', '.join(MODELS)}")
    raise ValueError(f"no weights come with the course for {model}; give a run's folder")


def shipped() -> dict[str, Path]:
    """The files of weights that come with the course, by name."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.safetensors"))}
