"""Which of the best designs is ModernCNN, by validation after 20 epochs.

Six epochs, as in cifar10_search.py, flatter what learns fast; here each design trains as long, and
on the same 40,000 images with the same seed, as the first row of the comparison in cifar10.py.
Run from the project's root: python benchmarks/cifar10_finals.py FOLDER (an hour and a half a design
on one thread; two processes share the work), where FOLDER/train/<class>/ holds CIFAR-10's training
images.
"""

import sys
from functools import partial

from blocks import SmoothBlock, smooth, squeezed, wide_view
from peers import resnet20
from photos import RECIPE, run_network, said, with_test
from recording import record

from cnn_course.models import ModernCNN
from cnn_course.models.modern import InvertedBlock, ResidualBlock

FIT, SEED = RECIPE | {"epochs": 20, "lr": 0.2}, 0
staged = partial(
    ModernCNN, stem=16, widths=(48, 96), depths=(1, 3), blocks=(ResidualBlock, InvertedBlock)
)
FINALISTS = {
    "ResNet-20": resnet20,
    "inverted at 8×8": staged,
    "SiLU": lambda: smooth(staged(blocks=(SmoothBlock, InvertedBlock))),
    "inverted at 16×16, too": partial(
        staged, depths=(2, 3), blocks=(partial(InvertedBlock, expansion=4), InvertedBlock)
    ),
    "5×5 a channel": partial(staged, widths=(48, 92), blocks=(ResidualBlock, wide_view)),
    "squeezed": partial(
        staged, widths=(48, 93), blocks=(ResidualBlock, partial(squeezed, InvertedBlock))
    ),
}


def main(folder: str):
    sets = with_test(folder, 5_000)
    sets = {split: sets[split] for split in ("train", "validation")}  # no test: this is a choice

    def run(design: str) -> dict:
        return run_network(design, FINALISTS[design], sets, SEED, **FIT)

    rows = [{"design": design} for design in FINALISTS]
    record("cifar10_finals", list(sets.values()), said(FIT), rows, run)


if __name__ == "__main__":
    main(sys.argv[1])
