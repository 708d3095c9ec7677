"""LeNet-5 on the whole of MNIST's training split: the weights that the package ships.

The digits of `mnist-sample` are the validation set, so that no chapter shows a digit that the
network was trained on. The test split is not touched. Three seeds; the one that is best on the
validation digits is shipped.
Run from the project's root: python benchmarks/lenet5.py FOLDER (about 8 minutes on 2 cores), where
FOLDER/train/<digit>/ holds MNIST's 60,000 training images.
"""

import hashlib
import sys
import time
from dataclasses import asdict

import torch
from recording import record

from cnn_course.data import ImageSet, load, split_mnist
from cnn_course.models import LeNet5, save_model
from cnn_course.models.pretrained import WEIGHTS
from cnn_course.training import RECIPES, fit

SEEDS = (0, 1, 2)
SETTINGS = {"epochs": 20} | RECIPES["lenet5"]
CARD = """# LeNet-5, trained on MNIST

- **Network**: `cnn_course.models.LeNet5()`, the form that is common today (LeCun et al. 1998), \
61,706 parameters.
- **Data**: {train:,} images of MNIST's training split. The other {validation:,}, \
the digits of `mnist-sample`, were held out as the validation set. \
The official test split was not used.
- **Recipe**: `benchmarks/lenet5.py`: {settings}.
- **Seed**: {seed}, the best of {seeds} on the validation digits.
- **Accuracy** on the validation digits: {accuracy:.2%}; over the seeds {mean:.2%} ± {sd:.2%}.
- **Training**: {seconds:.0f} s on {threads} threads of a processor.
- **Input**: one channel, 28×28, values in [0, 1], a bright digit on black. \
Mean and standard deviation are in the weights.
- **Not for**: digits in other frames, sizes or colours than MNIST's. \
Chapter 04 shows how it fails on them.
- **SHA-256** of `lenet5.safetensors`: `{sha256}`
"""


def mnist(folder: str) -> tuple[ImageSet, ImageSet]:
    """The training digits, and the validation digits: those of `mnist-sample`."""
    parts = [load(f"folder:{folder}", split) for split in ("train", "validation")]
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    everything = ImageSet("mnist", images, labels, parts[0].classes)
    kept, shown = split_mnist(everything)
    return everything.subset(kept, "mnist train"), everything.subset(shown, "mnist validation")


def main(folder: str):
    start = time.perf_counter()
    train, validation = mnist(folder)
    print(train, validation, sep="\n", flush=True)
    runs, models = [], []
    for seed in SEEDS:
        torch.manual_seed(seed)
        model, began = LeNet5(), time.perf_counter()
        history = fit(model, train, validation, seed=seed, device="cpu", **SETTINGS)
        seconds = time.perf_counter() - began
        models.append(model)
        runs.append(
            {
                "seed": seed,
                "parameters": sum(p.numel() for p in model.parameters()),
                "seconds": round(seconds, 1),
                "validation_accuracy": history.validation_accuracy[-1],
                "history": asdict(history),
            }
        )
        print(seed, history.validation_accuracy[-1], f"{seconds:.0f} s", flush=True)
    accuracies = torch.tensor([run["validation_accuracy"] for run in runs])
    best = accuracies.argmax().item()
    WEIGHTS.mkdir(exist_ok=True)
    path = WEIGHTS / "lenet5.safetensors"
    about = {"in_channels": 1, "input_size": 28, "classes": list(train.classes)}
    save_model(path, models[best], "lenet5", about)
    settings = {name: repr(v) if name == "augment" else v for name, v in SETTINGS.items()}
    card = CARD.format(
        train=len(train),
        validation=len(validation),
        settings=", ".join(f"{name} {value}" for name, value in settings.items()),
        seed=SEEDS[best],
        seeds=len(SEEDS),
        accuracy=accuracies[best],
        mean=accuracies.mean(),
        sd=accuracies.std(),
        seconds=runs[best]["seconds"],
        threads=torch.get_num_threads(),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    path.with_suffix(".md").write_text(card, encoding="utf-8")
    record("lenet5", [train, validation], settings, runs, time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1])
