"""Images a second of one process, of one with two threads, and of two processes on one thread each.

Every process trains as the command line does, by the network's recipe; what is recorded is the
median of the epochs after the first one.
Run on a machine with two idle cores, from the project's root: python benchmarks/scaling.py (some
five minutes). torchrun starts it again for each row.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from photos import said
from recording import record

from cnn_course import console
from cnn_course.data import ImageSet, load
from cnn_course.models import LeNet5, ModernCNN
from cnn_course.recipes import RECIPES
from cnn_course.training import fit
from cnn_course.writing import write_whole

EPOCHS, SEED = 6, 0
# Its recipe, its images, and how many of them: steps of one size.
NETWORKS = {
    "LeNet-5": (LeNet5, "lenet5", "mnist-sample", 3200),
    "ModernCNN": (ModernCNN, "modern_cnn", "mnist-m", 1280),
}
WAYS = ((1, 1), (1, 2), (2, 1))  # processes, and threads of each


def images(name: str) -> ImageSet:
    data, count = NETWORKS[name][2:]
    return load(data, "train").subset(torch.arange(count), f"{data} {count:,} of train")


def train(name: str, file: Path) -> None:
    """What each process does; the first one writes the history."""
    build, recipe = NETWORKS[name][:2]
    torch.manual_seed(SEED)
    options = {"epochs": EPOCHS, "seed": SEED, "device": "cpu"} | RECIPES[recipe]
    history = fit(build(), images(name), **options)
    if console.rank() == "0":
        write_whole(file, json.dumps(vars(history)))


def run(network: str, processes: int, threads: int) -> dict:
    """What is recorded of a row."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.json"
        subprocess.run(
            [*launch, "--nproc-per-node", str(processes), __file__, network, str(file)],
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            check=True,
        )
        history = json.loads(file.read_text(encoding="utf-8"))
    count = NETWORKS[network][3]
    return {
        "parameters": sum(p.numel() for p in NETWORKS[network][0]().parameters()),
        "images_per_second": statistics.median(count / s for s in history["seconds"][1:]),
        "runs": [
            {
                "seed": SEED,
                "diverged": False,
                "history": {k: history[k] for k in ("train_loss", "seconds")},
            }
        ],
    }


def main():
    rows = [
        {"network": name, "processes": processes, "threads": threads}
        for name in NETWORKS
        for processes, threads in WAYS
    ]
    recipes = {name: said(RECIPES[NETWORKS[name][1]]) for name in NETWORKS}
    record("scaling", [images(name) for name in NETWORKS], {"epochs": EPOCHS} | recipes, rows, run)


if __name__ == "__main__":
    if console.rank() is None:
        main()
    else:
        train(sys.argv[1], Path(sys.argv[2]))
