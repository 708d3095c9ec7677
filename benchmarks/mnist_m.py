"""`mnist-m`: an MLP, LeNet-5 and a narrow ModernCNN, live in chapter 05, and given more time.

Rates by three seeds on validation, ten fresh seeds for the figure. Which test images each run has
right is recorded, so that any two networks can be compared by their disagreements.
Run from the project's root: python benchmarks/mnist_m.py (about half an hour on one thread).
"""

from functools import partial

from recording import record
from searching import SETTINGS, search_and_run, tested

from cnn_course.augmentation import Augment
from cnn_course.data import SPLITS, load
from cnn_course.models import MLP, LeNet5, ModernCNN

NETWORKS = {
    "MLP": partial(MLP, (26,), in_channels=3, input_size=32),  # 80,168 parameters
    "LeNet-5": partial(LeNet5, in_channels=3, input_size=32),  # 83,126
    "ModernCNN, narrow": partial(ModernCNN, stem=8, widths=(16, 32), depths=(1, 2)),  # 26,002
}
# The rates tried first, 10^(k/2), are around those that a few runs by hand had found.
FIRST = {"MLP": (-5, -4, -3), "LeNet-5": (-4, -3, -2), "ModernCNN, narrow": (-3, -2, -1)}
BATCH, CROP = 32, 2
# An epoch of ModernCNN takes four times as long as one of LeNet-5: 5 of its are 20 of LeNet-5's.
ROWS = [
    {"network": "MLP", "epochs": 5, "augment": False},
    {"network": "LeNet-5", "epochs": 5, "augment": False},
    {"network": "LeNet-5", "epochs": 20, "augment": False},
    {"network": "LeNet-5", "epochs": 20, "augment": True},
    {"network": "ModernCNN, narrow", "epochs": 5, "augment": False},
    {"network": "ModernCNN, narrow", "epochs": 20, "augment": True},
]


def main():
    sets = {split: load("mnist-m", split) for split in SPLITS}

    def run(network: str, epochs: int, augment: bool) -> dict:
        return search_and_run(
            NETWORKS[network],
            sets,
            partial(tested, images=sets["test"]),
            first=FIRST[network],
            epochs=epochs,
            batch_size=BATCH,
            augment=Augment(crop=CROP) if augment else None,
        )

    settings = SETTINGS | {"batch_size": BATCH, "crop": CROP}
    record("mnist_m", list(sets.values()), settings, ROWS, run)


if __name__ == "__main__":
    main()
