"""Chapter 03: a deep network by activation and initialisation, and four ways to halve a map.

Rates by three seeds on validation, ten fresh seeds for the figure; tested on the 55,000 digits of
MNIST's training split that are not in the sample, and shifted on 10,000 of them.
Run from the project's root: python benchmarks/chapter03.py FOLDER (about an hour on one thread),
where FOLDER/train/<digit>/ holds MNIST's 60,000 training images.
"""

import sys
from functools import partial

import torch
from chapter01 import shift
from digits import sample_tested_on_rest
from recording import record
from searching import SETTINGS, accuracy, search_and_run
from torch import nn

from cnn_course.data import ImageSet
from cnn_course.models import DeepCNN, FlattenCNN
from cnn_course.training import predict

FIT = {"epochs": 6, "batch_size": 64}
ACTIVATIONS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "ReLU": nn.ReLU,
    "leaky ReLU": nn.LeakyReLU,
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
}
# Activation, initialisation of the convolutions' weights, and padding.
DEEP = [
    ("sigmoid", "default", "zeros"),
    ("sigmoid", "Xavier", "zeros"),
    ("sigmoid", "16/n", "zeros"),
    ("tanh", "default", "zeros"),
    ("tanh", "Xavier", "zeros"),
    ("ReLU", "default", "zeros"),
    ("ReLU", "He", "zeros"),
    ("ReLU", "He", "circular"),
    ("leaky ReLU", "default", "zeros"),
    ("leaky ReLU", "He", "zeros"),
    ("GELU", "He", "zeros"),
    ("SiLU", "He", "zeros"),
]
POOLS = {
    "max pooling": {"pool": "max"},
    "average pooling": {"pool": "average"},
    "stride 2": {"pool": "stride"},
    "stride 2, no activation": {"pool": "stride", "activation": nn.Identity},
}
SHIFTS = (-3, -1, 0, 1, 3)


def deep_network(activation: str, initialisation: str, padding: str) -> DeepCNN:
    """The convolutions' weights differ between the rows; their biases are 0 in all but one.

    "16/n" is the variance that keeps the signal of a sigmoid, whose slope is 1/4 at 0; and as its
    outputs lie around 1/2, a bias of minus half the sum of the weights brings the input to 0.
    """
    model = DeepCNN(ACTIVATIONS[activation], padding_mode=padding)
    for layer in model.layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.bias)
            if initialisation == "He":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            elif initialisation == "Xavier":
                nn.init.xavier_normal_(layer.weight)
            elif initialisation == "16/n":
                nn.init.normal_(layer.weight, std=(16 / layer.weight[0].numel()) ** 0.5)
                if layer.in_channels > 1:  # the first layer sees pixels, whose mean is 0
                    with torch.no_grad():
                        layer.bias.copy_(-layer.weight.sum((1, 2, 3)) / 2)
    return model


@torch.no_grad()
def dead_channels(model: nn.Module, digits: ImageSet) -> list[int]:
    """Of each activation, how many channels are 0 or below at every place of every image."""
    dead, x = [], digits.images / 255
    for layer in model.layers:
        x = layer(x)
        if isinstance(layer, tuple(ACTIVATIONS.values())):
            dead.append((x.amax((0, 2, 3)) <= 0).sum().item())
    return dead


def shifted(model: nn.Module, digits: ImageSet) -> dict:
    """Accuracy at each shift, and how many answers stay as they are at 0."""
    answers = {p: predict(model, shift(digits, p), batch_size=250).argmax(1) for p in SHIFTS}
    labels, still = digits.labels, answers[0]
    return {
        "accuracy_by_shift": {p: (answers[p] == labels).float().mean().item() for p in SHIFTS},
        "same_answer_by_shift": {p: (answers[p] == still).float().mean().item() for p in SHIFTS},
    }


def main(folder: str):
    sets = sample_tested_on_rest(folder)

    def run_deep(activation: str, initialisation: str, padding: str) -> dict:
        def watch(model: nn.Module) -> dict:
            return {"dead_channels": dead_channels(model, sets["train"])}

        def measure(model: nn.Module) -> dict:
            return {"test_accuracy": accuracy(model, sets["test"])} | watch(model)

        build = partial(deep_network, activation, initialisation, padding)
        return search_and_run(build, sets, measure, watch=watch, first=(-4, -3, -2), **FIT)

    def run_pooling(network: str) -> dict:
        def measure(model: nn.Module) -> dict:
            return {"test_accuracy": accuracy(model, sets["test"])} | shifted(model, sets["few"])

        build = partial(FlattenCNN, **POOLS[network])
        return search_and_run(build, sets, measure, first=(-3, -2, -1), **FIT)

    data, settings = list(sets.values()), SETTINGS | FIT
    names = ("activation", "initialisation", "padding")
    rows = [dict(zip(names, row, strict=True)) for row in DEEP]
    record("chapter03_deep", data, settings, rows, run_deep)
    record("chapter03_pooling", data, settings, [{"network": name} for name in POOLS], run_pooling)


if __name__ == "__main__":
    main(sys.argv[1])
