"""What recorded runs on CIFAR-10 share: its training split as JPEG files, the recipe, one run."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from recording import commit
from searching import run_seeds
from torch import nn

from cnn_course.data import ImageSet, load
from cnn_course.data.images import hold_out
from cnn_course.inspection import layer_table
from cnn_course.recipes import RECIPES

# What `cnn-course train modern_cnn --data cifar10` trains with, but for the square that it covers,
# which benchmarks/modern_cnn.py found; the rate is each network's own.
RECIPE = {name: value for name, value in RECIPES["modern_cnn"].items() if name != "lr"}
RECIPE["augment"] = replace(RECIPE["augment"], flip=True, erase=0)
STATE = Path("runs/recording")  # checkpoints: a training that was stopped goes on


@cache
def cifar10(folder: str) -> dict[str, ImageSet]:
    """The "train" set with 45,000 images, and "validation" with 5,000, 500 of each class.

    `folder`/train/<class>/ holds the 50,000 training images as JPEG files of quality 75.
    """
    sets = {}
    for split in ("train", "validation"):
        images = load(f"folder:{folder}", split)
        name = f"CIFAR-10 (JPEG) {split}"
        sets[split] = ImageSet(name, images.images, images.labels, images.classes)
    return sets


def with_test(folder: str, count: int) -> dict[str, ImageSet]:
    """The sets of `cifar10`, and as "test" `count` images that "train" goes without."""
    train, validation = cifar10(folder).values()
    kept, tested = hold_out(train.labels, count / len(train))
    return {
        "train": train.subset(kept, f"CIFAR-10 (JPEG) {len(kept):,} of train"),
        "validation": validation,
        "test": train.subset(tested, f"CIFAR-10 (JPEG) {len(tested):,} of train"),
    }


def said(options: dict) -> dict:
    """Options of `fit` as they are recorded."""
    return options | {"augment": repr(options["augment"])}


def run_network(
    name: str,
    build: Callable[[], nn.Module],
    sets: dict[str, ImageSet],
    seed: int,
    measure: Callable[[nn.Module], dict] = lambda model: {},
    **fit,
) -> dict:
    """What is recorded of one network, what it costs and how its training with `seed` went."""
    table = layer_table(build(), tuple(sets["train"].images.shape[1:]))
    folder = STATE / commit()  # other code may give other weights
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{name}-{seed}-{fit['epochs']}-{fit['lr']}.safetensors"
    runs = run_seeds(build, sets, [seed], measure, checkpoint=checkpoint, **fit)
    return {"parameters": table.parameters, "macs": table.macs, "runs": runs}
