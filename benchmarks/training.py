"""Rows of `make bench`: augmentation, feeding, and `fit` against what most people would write.

The same network, batch size, augmentation, optimizer and precision, on the same device. The usual
loop takes its images one by one from a DataLoader, through torchvision's transforms, as its
documentation shows; the bare loop has its batches ready, in memory as floats, and does nothing but
forward, backward and step.
"""

from dataclasses import replace
from functools import partial

import torch
from timing import ratio
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode, v2

from cnn_course.augmentation import Augment
from cnn_course.data import ImageSet, load
from cnn_course.models import LeNet5, ModernCNN
from cnn_course.training import fit

BATCH, LR, WARM_UP, ROUNDS = 128, 0.05, 1, 7
AFFINE = Augment(rotation=10, scale=0.1, shift=2)
CROP = Augment(crop=4, flip=True)
PLAIN = v2.ToDtype(torch.float32, scale=True)
TRANSFORMS = {
    None: PLAIN,
    AFFINE: v2.Compose(
        [
            v2.RandomAffine(
                10,
                translate=(2 / 28, 2 / 28),
                scale=(0.9, 1.1),
                interpolation=InterpolationMode.BILINEAR,
            ),
            PLAIN,
        ]
    ),
    CROP: v2.Compose(
        [v2.RandomCrop(32, padding=4, padding_mode="reflect"), v2.RandomHorizontalFlip(), PLAIN]
    ),
}


class Transformed(Dataset):
    def __init__(self, images: ImageSet, transform):
        self.images, self.transform = images, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image, label = self.images[index]
        return self.transform(image), label


def steps(model: nn.Module, batches, bf16: bool) -> None:
    """Forward, backward and step for each of `batches`."""
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9, nesterov=True)
    model.train()
    for x, y in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(model(x), y)
        loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def usual_loop(build, images: ImageSet, augment, bf16=False) -> None:
    """One epoch."""
    data = Transformed(images, TRANSFORMS[augment])
    steps(build(), DataLoader(data, BATCH, shuffle=True, num_workers=0), bf16)


def bare_loop(build, batches, bf16=False) -> None:
    """One epoch, in the memory layout in which convolutions are fast."""
    steps(build().to(memory_format=torch.channels_last), batches, bf16)


def our_loop(build, images: ImageSet, augment, bf16=False) -> None:
    options = {"epochs": 1, "batch_size": BATCH, "lr": LR, "device": "cpu"}
    fit(build(), images, augment=augment, bf16=bf16, **options)


def feed(images: ImageSet, augment) -> None:
    """One epoch of our batches, without a network."""
    for part in torch.randperm(len(images)).split(BATCH):
        batch = images.images[part]
        _ = batch / 255 if augment is None else augment(batch)


def feed_as_usual(images: ImageSet, augment) -> None:
    for _ in DataLoader(Transformed(images, TRANSFORMS[augment]), BATCH, shuffle=True):
        pass


def rows():
    """What is timed, against what, and how many times as fast it is."""

    def row(what, against, slow, fast):
        return what, against, ratio(slow, fast, WARM_UP, ROUNDS)

    digits = load("mnist-sample", "train")
    colour = load("mnist-m", "train")
    colour = replace(colour, images=colour.images[:1280], labels=colour.labels[:1280])
    loader, transforms = "a DataLoader", "a DataLoader, transforms.v2"
    for name, images, augment, against in (
        ("feeding digits", digits, None, loader),
        ("feeding colour", colour, None, loader),
        ("rotation, scale and shift of digits", digits, AFFINE, transforms),
        ("crop and flip of colour", colour, CROP, transforms),
    ):
        yield row(name, against, *(partial(f, images, augment) for f in (feed_as_usual, feed)))

    usual_name = "the usual loop"
    for name, augment in [("no augmentation", None), ("rotation, scale and shift", AFFINE)]:
        usual, ours = (partial(loop, LeNet5, digits, augment) for loop in (usual_loop, our_loop))
        yield row(f"fit, LeNet-5, {name}", usual_name, usual, ours)
    yield row("fit, LeNet-5, bfloat16", "itself in float32", ours, partial(ours, bf16=True))

    usual, ours = (partial(loop, ModernCNN, colour, CROP) for loop in (usual_loop, our_loop))
    yield row("fit, ModernCNN, crop and flip", usual_name, usual, ours)
    x = (colour.images.float() / 255).to(memory_format=torch.channels_last)
    batches = list(zip(x.split(BATCH), colour.labels.split(BATCH), strict=True))
    bare = partial(bare_loop, ModernCNN, batches)
    yield row("fit, ModernCNN, crop and flip", "the bare loop on ready batches", bare, ours)
    ours = partial(ours, bf16=True)
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        usual16 = partial(usual, bf16=True)
        yield row("fit, ModernCNN, bfloat16", f"{usual_name} in bfloat16", usual16, ours)
    yield row("fit, ModernCNN, bfloat16", f"{usual_name} in float32", usual, ours)
