"""The digits that recorded runs use: the sample, and the rest of MNIST's training split."""

from functools import cache

import torch

from cnn_course.data import ImageSet, load, split_mnist
from cnn_course.data.images import hold_out

FEW = 10_000  # test digits where a network is measured many times


@cache
def mnist(folder: str) -> tuple[ImageSet, ImageSet]:
    """55,000 digits, and the other 5,000 of MNIST's training split: those of `mnist-sample`.

    `folder`/train/<digit>/ holds MNIST's 60,000 training images.
    """
    parts = [load(f"folder:{folder}", split) for split in ("train", "validation")]
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    everything = ImageSet("mnist", images, labels, parts[0].classes)
    kept, shown = split_mnist(everything)
    return everything.subset(kept, "mnist train"), everything.subset(shown, "mnist validation")


def sample_tested_on_rest(folder: str) -> dict[str, ImageSet]:
    """`mnist-sample`'s "train" and "validation"; "test" is the 55,000 digits that it lacks.

    "few" is 10,000 of them.
    """
    sets = {split: load("mnist-sample", split) for split in ("train", "validation")}
    rest, _ = mnist(folder)
    _, few = hold_out(rest.labels, FEW / len(rest))
    return sets | {
        "test": ImageSet("mnist rest", rest.images, rest.labels, rest.classes),
        "few": rest.subset(few, "mnist rest, few"),
    }
