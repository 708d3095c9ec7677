"""Chapter 07: the CNN and the Vision Transformer of benchmarks/chapter07.py, ten times as long.

In order, with `mnist-m`'s images and with ten times as many, at the optimizers and rates that
benchmarks/chapter07.py found for a training of the usual length; five seeds, its test digits.
Run from the project's root: python benchmarks/chapter07_longer.py FOLDER PROCESSES, with the same
folder of MNIST's training images (twenty trainings of 14 to 19 minutes each on one thread; a row's
five seeds go on side by side in so many processes, which may share a GPU).
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from chapter07 import (
    AUGMENT,
    BATCH,
    DECAYS,
    EPOCHS,
    LEARNED,
    NETWORKS,
    SEEDS,
    data,
    kept,
    trained,
)
from recording import hardware, record
from searching import accuracy

from cnn_course import results
from cnn_course.data import ImageSet

LONGER = 10

_sets: dict[str, ImageSet] = {}  # filled before the processes fork, so that all share it


def final(network: str, more: int, options: dict, seed: int) -> dict:
    def compute() -> dict:
        model, run = trained(network, "in order", _sets, LEARNED[more], None, **options, seed=seed)
        # A row may have been shared between machines.
        measured = {"test_accuracy": accuracy(model, _sets["test"]), "hardware": hardware()}
        return run | measured

    return kept(f"longer {network} {more} {seed}", compute)


def main(folder: str, processes: str):
    _sets.update(data(folder))
    found = {
        row["network"]: {key: row[key] for key in ("optimizer", "lr")}
        for row in results.load("chapter07")["rows"]
        if (row["order"], row["more"]) == ("in order", 1)
    }

    pool = ProcessPoolExecutor(int(processes), get_context("fork"))

    def run(network: str, more: int) -> dict:
        options = {"epochs": LONGER * EPOCHS[network] // more} | found[network]
        runs = list(pool.map(partial(final, network, more, options), SEEDS))
        return {"images": len(_sets[LEARNED[more]])} | options | {"runs": runs}

    rows = [{"network": network, "more": more} for more in LEARNED for network in NETWORKS]
    settings = {
        "batch_size": BATCH,
        "augment": repr(AUGMENT),
        "schedule": "one cycle",
        "weight_decay": DECAYS,
        "learning_rate": "optimizer and rate of chapter07's rows in order",
    }
    record("chapter07_longer", list(_sets.values()), settings, rows, run)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
