"""ModernCNN on CIFAR-10 beside its peers.

All networks have about 270,000 parameters, see the same batches, and have the rate that
benchmarks/cifar10_search.py found for them; three fresh seeds give the figures after 20 epochs, on
5,000 images by which neither ModernCNN's design nor any rate was chosen.
Run from the project's root: python benchmarks/cifar10.py FOLDER (some eight hours on one thread;
two processes share the work), where FOLDER/train/<class>/ holds CIFAR-10's training images.
"""

import sys
from functools import partial

from cifar10_search import DESIGN, best_rate
from peers import WideLeNet5, resnet20, wide_mlp
from photos import RECIPE, run_network, said, with_test
from recording import record
from searching import tested

from cnn_course.models import ModernCNN

NETWORKS = {
    "ModernCNN": ModernCNN,
    "ResNet-20": resnet20,
    "LeNet-5, widened": WideLeNet5,
    "MLP": wide_mlp,
}
SEEDS = (0, 1, 2)
FIT = RECIPE | {"epochs": 20}
TEST = 5_000


def main(folder: str):
    sets = with_test(folder, TEST)
    measure = partial(tested, images=sets["test"])

    def run(network: str, seed: int) -> dict:
        lr = best_rate(DESIGN if network == "ModernCNN" else network)
        result = run_network(network, NETWORKS[network], sets, seed, measure, **FIT, lr=lr)
        return {"lr": lr} | result

    rows = [{"network": network, "seed": seed} for seed in SEEDS for network in NETWORKS]
    record("cifar10", list(sets.values()), said(FIT), rows, run)


if __name__ == "__main__":
    main(sys.argv[1])
