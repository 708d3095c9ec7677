"""What there is to choose from, by name. Without torch, so that the command line asks quickly."""

import unicodedata

MODELS = (
    "mlp",
    "flatten-cnn",
    "global-pool-cnn",
    "deep-cnn",
    "lenet5",
    "lenet5-1998",
    "modern_cnn",
)
DATA = ("mnist-sample", "mnist-m", "mnist", "cifar10", "folder:PATH")
SPLITS = ("train", "validation", "test")
MOST_RATE = 1e38  # of learning, and of the decay of weights: a float32 holds little more
MOST_CLASSES = 2000
LARGEST_INPUT = 1024  # pixels a side, for a network in a file
LARGEST = 64  # pixels: to train on, the images of a folder that are larger are made so small


def check_model(name: str) -> str:
    """The name of a model, or ValueError with the names there are."""
    if name not in MODELS:
        raise ValueError(f"there is no model {name!r}; there are: {', '.join(MODELS)}")
    return name


def check_data(name: str) -> str:
    """The name of a data set, or ValueError with the names there are."""
    kind, _, path = str(name).partition(":")
    if not (kind == "folder" and path) and name not in DATA:
        raise ValueError(f"there is no data set {name!r}; choose one of {', '.join(DATA)}")
    return name


def unprintable(name: str) -> str | None:
    """What keeps a name from being saved with a model and printed on one line, if anything does."""
    categories = {unicodedata.category(c) for c in name}
    if "Cs" in categories:  # what Python makes of bytes that are not UTF-8
        return "is not valid UTF-8"
    return "has a line break or control character" if categories & {"Cc", "Zl", "Zp"} else None


def check_split(name: str) -> str:
    """The name of a split, or ValueError with the names there are."""
    if name not in SPLITS:
        raise ValueError(f"there is no split {name!r}; choose one of {', '.join(SPLITS)}")
    return name
