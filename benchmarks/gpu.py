"""What a GPU is worth: LeNet-5 on MNIST and ModernCNN on CIFAR-10, in three ways of computing.

ModernCNN has the 20 epochs, the rate, the images and the first seed of the comparison in
benchmarks/cifar10.py, which ran on a CPU, so that its accuracy and time can be held against that;
LeNet-5 has the recipe and the images of benchmarks/lenet5.py. Nothing else should run meanwhile.
Run from the project's root, where there is a GPU: python benchmarks/gpu.py MNIST CIFAR10 (some ten
minutes), two folders of images as those two scripts take them.
"""

import sys

import cifar10
import lenet5
import torch
from cifar10_search import DESIGN, best_rate
from digits import mnist
from photos import said, with_test
from recording import record
from searching import accuracy, run_seeds

from cnn_course.devices import choose_device
from cnn_course.models import LeNet5, ModernCNN

WAYS = ("float32", "bfloat16", "bfloat16, compiled")
SEED = 0


def main(digits: str, photos: str):
    if choose_device().type != "cuda":
        sys.exit("there is no GPU here, and this measures nothing else")
    train, validation = mnist(digits)
    modern_cnn = cifar10.FIT | {"lr": best_rate(DESIGN)}
    networks = {
        "LeNet-5": (LeNet5, {"train": train, "validation": validation}, lenet5.FIT),
        "ModernCNN": (ModernCNN, with_test(photos, cifar10.TEST), modern_cnn),
    }

    def run(network: str, way: str) -> dict:
        build, sets, options = networks[network]

        def built():
            return torch.compile(build()) if way.endswith("compiled") else build()

        def measure(model) -> dict:
            return {"test_accuracy": accuracy(model, sets["test"])} if "test" in sets else {}

        # Without a batch before, the first epoch would be charged for the start of the GPU.
        bf16 = way.startswith("bfloat16")
        few = {"train": sets["train"].subset(torch.arange(256)), "validation": sets["validation"]}
        run_seeds(build, few, [SEED], **options | {"epochs": 1}, bf16=bf16)
        runs = run_seeds(built, sets, [SEED], measure, **options, bf16=bf16)
        seconds = sorted(runs[0]["history"]["seconds"])
        rate = len(sets["train"]) / seconds[len(seconds) // 2]
        return {"epochs": options["epochs"], "images_per_second": rate, "runs": runs}

    data = [part for _, sets, _ in networks.values() for part in sets.values()]
    settings = {name: said(options) for name, (_, _, options) in networks.items()}
    rows = [{"network": network, "way": way} for network in networks for way in WAYS]
    record("gpu", data, settings, rows, run)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
