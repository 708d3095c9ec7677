"""ModernCNN on CIFAR-10 beside its peers.

All networks have about 270,000 parameters, see the same batches, and have the rate that
benchmarks/cifar10_search.py found for them; three fresh seeds give the figures after 20 epochs.
Run from the project's root: python benchmarks/cifar10.py FOLDER (some eight hours on one thread;
two processes share the work), where FOLDER/train/<class>/ holds CIFAR-10's training images.
"""

import sys

from cifar10_search import DESIGN, best_rate
from peers import ResNet20, WideLeNet5, wide_mlp
from photos import RECIPE, cifar10, run_network, said
from recording import record
from torch import nn

from cnn_course.models import ModernCNN
from cnn_course.training import predict

NETWORKS = {
    "ModernCNN": ModernCNN,
    "ResNet-20": ResNet20,
    "LeNet-5, widened": WideLeNet5,
    "MLP": wide_mlp,
}
SEEDS = (0, 1, 2)
FIT = RECIPE | {"epochs": 20}


def main(folder: str):
    sets = cifar10(folder)

    def run(network: str, seed: int) -> dict:
        def answers(model: nn.Module) -> dict:
            found = predict(model, sets["validation"], device="cpu").argmax(1)
            return {"answers": "".join(map(str, found.tolist()))}  # a digit for each image

        lr = best_rate(DESIGN if network == "ModernCNN" else network)
        result = run_network(network, NETWORKS[network], sets, seed, answers, **FIT, lr=lr)
        return {"lr": lr} | result

    rows = [{"network": network, "seed": seed} for seed in SEEDS for network in NETWORKS]
    record("cifar10", list(sets.values()), said(FIT), rows, run)


if __name__ == "__main__":
    main(sys.argv[1])
