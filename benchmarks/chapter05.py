"""Chapter 05: from LeNet-5 to ModernCNN on CIFAR-10, one decision a row, and three beside it.

All networks have about 70,000 parameters. 20,000 images to train on; rates by two seeds on the
5,000 of the validation set; five fresh seeds for the figure, tested on the other 25,000.
Run from the project's root: python benchmarks/chapter05.py FOLDER (some ten hours on one thread;
two processes share the work), where FOLDER/train/<class>/ holds CIFAR-10's 50,000 training images.
"""

import re
import sys
from functools import partial

from blocks import ConvNeXtBlock, PlainBlock, SqueezedBlock
from photos import RECIPE, STATE, cifar10, said
from recording import once, record
from searching import SETTINGS, accuracy, search_and_run
from torch import nn

from cnn_course.data.images import hold_out
from cnn_course.inspection import layer_table
from cnn_course.models import ModernCNN, Normalize
from cnn_course.models.modern import InvertedBlock

FIT = RECIPE | {"batch_size": 64, "epochs": 10}
SEARCH_SEEDS, SEEDS = (100, 101), range(5)
TEST = 25_000


def convolution(fan_in: int, fan_out: int, kernel_size: int, normalized: bool, stride: int = 1):
    norm = [nn.BatchNorm2d(fan_out)] if normalized else []
    convolved = nn.Conv2d(
        fan_in, fan_out, kernel_size, stride, kernel_size // 2, bias=not normalized
    )
    return [convolved, *norm, nn.ReLU()]


def early(
    a: int,
    b: int,
    *,
    hidden: int = 0,
    kernels: tuple[int, ...] = (3, 3),
    normalized: bool = False,
    strided: bool = False,
) -> nn.Module:
    """Two stages of convolutions, each of which halves the map, and a classifier.

    The classifier has `hidden` units on the flattened map, or takes the mean of each map. A stage
    ends in max pooling, or its last convolution has a stride of 2.
    """
    layers = []
    for fan_in, width in [(3, a), (a, b)]:
        for i, size in enumerate(kernels):
            stride = 2 if strided and i == len(kernels) - 1 else 1
            layers += convolution(width if i else fan_in, width, size, normalized, stride)
        layers += [] if strided else [nn.MaxPool2d(2)]
    if hidden:
        head = [nn.Flatten(), nn.Linear(b * 8 * 8, hidden), nn.ReLU(), nn.Linear(hidden, 10)]
    else:
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(b, 10)]
    return nn.Sequential(Normalize(3), *layers, *head)


half = partial(ModernCNN, stem=16, widths=(26, 36))
# Each row has the change of its name, and those of the rows above it.
STEPS = {
    "LeNet-5, widened": partial(early, 12, 24, hidden=40, kernels=(5,)),
    "3×3 twice for 5×5": partial(early, 16, 25, hidden=36),
    "global average pooling": partial(early, 16, 77),
    "batch normalization": partial(early, 16, 77, normalized=True),
    "stride for max pooling": partial(early, 16, 77, normalized=True, strided=True),
    "nine convolutions": partial(half, block=PlainBlock),
    "shortcuts": half,
}
# Each of these is the last of the rows above, with one change.
BESIDE = {
    "MobileNetV2's block": partial(half, widths=(32, 54), depths=(3, 3), block=InvertedBlock),
    "squeeze-and-excitation": partial(half, block=SqueezedBlock),
    "ConvNeXt's block": partial(half, widths=(30, 48), block=ConvNeXtBlock),
}
# The first three exponents of the rates, where it is not the usual: batch normalization bears more.
LATER = [*list(STEPS)[3:], *BESIDE]


def main(folder: str):
    everything = cifar10(folder)
    fewer, rest = hold_out(everything["train"].labels, TEST / len(everything["train"]))
    sets = {
        "train": everything["train"].subset(fewer, "CIFAR-10 (JPEG) 20,000 of train"),
        "validation": everything["validation"],
        "test": everything["train"].subset(rest, "CIFAR-10 (JPEG) 25,000 of train"),
    }

    def run(step: str) -> dict:
        build = (STEPS | BESIDE)[step]
        row = search_and_run(
            build,
            sets,
            lambda model: {"test_accuracy": accuracy(model, sets["test"])},
            first=(-3, -2, -1) if step in LATER else (-4, -3, -2),
            search_seeds=SEARCH_SEEDS,
            seeds=SEEDS,
            keep=partial(once, STATE / "chapter05" / re.sub(r"\W+", "-", step)),
            **FIT,
        )
        return {"macs": layer_table(build(), (3, 32, 32)).macs} | row

    settings = SETTINGS | {"search_seeds": SEARCH_SEEDS} | said(FIT)
    rows = [{"step": step} for step in (*STEPS, *BESIDE)]
    record("chapter05_ladder", list(sets.values()), settings, rows, run)


if __name__ == "__main__":
    main(sys.argv[1])
