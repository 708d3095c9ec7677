"""`mnist-m`: an MLP, LeNet-5 and ModernCNN of about one size, and what fewer parameters reach.

Rates by three seeds on validation, ten fresh seeds for the figure. Which test images each run has
right is recorded, so that any two networks can be compared by their disagreements.
Run from the project's root: python benchmarks/mnist_m.py (about half an hour on one thread).
"""

from recording import record
from searching import SETTINGS, search_and_run
from torch import nn

from cnn_course.augmentation import Augment
from cnn_course.data import SPLITS, load
from cnn_course.models import MLP, LeNet5, ModernCNN
from cnn_course.training import predict

NETWORKS = {
    "MLP": lambda: MLP((26,), in_channels=3, input_size=32),  # 80,168 parameters
    "LeNet-5": lambda: LeNet5(in_channels=3, input_size=32),  # 83,126
    "ModernCNN": lambda: ModernCNN(stem=16, widths=(26, 36)),  # 68,218
    "ModernCNN, narrow": lambda: ModernCNN(stem=12, widths=(20, 30)),  # 44,658
}
# The rates tried first, 10^(k/2), are around those that a few runs by hand had found.
FIRST = {"MLP": (-5, -4, -3), "LeNet-5": (-4, -3, -2)}
BATCH, CROP = 32, 3
# An epoch of ModernCNN takes six times as long as one of LeNet-5: 5 of its are 30 of LeNet-5's.
ROWS = [
    {"network": "MLP", "epochs": 5, "augment": False},
    {"network": "LeNet-5", "epochs": 5, "augment": False},
    {"network": "LeNet-5", "epochs": 30, "augment": False},
    {"network": "ModernCNN", "epochs": 5, "augment": False},
    {"network": "ModernCNN, narrow", "epochs": 12, "augment": True},
]


def main():
    sets = {split: load("mnist-m", split) for split in SPLITS}

    def measure(model: nn.Module) -> dict:
        answers = predict(model, sets["test"], batch_size=250, device="cpu").argmax(1)
        right = answers == sets["test"].labels
        return {
            "test_accuracy": right.float().mean().item(),
            "right": "".join(map(str, right.int().tolist())),  # a 0 or 1 for each image
        }

    def run(network: str, epochs: int, augment: bool) -> dict:
        return search_and_run(
            NETWORKS[network],
            sets,
            measure,
            first=FIRST.get(network, (-3, -2, -1)),
            epochs=epochs,
            batch_size=BATCH,
            augment=Augment(crop=CROP) if augment else None,
        )

    settings = SETTINGS | {"batch_size": BATCH, "crop": CROP}
    record("mnist_m", list(sets.values()), settings, ROWS, run)


if __name__ == "__main__":
    main()
