"""LeNet-5 on the whole of MNIST's training split: the weights that the package ships.

The digits of `mnist-sample` are the validation set, so that no chapter shows a digit that the
network was trained on. The test split is not touched. Five seeds say how much a seed is worth;
seed 0, named in advance, is shipped.
Run from the project's root: python benchmarks/lenet5.py FOLDER (about 25 minutes on one thread),
where FOLDER/train/<digit>/ holds MNIST's 60,000 training images.
"""

import hashlib
import statistics
import sys

from digits import mnist
from recording import record
from searching import run_seeds
from torch import nn

from cnn_course import results
from cnn_course.augmentation import Augment
from cnn_course.models import LeNet5, save_model
from cnn_course.models.pretrained import WEIGHTS
from cnn_course.writing import write_whole

SEEDS, SHIPPED = range(5), 0
FIT = {
    "epochs": 30,
    "batch_size": 128,
    "lr": 0.08,
    "weight_decay": 5e-4,
    "average": 0.995,
    "augment": Augment(rotation=15, scale=0.15, shift=2.5),
}
CARD = """# LeNet-5, trained on MNIST

- **Network**: `cnn_course.models.LeNet5()`, the form that is common today (LeCun et al. 1998), \
61,706 parameters.
- **Data**: {train:,} images of MNIST's training split. The other {validation:,}, \
the digits of `mnist-sample`, were held out as the validation set. \
The official test split was not used.
- **Recipe**: `benchmarks/lenet5.py`: {settings}.
- **Seed**: {seed}, named before anything was measured.
- **Accuracy** on the validation digits: {accuracy:.2%}; over {seeds} seeds {mean:.2%} ± {sd:.2%}.
- **Input**: one channel, 28×28, values in [0, 1], a bright digit on black. \
Mean and standard deviation are in the weights. \
`cnn-course predict` brings a drawn or photographed digit into this form.
- **Not for**: digits in other frames, sizes or colours than MNIST's, unless they are prepared. \
Chapter 04 shows how it fails on them.
- **SHA-256** of `lenet5.safetensors`: `{sha256}`
"""


def main(folder: str):
    data = mnist(folder)
    sets = dict(zip(("train", "validation"), data, strict=True))
    settings = FIT | {"augment": repr(FIT["augment"])}
    path = WEIGHTS / "lenet5.safetensors"

    def run(seed: int) -> dict:
        def ship(model: nn.Module) -> dict:
            if seed == SHIPPED:
                classes = list(data[0].classes)
                about = {"in_channels": 1, "input_size": 28, "classes": classes, "data": "mnist"}
                save_model(path, model, "lenet5", about)
            return {}

        parameters = sum(p.numel() for p in LeNet5().parameters())
        return {"parameters": parameters, "runs": run_seeds(LeNet5, sets, [seed], ship, **FIT)}

    record("lenet5", list(data), settings, [{"seed": seed} for seed in SEEDS], run)
    runs = [run for row in results.load("lenet5")["rows"] for run in row["runs"]]
    accuracies = {run["seed"]: run["validation_accuracy"] for run in runs}
    if len(accuracies) < len(SEEDS):
        return  # another process is at the missing ones
    card = CARD.format(
        train=len(sets["train"]),
        validation=len(sets["validation"]),
        settings=", ".join(f"{name} {value}" for name, value in settings.items()),
        seed=SHIPPED,
        seeds=len(SEEDS),
        accuracy=accuracies[SHIPPED],
        mean=statistics.mean(accuracies.values()),
        sd=statistics.stdev(accuracies.values()),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    write_whole(path.with_suffix(".md"), card)


if __name__ == "__main__":
    main(sys.argv[1])
