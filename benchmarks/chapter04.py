"""Chapter 04: LeNet-5 from 1998 to today, one change a row; and what makes it fail under noise.

Rates by three seeds on validation, ten fresh seeds for the figure; tested on the 55,000 digits of
MNIST's training split that are not in the sample, and under noise on 10,000 of them.
Run from the project's root: python benchmarks/chapter04.py FOLDER (about an hour on one thread),
where FOLDER/train/<digit>/ holds MNIST's 60,000 training images.
"""

import sys
from dataclasses import replace
from functools import partial

import torch
from digits import sample_tested_on_rest
from recording import record
from searching import SETTINGS, accuracy, search_and_run
from torch import nn

from cnn_course.augmentation import Augment
from cnn_course.data import ImageSet
from cnn_course.models import LeNet5

FIT = {"epochs": 10, "batch_size": 64}
AUGMENT = Augment(rotation=10, scale=0.1, shift=2)
# Each row keeps the changes of the rows above it: the network's options, and those of `fit`.
STEPS = {
    "1998, as published": ({}, {}),
    "initial weights: Xavier": ({"initialisation": "xavier"}, {}),
    "output: linear": ({"output": "linear"}, {}),
    "C3: all connections": ({"connections": "full"}, {}),
    "subsampling: plain average": ({"pool": "average"}, {}),
    "activation: ReLU": ({"activation": nn.ReLU}, {}),
    "initial weights: He": ({"initialisation": "he"}, {}),
    "pooling: max": ({"pool": "max"}, {}),
    "batch normalization": ({"batch_norm": True}, {}),
    "augmentation": ({}, {"augment": AUGMENT}),
    "averaged weights": ({}, {"average": 0.995}),
}
# The network of today, alone and with one option of `fit` added.
NOISE = {
    "nothing added": {},
    "augmentation": {"augment": AUGMENT},
}
NOISE_SD = (0.0, 0.2, 0.4, 0.6, 0.8)


def noisy(data: ImageSet, sd: float) -> ImageSet:
    """`data` with normal noise, where white is 1; what is outside of black and white is cut off."""
    noise = torch.randn(data.images.shape, generator=torch.Generator().manual_seed(0))
    return replace(data, images=(data.images + 255 * sd * noise).clamp(0, 255).byte())


def main(folder: str):
    sets = sample_tested_on_rest(folder)
    under_noise = {sd: noisy(sets["few"], sd) for sd in NOISE_SD}

    def run_step(step: str) -> dict:
        network, options = {}, dict(FIT)
        for name, (network_change, fit_change) in STEPS.items():
            network, options = network | network_change, options | fit_change
            if name == step:
                break
        build = partial(LeNet5.published, **network)
        return search_and_run(
            build, sets, lambda model: {"test_accuracy": accuracy(model, sets["test"])}, **options
        )

    def run_noise(change: str) -> dict:
        def measure(model: nn.Module) -> dict:
            return {"accuracy_by_noise": {sd: accuracy(model, under_noise[sd]) for sd in NOISE_SD}}

        return search_and_run(LeNet5, sets, measure, **FIT, **NOISE[change])

    data, settings = list(sets.values()), SETTINGS | FIT
    record("chapter04_ladder", data, settings, [{"step": step} for step in STEPS], run_step)
    record("chapter04_noise", data, settings, [{"change": c} for c in NOISE], run_noise)


if __name__ == "__main__":
    main(sys.argv[1])
