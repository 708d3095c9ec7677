"""Chapter 06: what batch normalization makes usable, dropout swept, and augmentation by itself.

All learn from digits of the sample. Without a search: a grid of rates and first weights, three
seeds, tested on 10,000 digits that the sample lacks. With one: rates by three seeds on validation,
ten fresh seeds, tested on the 55,000 digits of MNIST's training split that the sample lacks.
Run from the project's root: python benchmarks/chapter06.py FOLDER (about 45 minutes on one thread),
where FOLDER/train/<digit>/ holds MNIST's 60,000 training images.
"""

import sys
from functools import partial
from itertools import pairwise

import torch
from digits import sample_tested_on_rest
from recording import record
from searching import SETTINGS, accuracy, rate, run_seeds, search_and_run
from torch import nn

from cnn_course.augmentation import Augment
from cnn_course.data import ImageSet
from cnn_course.models import LeNet5, Normalize
from cnn_course.training import confusion, predict

# The grid. A rate is 10^(k/2); the first weights of the convolutions are He's times the scale.
GRID_FIT = {"epochs": 3, "batch_size": 64}
RATES, SCALES, GRID_SEEDS = range(-6, 3), (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8), range(3)
WIDTHS = (8, *(16,) * 7)  # of eight convolutions, the first two with max pooling behind them

# Few digits, learned by heart unless something is done about it.
FEW = 500
FIT = {"epochs": 40, "batch_size": 32}
SHARES = [k / 10 for k in range(9)]
# Behind the two hidden layers that are fully connected, or behind both poolings.
PLACES = {"fully connected": (9, 11), "convolution blocks": (3, 6)}
DROPOUT = [{"place": "fully connected", "p": p} for p in SHARES]
DROPOUT += [{"place": "convolution blocks", "p": p} for p in (0.2, 0.5)]
AUGMENT = {
    "nothing": {},
    "crop by up to 2": {"crop": 2},
    "crop by up to 8": {"crop": 8},
    "flip": {"flip": True},
    "rotation by up to 15°": {"rotation": 15},
    "rotation by up to 180°": {"rotation": 180},
}


def deep(batch_norm: bool, scale: float) -> nn.Module:
    """Eight convolutions and a linear layer: (N, 1, 28, 28) → logits (N, 10)."""
    layers = [Normalize(1)]
    for i, (channels, width) in enumerate(pairwise((1, *WIDTHS))):
        convolution = nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm)
        with torch.no_grad():
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu").mul_(scale)
            if not batch_norm:
                nn.init.zeros_(convolution.bias)
        layers += [convolution, *([nn.BatchNorm2d(width)] if batch_norm else []), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if i < 2 else []
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * 7 * 7, 10))


def dropping(place: str, p: float) -> nn.Module:
    """LeNet-5 with dropout behind two of its layers."""
    model = LeNet5()
    if p:
        for layer in sorted(PLACES[place], reverse=True):
            model.layers.insert(layer + 1, nn.Dropout(p))
    return model


def confused(model: nn.Module, digits: ImageSet) -> dict:
    """The accuracy, and how often each digit (row) was read as each (column)."""
    answers = predict(model, digits, batch_size=250).argmax(1)
    counts = confusion(answers, digits.labels, 10)
    share = counts.diag().sum().item() / len(digits)
    return {"test_accuracy": share, "confusion": counts.tolist()}


def main(folder: str):
    sets = sample_tested_on_rest(folder)
    few = sets | {"train": sets["train"].subset(torch.arange(FEW), f"mnist-sample {FEW} of train")}

    def run_grid(batch_norm: bool, scale: float) -> dict:
        build, runs = partial(deep, batch_norm, scale), []
        for lr in map(rate, RATES):
            for run in run_seeds(
                build,
                sets,
                GRID_SEEDS,
                lambda model: {"test_accuracy": accuracy(model, sets["few"])},
                lr=lr,
                **GRID_FIT,
            ):
                runs.append({"lr": lr} | run)
        return {"parameters": sum(p.numel() for p in build().parameters()), "runs": runs}

    def run_dropout(place: str, p: float) -> dict:
        def measure(model: nn.Module) -> dict:
            return {"test_accuracy": accuracy(model, few["test"])}

        return search_and_run(partial(dropping, place, p), few, measure, **FIT)

    def run_augment(augment: str) -> dict:
        measure = partial(confused, digits=few["test"])
        return search_and_run(LeNet5, few, measure, **FIT, augment=Augment(**AUGMENT[augment]))

    rows = [{"batch_norm": b, "scale": s} for b in (False, True) for s in SCALES]
    settings = GRID_FIT | {"seeds": list(GRID_SEEDS), "rates": list(map(rate, RATES))}
    record("chapter06_range", [sets[name] for name in ("train", "few")], settings, rows, run_grid)
    data, settings = [few[name] for name in ("train", "validation", "test")], SETTINGS | FIT
    record("chapter06_dropout", data, settings, DROPOUT, run_dropout)
    rows = [{"augment": name} for name in AUGMENT]
    record("chapter06_augment", data, settings, rows, run_augment)


if __name__ == "__main__":
    main(sys.argv[1])
