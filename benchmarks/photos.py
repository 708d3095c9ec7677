"""What recorded runs on CIFAR-10 share: its training split as JPEG files, and the recipe."""

from functools import cache

from cnn_course.augmentation import Augment
from cnn_course.data import ImageSet, load

RECIPE = {
    "batch_size": 128,
    "weight_decay": 5e-4,
    "label_smoothing": 0.1,
    "augment": Augment(crop=4, flip=True),
}


@cache
def cifar10(folder: str) -> dict[str, ImageSet]:
    """The "train" set with 45,000 images, and "validation" with 5,000, 500 of each class.

    `folder`/train/<class>/ holds the 50,000 training images as JPEG files of quality 75.
    """
    sets = {}
    for split in ("train", "validation"):
        images = load(f"folder:{folder}", split)
        name = f"CIFAR-10 (JPEG) {split}"
        sets[split] = ImageSet(name, images.images, images.labels, images.classes)
    return sets


def said(options: dict) -> dict:
    """Options of `fit` as they are recorded."""
    return options | {"augment": repr(options["augment"])}
