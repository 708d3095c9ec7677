"""ReLU or SiLU in ModernCNN, by validation after 20 epochs.

Six epochs, as in cifar10_search.py, flatter what learns fast; here each network trains as long, and
on the same 40,000 images with the same seed, as the first rows of the comparison in cifar10.py.
Run from the project's root: python benchmarks/cifar10_finals.py FOLDER (four hours on one thread;
two processes share the work), where FOLDER/train/<class>/ holds CIFAR-10's training images.
"""

import sys
from functools import partial

from peers import resnet20
from photos import RECIPE, run_network, said, with_test
from recording import record
from torch import nn

from cnn_course.models import ModernCNN

FIT, SEED = RECIPE | {"epochs": 20, "lr": 0.2}, 0
FINALISTS = {
    "ResNet-20": resnet20,
    "ReLU": partial(ModernCNN, activation=nn.ReLU),
    "SiLU": ModernCNN,
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
