"""Chapter 03: a deep network by activation and initialisation, and four ways to halve a map.

Each row gets its own learning rate, chosen by the mean validation accuracy of three seeds. The
test digits are looked at only with the chosen one.
Run from the project's root: python benchmarks/chapter03.py (about 20 minutes on 2 cores).
"""

import time
from functools import partial

import torch
from chapter01 import shift
from recording import record
from searching import search
from torch import nn

from cnn_course.data import ImageSet, load
from cnn_course.models import DeepCNN, FlattenCNN
from cnn_course.training import evaluate, predict

SEEDS = (0, 1, 2)
FIT = {"epochs": 6, "batch_size": 64}
LEARNING_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}
# What keeps the size of the signal: Glorot & Bengio 2010, and He et al. 2015 for ReLU.
FITTING = {"sigmoid": "Xavier", "tanh": "Xavier", "ReLU": "He"}
POOLS = {
    "max pooling": {"pool": "max"},
    "average pooling": {"pool": "average"},
    "stride 2": {"pool": "stride"},
    "stride 2, no activation": {"pool": "stride", "activation": nn.Identity},
}
SHIFTS = range(-3, 4)


def deep_network(activation: str, initialisation: str) -> DeepCNN:
    """The convolutions' weights differ between the rows; their biases are 0 in all."""
    model = DeepCNN(ACTIVATIONS[activation])
    for layer in model.layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.bias)
            if initialisation == "He":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            elif initialisation == "Xavier":
                nn.init.xavier_normal_(layer.weight)
    return model


@torch.no_grad()
def dead_channels(model: nn.Module, digits: ImageSet) -> list[int]:
    """Of each ReLU, how many channels are 0 at every place of every image."""
    dead, x = [], digits.images / 255
    for layer in model.layers:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            dead.append((x.amax((0, 2, 3)) == 0).sum().item())
    return dead


def shifted(model: nn.Module, test: ImageSet) -> dict:
    """Accuracy at each shift, and how many answers stay as they are at 0."""
    answers = {p: predict(model, shift(test, p), device="cpu").argmax(1) for p in SHIFTS}
    return {
        "test_accuracy_by_shift": {
            p: (answers[p] == test.labels).float().mean().item() for p in SHIFTS
        },
        "same_answer_by_shift": {
            p: (answers[p] == answers[0]).float().mean().item() for p in SHIFTS
        },
    }


def main():
    start = time.perf_counter()
    sets = {split: load("mnist-sample", split) for split in ("train", "validation", "test")}
    runs = []
    for activation in ACTIVATIONS:
        for initialisation in ("default", FITTING[activation]):
            build = partial(deep_network, activation, initialisation)
            for row in search(build, sets, LEARNING_RATES, SEEDS, measure=dead_channels, **FIT):
                accuracy = evaluate(row.pop("model"), sets["test"], device="cpu").accuracy
                names = {"activation": activation, "initialisation": initialisation}
                runs.append({"experiment": "deep", **names, **row, "test_accuracy": accuracy})
                print(activation, initialisation, row["lr"], accuracy, flush=True)
    for name, options in POOLS.items():
        build = partial(FlattenCNN, **options)
        for row in search(build, sets, LEARNING_RATES, SEEDS, **FIT):
            measured = shifted(row.pop("model"), sets["test"])
            runs.append({"experiment": "pooling", "network": name, **row, **measured})
            print(name, row["lr"], measured, flush=True)
    settings = {
        **FIT,
        "optimizer": "SGD, Nesterov momentum 0.9, one cycle",
        "learning_rates_tried": LEARNING_RATES,
    }
    record("chapter03", list(sets.values()), settings, runs, time.perf_counter() - start)


if __name__ == "__main__":
    main()
