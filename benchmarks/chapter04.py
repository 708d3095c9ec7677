"""Chapter 04: LeNet-5 from 1998 to today, one change a row, on the sample of MNIST.

Each row gets its own learning rate, chosen by the mean validation accuracy of three seeds. The
test digits are looked at only with the chosen one.
Run from the project's root: python benchmarks/chapter04.py (about 15 minutes on 2 cores).
"""

import time
from functools import partial

from recording import record
from searching import search
from torch import nn

from cnn_course.augmentation import Augment
from cnn_course.data import load
from cnn_course.models import LeNet5
from cnn_course.training import evaluate

SEEDS = (0, 1, 2)
LEARNING_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
FIT = {"epochs": 10, "batch_size": 64}
# Each row keeps the changes of the rows above it: the network's options, and those of `fit`.
STEPS = [
    ("1998, as published", {}, {}),
    ("initial weights: Xavier", {"initialisation": "xavier"}, {}),
    ("output: linear", {"output": "linear"}, {}),
    ("C3: all connections", {"connections": "full"}, {}),
    ("subsampling: plain average", {"pool": "average"}, {}),
    ("activation: ReLU, He's weights", {"activation": nn.ReLU, "initialisation": "he"}, {}),
    ("pooling: max", {"pool": "max"}, {}),
    ("batch normalization", {"batch_norm": True}, {}),
    ("augmentation", {}, {"augment": Augment(rotation=10, scale=0.1, shift=2)}),
    ("averaged weights", {}, {"average": 0.995}),
]


def main():
    start = time.perf_counter()
    sets = {split: load("mnist-sample", split) for split in ("train", "validation", "test")}
    runs, network, options = [], {}, dict(FIT)
    for step, network_change, fit_change in STEPS:
        network, options = network | network_change, options | fit_change
        for row in search(
            partial(LeNet5.published, **network), sets, LEARNING_RATES, SEEDS, **options
        ):
            accuracy = evaluate(row.pop("model"), sets["test"], device="cpu").accuracy
            runs.append({"step": step, **row, "test_accuracy": accuracy})
            print(step, row["lr"], accuracy, flush=True)
    settings = {
        **FIT,
        "optimizer": "SGD, Nesterov momentum 0.9, one cycle",
        "learning_rates_tried": LEARNING_RATES,
    }
    record("chapter04", list(sets.values()), settings, runs, time.perf_counter() - start)


if __name__ == "__main__":
    main()
