"""Chapter 06's ablation: the full recipe on few photographs, and one key of it changed a row.

ModernCNN at half width, 5,000 images to train on, 60 epochs; rates by two seeds on 2,500 of the
validation set, after a third of the epochs; five fresh seeds for the figure, tested on 40,000 other
images of the training split. All rows compute in bfloat16, as those of chapter 05.
Run from the project's root: python benchmarks/ablation.py FOLDER (some seven hours on one thread,
an hour on a GPU; several processes share the work), where FOLDER/train/<class>/ holds CIFAR-10's
training images.
"""

import re
import sys
from functools import partial

import torch
from photos import RECIPE, STATE, with_test
from recording import once, record
from searching import SETTINGS, accuracy, search_and_run
from torch import nn

from cnn_course.augmentation import Augment
from cnn_course.data.images import hold_out
from cnn_course.models import ModernCNN
from cnn_course.models.modern import InvertedBlock, ResidualBlock

FIT = {"batch_size": 64, "epochs": 60, "bf16": True}
SEARCH_EPOCHS, SEARCH_SEEDS, SEEDS = 20, (100, 101), range(5)
TEST = 40_000

# The recipe of the course for such photographs, and three keys more.
FULL = {
    "crop": RECIPE["augment"].crop,
    "flip": RECIPE["augment"].flip,
    "rotation": 0,  # degrees, either way
    "weight_decay": RECIPE["weight_decay"],
    "label_smoothing": RECIPE["label_smoothing"],
    "dropout": 0.0,  # before the last layer
    "batch_norm": True,
}
NOTHING = "none of the four"
CHANGES = {
    "full recipe": {},
    "no crop": {"crop": 0},
    "no flip": {"flip": False},
    "rotation by up to 15°": {"rotation": 15},
    "no weight decay": {"weight_decay": 0.0},
    "four times the weight decay": {"weight_decay": 4 * FULL["weight_decay"]},
    "no label smoothing": {"label_smoothing": 0.0},
    "dropout 0.2": {"dropout": 0.2},
    "no batch normalization": {"batch_norm": False},
    # The one row with several changes: crop, flip, weight decay and label smoothing all go.
    NOTHING: {"crop": 0, "flip": False, "weight_decay": 0.0, "label_smoothing": 0.0},
}
CONFIGURATIONS = {name: FULL | change for name, change in CHANGES.items()}


def build(configuration: dict) -> nn.Module:
    """The network of a row."""
    model = ModernCNN(stem=8, widths=(24, 48))
    if configuration["dropout"]:
        model.layers.insert(len(model.layers) - 1, nn.Dropout(configuration["dropout"]))
    if not configuration["batch_norm"]:
        _take_batch_norm_out(model)
    return model


def _take_batch_norm_out(model: nn.Module) -> None:
    """Each convolution has a bias instead, and first weights that keep the signal's size.

    They are those of He et al. (2015), and 0 for the last convolution of a block, so that it starts
    as its shortcut (Zhang et al. 2019): with PyTorch's the signal would die on its way.
    """
    for part in list(model.modules()):
        kinds = [type(layer) for layer in part] if isinstance(part, nn.Sequential) else []
        if kinds == [nn.Conv2d, nn.BatchNorm2d]:
            part[0].bias = nn.Parameter(torch.zeros(part[0].out_channels))
            nn.init.kaiming_normal_(part[0].weight, nonlinearity="relu")
            part[1] = nn.Identity()
    for block in model.modules():
        if isinstance(block, ResidualBlock | InvertedBlock):
            nn.init.zeros_(block.body[-1][0].weight)


def options(configuration: dict) -> dict:
    """What `fit` is given in a row."""
    augment = Augment(**{name: configuration[name] for name in ("crop", "flip", "rotation")})
    kept = {name: configuration[name] for name in ("weight_decay", "label_smoothing")}
    return FIT | kept | {"augment": augment}


def main(folder: str):
    sets = with_test(folder, TEST)
    half, _ = hold_out(sets["validation"].labels, 0.5)  # all of them cost as much as the training
    sets["validation"] = sets["validation"].subset(half, "CIFAR-10 (JPEG) 2,500 of validation")

    def measure(model: nn.Module) -> dict:
        return {f"{split}_accuracy": accuracy(model, sets[split]) for split in ("train", "test")}

    def run(change: str) -> dict:
        configuration = CONFIGURATIONS[change]
        row = search_and_run(
            partial(build, configuration),
            sets,
            measure,
            first=(-3, -2, -1) if configuration["batch_norm"] else (-4, -3, -2),
            search_epochs=SEARCH_EPOCHS,
            search_seeds=SEARCH_SEEDS,
            seeds=SEEDS,
            keep=partial(once, STATE / "ablation" / re.sub(r"\W+", "-", change)),
            **options(configuration),
        )
        return {"configuration": configuration} | row

    search = {"search_epochs": SEARCH_EPOCHS, "search_seeds": SEARCH_SEEDS}
    rows = [{"change": change} for change in CHANGES]
    record("ablation", list(sets.values()), SETTINGS | search | FIT, rows, run)


if __name__ == "__main__":
    main(sys.argv[1])
