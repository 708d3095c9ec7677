"""Chapter 05: from LeNet-5's plan to ModernCNN on CIFAR-10, one decision a row, and some beside.

All networks but one have about 70,000 parameters. 20,000 images to train on; rates by two seeds on
the 5,000 of the validation set, after half the epochs; five fresh seeds for the figure, tested on
the other 25,000. All rows compute in bfloat16, which halves the time where the processor has it.
Run from the project's root: python benchmarks/chapter05.py FOLDER (some six hours on one thread,
an hour and a half on a GPU; several processes share the work), where FOLDER/train/<class>/ holds
CIFAR-10's training images.
"""

import re
import sys
from functools import partial

from blocks import ConvNeXtBlock, PlainBlock, squeezed
from photos import RECIPE, STATE, said, with_test
from recording import once, record
from searching import SETTINGS, accuracy, search_and_run
from torch import nn

from cnn_course.inspection import layer_table
from cnn_course.models import ModernCNN, Normalize
from cnn_course.models.modern import InvertedBlock, ResidualBlock

FIT = RECIPE | {"batch_size": 64, "epochs": 10, "bf16": True}
SEARCH_EPOCHS, SEARCH_SEEDS, SEEDS = 5, (100, 101), range(5)
TEST = 25_000


def early(
    a: int,
    b: int,
    *,
    hidden: int = 0,
    kernels: tuple[int, ...] = (3, 3),
    normalized: bool = False,
    between: bool = True,
) -> nn.Module:
    """Two stages of convolutions, each of which ends in max pooling, and a classifier.

    The classifier has `hidden` units on the flattened map, or takes the mean of each map. Without
    `between` a stage has its ReLU behind its last convolution alone. All weights start as He et al.
    (2015) advise: with PyTorch's start the signal dies where there is no batch normalization.
    """
    layers = []
    for fan_in, width in [(3, a), (a, b)]:
        for i, size in enumerate(kernels):
            channels = width if i else fan_in
            layers.append(nn.Conv2d(channels, width, size, padding=size // 2, bias=not normalized))
            layers += [nn.BatchNorm2d(width)] if normalized else []
            layers += [nn.ReLU()] if between or i == len(kernels) - 1 else []
        layers.append(nn.MaxPool2d(2))
    if hidden:
        head = [nn.Flatten(), nn.Linear(b * 8 * 8, hidden), nn.ReLU(), nn.Linear(hidden, 10)]
    else:
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(b, 10)]
    model = nn.Sequential(Normalize(3), *layers, *head)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model


half = partial(ModernCNN, stem=8, widths=(24, 48))
relu = partial(half, activation=nn.ReLU)


def strided() -> nn.Module:
    """A stride of 2 where `half` has max pooling behind the convolution."""
    model = half()
    for k, layer in enumerate(model.layers):
        if isinstance(layer, nn.MaxPool2d):
            model.layers[k - 2][0].stride = (2, 2)
            model.layers[k] = nn.Identity()
    return model


# Each row has the change of its name, and those of the rows above it.
STEPS = {
    "two 5×5, fully connected": partial(early, 12, 24, hidden=40, kernels=(5,)),
    "3×3 twice for 5×5": partial(early, 16, 25, hidden=36),
    "global average pooling, wider maps": partial(early, 16, 77),
    "batch normalization": partial(early, 16, 77, normalized=True),
    "two convolutions at 8×8": partial(
        relu, widths=(24, 55), depths=(0, 1), blocks=(PlainBlock, PlainBlock)
    ),
    "two at 16×16": partial(relu, widths=(24, 50), depths=(1, 1), blocks=(PlainBlock, PlainBlock)),
    "shortcuts": partial(
        relu, widths=(24, 50), depths=(1, 1), blocks=(ResidualBlock, ResidualBlock)
    ),
    "three inverted blocks at 8×8": relu,
    "SiLU for ReLU": half,
}
# The one row with fewer parameters, 12,303: it shows what the mean of each map saves.
SMALL = "global average pooling, maps as they were"
# Each of these is one of the rows above with the change of its name alone.
BESIDE = {
    "no ReLU between 3×3 and 3×3": partial(early, 16, 25, hidden=36, between=False),
    SMALL: partial(early, 16, 25),
    "stride for max pooling": strided,
    "squeeze-and-excitation": partial(
        half,
        widths=(24, 46),
        blocks=(partial(squeezed, ResidualBlock), partial(squeezed, InvertedBlock)),
    ),
    "ConvNeXt's blocks, two a stage": partial(
        half, widths=(24, 49), depths=(2, 2), blocks=(ConvNeXtBlock, ConvNeXtBlock)
    ),
}
BUILD = STEPS | BESIDE
# The row that each is compared with: but for the first, the one above or, beside the steps, this.
AFTER = dict(zip(list(STEPS)[1:], STEPS, strict=False))
AFTER |= {name: list(STEPS)[-1] for name in BESIDE}
AFTER |= dict.fromkeys(list(BESIDE)[:2], "3×3 twice for 5×5")


def normalized(model: nn.Module) -> bool:
    """Whether there is batch normalization, with which a network bears larger rates."""
    return any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())


def main(folder: str):
    sets = with_test(folder, TEST)

    def run(step: str) -> dict:
        build = BUILD[step]
        row = search_and_run(
            build,
            sets,
            lambda model: {"test_accuracy": accuracy(model, sets["test"])},
            first=(-3, -2, -1) if normalized(build()) else (-4, -3, -2),
            search_epochs=SEARCH_EPOCHS,
            search_seeds=SEARCH_SEEDS,
            seeds=SEEDS,
            keep=partial(once, STATE / "chapter05" / re.sub(r"\W+", "-", step)),
            **FIT,
        )
        return {"after": AFTER.get(step), "macs": layer_table(build(), (3, 32, 32)).macs} | row

    search = {"search_epochs": SEARCH_EPOCHS, "search_seeds": SEARCH_SEEDS}
    settings = SETTINGS | search | said(FIT)
    rows = [{"step": step} for step in BUILD]
    record("chapter05_ladder", list(sets.values()), settings, rows, run)


if __name__ == "__main__":
    main(sys.argv[1])
