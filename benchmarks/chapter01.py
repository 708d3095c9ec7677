"""Chapter 01: three networks of one size, on digits in order and scrambled, and on shifted digits.

Rates by three seeds on validation, ten fresh seeds for the figure; tested on the 55,000 digits of
MNIST's training split that are not in the sample, and shifted on 10,000 of them.
Run from the project's root: python benchmarks/chapter01.py FOLDER (about 20 minutes on one thread),
where FOLDER/train/<digit>/ holds MNIST's 60,000 training images.
"""

import sys
from dataclasses import replace

import torch
from digits import sample_tested_on_rest
from recording import record
from searching import SETTINGS, accuracy, run_seeds, search_and_run
from torch import nn
from torch.nn import functional as F

from cnn_course.data import ImageSet
from cnn_course.models import MLP, FlattenCNN, GlobalPoolCNN

NETWORKS = {"MLP": MLP, "CNN, flatten": FlattenCNN, "CNN, global pooling": GlobalPoolCNN}
FIT = {"epochs": 8, "batch_size": 64}
SHIFTS = range(-6, 7)
PERMUTATION_SEED = 0
# Ten seeds put the MLP ahead on scrambled digits, which an argument of the chapter rules out. So it
# is asked again with seeds that had no part in that.
MORE_SEEDS, MLP_RATE = range(10, 100), 0.1  # the rate of both its rows


def scramble(data: ImageSet) -> ImageSet:
    """`data` with the pixels of every image in one and the same random order."""
    pixels = data.images.flatten(1)  # (N, 784)
    generator = torch.Generator().manual_seed(PERMUTATION_SEED)
    order = torch.randperm(pixels.shape[1], generator=generator)
    return replace(data, images=pixels[:, order].view_as(data.images))


def shift(data: ImageSet, pixels: int) -> ImageSet:
    """`data` moved to the right by `pixels`, with black coming in from the left."""
    return replace(data, images=F.pad(data.images, (pixels, -pixels)))


def main(folder: str):
    in_order = sample_tested_on_rest(folder)
    orders = {
        "in order": in_order,
        "scrambled": {name: scramble(data) for name, data in in_order.items()},
    }

    def run(network: str, order: str) -> dict:
        sets = orders[order]

        def measure(model: nn.Module) -> dict:
            found = {"test_accuracy": accuracy(model, sets["test"])}
            if order == "in order":
                shifted = {p: accuracy(model, shift(sets["few"], p)) for p in SHIFTS}
                found["accuracy_by_shift"] = shifted
            return found

        return search_and_run(NETWORKS[network], sets, measure, first=(-3, -2, -1), **FIT)

    def run_again(order: str) -> dict:
        sets = orders[order]

        def measure(model: nn.Module) -> dict:
            return {"test_accuracy": accuracy(model, sets["test"])}

        return {"runs": run_seeds(MLP, sets, MORE_SEEDS, measure, lr=MLP_RATE, **FIT)}

    settings = SETTINGS | FIT | {"permutation_seed": PERMUTATION_SEED}
    rows = [{"network": network, "order": order} for order in orders for network in NETWORKS]
    data = list(in_order.values())
    record("chapter01", data, settings, rows, run)
    again = FIT | {"lr": MLP_RATE, "permutation_seed": PERMUTATION_SEED}
    record("chapter01_mlp", data, again, [{"order": order} for order in orders], run_again)


if __name__ == "__main__":
    main(sys.argv[1])
