"""ModernCNN on CIFAR-10: the weights that the package ships.

45,000 images of the training split; the other 5,000, 500 of each class, are the validation set. The
test split is not touched. Seed 0, named in advance, is shipped, as floats and in 8 bits.
An earlier training by this script, at another commit, covered no squares, and knew nearly all of
its training images by heart. Of the two the one that is better on validation is shipped.
Run from the project's root: python benchmarks/modern_cnn.py FOLDER (some two hours on two threads
of a processor that has bfloat16; it goes on where it was stopped), where FOLDER/train/<class>/
holds CIFAR-10's training images.
"""

import hashlib
import sys
from dataclasses import replace

import torch
from photos import RECIPE, cifar10, run_network, said
from recording import record
from torch import nn

from cnn_course import results
from cnn_course.models import ModernCNN, load_model, save_model
from cnn_course.models.pretrained import WEIGHTS
from cnn_course.recipes import RECIPES
from cnn_course.training import confusion, evaluate, predict
from cnn_course.writing import write_whole

SEED = 0
FIT = RECIPE | {"epochs": 100, "lr": RECIPES["modern_cnn"]["lr"], "bf16": True}
FIT |= {"augment": replace(RECIPE["augment"], erase=8)}
FILES = {
    "float32": WEIGHTS / "modern_cnn.safetensors",
    "int8": WEIGHTS / "modern_cnn_int8.safetensors",
}
CARD = """# ModernCNN, trained on CIFAR-10 (JPEG){form}

- **Network**: `cnn_course.models.ModernCNN()`, {parameters:,} parameters, {macs:.1f} million \
multiply–accumulates an image.
- **Data**: {train:,} images of CIFAR-10's training split, as JPEG files of quality 75. \
The other {validation:,}, 500 of each class, were held out as the validation set. \
The official test split was not used.
- **Recipe**: `benchmarks/modern_cnn.py`: {settings}.
- **Seed**: {seed}, named before anything was measured.
- **Accuracy** on the validation images, one view of each: {accuracy:.2%}; {other}.
- **Input**: three channels (RGB), 32×32, values in [0, 1]. \
Mean and standard deviation are in the weights.
- **Not for**: anything but a picture of one object that fills it and is of one of the ten \
classes: {classes}. It gives one of these names to every picture, and often with a high \
probability. \
Pictures that were never compressed as JPEG are a little different from those it has seen.
- **SHA-256** of `{name}`: `{sha256}`
"""


def main(folder: str):
    sets = cifar10(folder)
    classes = sets["train"].classes

    def ship(model: nn.Module) -> dict:
        about = {"in_channels": 3, "input_size": 32, "classes": list(classes), "data": "cifar10"}
        for form, file in FILES.items():
            save_model(file, model, "modern_cnn", about, int8=form == "int8")
        answers = predict(model, sets["validation"], device="cpu").argmax(1)
        counts = confusion(answers, sets["validation"].labels, len(classes))
        small = evaluate(load_model(FILES["int8"])[0], sets["validation"], device="cpu")
        seen = sets["train"].subset(torch.arange(5_000))
        return {
            "train_accuracy": evaluate(model, seen, device="cpu").accuracy,  # of 5,000
            "int8_accuracy": small.accuracy,
            "confusion": counts.tolist(),  # a row for each true class
        }

    def run(seed: int) -> dict:
        return run_network("shipped", ModernCNN, sets, seed, ship, **FIT)

    record("modern_cnn", list(sets.values()), said(FIT), [{"seed": SEED}], run)
    (row,) = results.load("modern_cnn")["rows"]
    (outcome,) = row["runs"]
    accuracies = {"float32": outcome["validation_accuracy"], "int8": outcome["int8_accuracy"]}
    for form, file in FILES.items():
        other = "int8" if form == "float32" else "float32"
        text = CARD.format(
            form=", weights of 8 bits" if form == "int8" else "",
            parameters=row["parameters"],
            macs=row["macs"] / 1e6,
            train=len(sets["train"]),
            validation=len(sets["validation"]),
            settings=", ".join(f"{name} {value}" for name, value in said(FIT).items()),
            seed=SEED,
            accuracy=accuracies[form],
            other=f"with weights in {other} {accuracies[other]:.2%}",
            classes=", ".join(classes),
            name=file.name,
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        )
        write_whole(file.with_suffix(".md"), text)


if __name__ == "__main__":
    main(sys.argv[1])
