"""Chapter 05c: brick, grass and gravel, five crops of each, learned in three ways.

ModernCNN from scratch, the shipped one fine-tuned, and a new last layer alone on it. Each way has
its own rate: the best of half decades for three seeds that learn from the upper left quarter of
each photograph and are judged on the lower left one. Ten fresh seeds then learn from the left half
and are tested on the right half, which nothing was chosen by. A seed draws the crops and the first
weights of what is new; seed 0 is the one that chapter 05c runs.
Run from the project's root: python benchmarks/surfaces.py (about three minutes on one thread).
"""

from functools import cache

import numpy as np
import torch
from PIL import Image
from recording import record
from searching import SEARCH_SEEDS, SEEDS, beaten, climb, rate
from skimage import data as pictures
from torch import nn
from torch.nn import functional as F

from cnn_course.data import ImageSet
from cnn_course.models import ModernCNN, load_pretrained
from cnn_course.training import evaluate

SURFACES = {name: getattr(pictures, name)() for name in ("brick", "grass", "gravel")}
SIDE, STEPS, MOMENTUM, FEW, MANY = 64, 20, 0.9, 5, 40
HALF = 256  # of 512 rows and columns
FIRST = (-4, -3, -2)
WAYS = ("from scratch", "fine-tuned", "last layer only")


def crops(count: int, rows: tuple[int, int], left: int, random: np.random.RandomState) -> ImageSet:
    """`count` squares of each surface, within rows (first, end) and the 256 columns from `left`."""
    images, labels = [], []
    for label, surface in enumerate(SURFACES.values()):
        for _ in range(count):
            y = rows[0] + random.randint(rows[1] - rows[0] - SIDE)
            x = left + random.randint(HALF - SIDE)
            square = Image.fromarray(surface[y : y + SIDE, x : x + SIDE]).convert("RGB")
            images.append(np.array(square.resize((32, 32), Image.BILINEAR)))
            labels.append(label)
    images = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return ImageSet("surfaces", images, torch.tensor(labels), SURFACES)


def drawn(seed: int) -> tuple[ImageSet, ImageSet]:
    """What a fresh seed learns from, and what it is tested on."""
    random = np.random.RandomState(seed)
    return crops(FEW, (0, 512), 0, random), crops(MANY, (0, 512), HALF, random)


def drawn_for_search(seed: int) -> tuple[ImageSet, ImageSet]:
    """What a search seed learns from, and what it is judged on: the left half alone."""
    random = np.random.RandomState(seed)
    return crops(FEW, (0, HALF), 0, random), crops(MANY, (HALF, 512), 0, random)


def learned(way: str, few: ImageSet, lr: float, seed: int) -> nn.Module:
    """The network that chapter 05c's `adapt` makes."""
    torch.manual_seed(seed)
    scratch, only_last = way == "from scratch", way == "last layer only"
    model = ModernCNN() if scratch else load_pretrained("modern_cnn")
    if scratch:
        model.layers[0].set_from(few)
    model.requires_grad_(not only_last)
    torch.manual_seed(seed)
    model.layers[-1] = nn.Linear(model.layers[-1].in_features, len(few.classes))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr, momentum=MOMENTUM)
    model.train(scratch)  # the shipped network keeps its running averages
    for _ in range(STEPS):
        loss = F.cross_entropy(model(few.images / 255), few.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if scratch:
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 1.0
        with torch.no_grad():
            model(few.images / 255)
    return model


def run(way: str) -> dict:
    def accuracy(draw, lr: float, seed: int) -> float:
        few, others = draw(seed)
        return evaluate(learned(way, few, lr, seed), others, device="cpu").accuracy

    @cache
    def tries(k: int) -> list[dict]:
        found = (accuracy(drawn_for_search, rate(k), seed) for seed in SEARCH_SEEDS)
        return [{"validation_accuracy": value} for value in found]

    found = climb(tries, FIRST, beaten(drawn_for_search(0)[1], len(SEARCH_SEEDS)))
    runs = [{"seed": s, "test_accuracy": accuracy(drawn, found["lr"], s)} for s in SEEDS]
    return found | {"runs": runs}


def main():
    settings = {
        "steps": STEPS,
        "momentum": MOMENTUM,
        "weights": "modern_cnn, as shipped",
        "search_seeds": SEARCH_SEEDS,
        "crops": {"of each surface": FEW, "tested": MANY, "side": SIDE},
    }
    record("surfaces", list(drawn(0)), settings, [{"way": way} for way in WAYS], run)


if __name__ == "__main__":
    main()
