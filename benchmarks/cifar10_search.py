"""Which design ModernCNN has: blocks and widths, by validation, after a short training.

Each design has at most 272,378 parameters, and no more multiply–accumulates than ResNet-20, which
is the first row. One rate for all, one seed or more; the validation set has 5,000 images.
Run from the project's root: python benchmarks/cifar10_search.py FOLDER (some four hours on one
thread), where FOLDER/train/<class>/ holds CIFAR-10's 50,000 training images.
"""

import sys
from functools import partial

from blocks import (
    AveragedShortcut,
    GroupedBlock,
    InvertedBlock,
    PooledBlock,
    PreactivatedBlock,
    ResNet20,
    SqueezedBlock,
)
from photos import RECIPE, cifar10, said
from recording import record
from searching import SEARCH_SEEDS, run_seeds

from cnn_course.inspection import layer_table
from cnn_course.models import ModernCNN

FIT = RECIPE | {"epochs": 6, "lr": 0.2}
DESIGNS = {
    "ResNet-20": ResNet20,
    "basic": partial(ModernCNN, stem=32, widths=(52, 72), depths=(2, 2)),
    "inverted": partial(ModernCNN, stem=24, widths=(56, 94), depths=(4, 4), block=InvertedBlock),
    "pooled": partial(ModernCNN, stem=16, widths=(48, 98), depths=(1, 1), block=PooledBlock),
    "grouped": partial(ModernCNN, stem=32, widths=(104, 136), depths=(2, 3), block=GroupedBlock),
    "averaged shortcut": partial(
        ModernCNN, stem=32, widths=(52, 72), depths=(2, 2), block=AveragedShortcut
    ),
    "squeezed": partial(ModernCNN, stem=32, widths=(51, 71), depths=(2, 2), block=SqueezedBlock),
    "preactivated": partial(
        ModernCNN, stem=32, widths=(52, 72), depths=(2, 2), block=PreactivatedBlock
    ),
}


def main(folder: str):
    sets = cifar10(folder)

    def run(design: str, seed: int) -> dict:
        table = layer_table(DESIGNS[design](), (3, 32, 32))
        costs = {"parameters": table.parameters, "macs": table.macs}
        return costs | {"runs": run_seeds(DESIGNS[design], sets, [seed], **FIT)}

    rows = [{"design": design, "seed": seed} for seed in SEARCH_SEEDS[:1] for design in DESIGNS]
    record("cifar10_search", list(sets.values()), said(FIT), rows, run)


if __name__ == "__main__":
    main(sys.argv[1])
