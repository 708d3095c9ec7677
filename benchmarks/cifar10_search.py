"""Which design ModernCNN has, and at which rate it and its peers learn, by validation.

Each design has at most 272,378 parameters, and no more multiply–accumulates than ResNet-20. All are
trained for six epochs; those that are compared afterwards, at several learning rates. The design
that was best became ModernCNN, here with ReLU, as it was then; cifar10_finals.py chose its
activation.
Run from the project's root: python benchmarks/cifar10_search.py FOLDER (some five hours on one
thread; two processes share the work), where FOLDER/train/<class>/ holds CIFAR-10's training images.
"""

import sys
from functools import partial

from blocks import PooledBlock, squeezed, staged
from peers import WideLeNet5, resnet20, wide_mlp
from photos import RECIPE, cifar10, run_network, said
from recording import record
from torch import nn

from cnn_course import results
from cnn_course.models import ModernCNN
from cnn_course.models.modern import ResidualBlock

FIT, SEED = RECIPE | {"epochs": 6}, 100
basic = partial(staged, stem=32, widths=(52, 72), depths=(2, 2))
pooled = partial(staged, stem=16, widths=(48, 98), depths=(1, 1), block=PooledBlock)
DESIGNS = {
    "ResNet-20": resnet20,
    "basic": basic,
    "pooled": pooled,
    "squeezed": partial(basic, widths=(51, 71), block=partial(squeezed, ResidualBlock)),
    "SiLU": partial(basic, block=partial(ResidualBlock, activation=nn.SiLU)),
    "pooled, SiLU": partial(pooled, block=partial(PooledBlock, activation=nn.SiLU)),
    "inverted at 8×8": partial(ModernCNN, activation=nn.ReLU),
    "wider at 16×16": partial(basic, widths=(60, 64)),
    "LeNet-5, widened": WideLeNet5,
    "MLP": wide_mlp,
}
DESIGN = "inverted at 8×8"  # the best of them, and so ModernCNN's, but for its activation
MORE_RATES = {
    DESIGN: (0.1, 0.4),
    "ResNet-20": (0.1, 0.4),
    "LeNet-5, widened": (0.025, 0.05, 0.1),
    "MLP": (0.00625, 0.0125, 0.025, 0.05, 0.1),
}
ROWS = [{"design": design, "lr": 0.2} for design in DESIGNS]
ROWS += [{"design": design, "lr": lr} for design, rates in MORE_RATES.items() for lr in rates]


def best_rate(design: str) -> float:
    """The rate of the highest validation accuracy."""
    rows = [row for row in results.load("cifar10_search")["rows"] if row["design"] == design]
    return max(rows, key=lambda row: row["runs"][0]["validation_accuracy"])["lr"]


def main(folder: str):
    sets = cifar10(folder)

    def run(design: str, lr: float) -> dict:
        return run_network(design, DESIGNS[design], sets, SEED, **FIT, lr=lr)

    record("cifar10_search", list(sets.values()), said(FIT), ROWS, run)


if __name__ == "__main__":
    main(sys.argv[1])
