"""Chapter 01: three networks of one size, on digits in order and scrambled, and on shifted digits.

Each network gets its own learning rate for each order of the pixels, chosen by the mean validation
accuracy of three seeds. The test digits are looked at only with the chosen one.
Run from the project's root: python benchmarks/chapter01.py (about 5 minutes on 2 cores).
"""

import time
from dataclasses import replace

import torch
from recording import record
from searching import search
from torch.nn import functional as F

from cnn_course.data import ImageSet, load
from cnn_course.models import MLP, FlattenCNN, GlobalPoolCNN
from cnn_course.training import evaluate

NETWORKS = {"MLP": MLP, "CNN, flatten": FlattenCNN, "CNN, global pooling": GlobalPoolCNN}
LEARNING_RATES = (0.01, 0.02, 0.05, 0.1, 0.2)
SEEDS = (0, 1, 2)
FIT = {"epochs": 8, "batch_size": 64}
SHIFTS = range(-6, 7)
PERMUTATION_SEED = 0


def scramble(data: ImageSet) -> ImageSet:
    """`data` with the pixels of every image in one and the same random order."""
    pixels = data.images.flatten(1)  # (N, 784)
    generator = torch.Generator().manual_seed(PERMUTATION_SEED)
    order = torch.randperm(pixels.shape[1], generator=generator)
    return replace(data, images=pixels[:, order].view_as(data.images))


def shift(data: ImageSet, pixels: int) -> ImageSet:
    """`data` moved to the right by `pixels`, with black coming in from the left."""
    return replace(data, images=F.pad(data.images, (pixels, -pixels)))


def main():
    start = time.perf_counter()
    in_order = {split: load("mnist-sample", split) for split in ("train", "validation", "test")}
    scrambled = {split: scramble(data) for split, data in in_order.items()}
    runs = []
    for order, sets in {"in order": in_order, "scrambled": scrambled}.items():
        for network in NETWORKS:
            build = NETWORKS[network]
            for row in search(build, sets, LEARNING_RATES, SEEDS, **FIT):
                model = row.pop("model")
                test_accuracy = {
                    pixels: evaluate(model, shift(sets["test"], pixels), device="cpu").accuracy
                    for pixels in (SHIFTS if order == "in order" else [0])
                }
                names = {"network": network, "order": order}
                runs.append({**names, **row, "test_accuracy_by_shift": test_accuracy})
                print(order, network, row["lr"], row["seed"], test_accuracy, flush=True)
    settings = {
        **FIT,
        "optimizer": "SGD, Nesterov momentum 0.9, one cycle",
        "learning_rates_tried": LEARNING_RATES,
        "permutation_seed": PERMUTATION_SEED,
    }
    record("chapter01", list(in_order.values()), settings, runs, time.perf_counter() - start)


if __name__ == "__main__":
    main()
