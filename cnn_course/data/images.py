"""`ImageSet`, labelled images in memory, and the one way in which some of them are held out."""

import hashlib
import operator
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

SEED = 2012


@dataclass(eq=False, repr=False)
class ImageSet(Dataset):
    """Labelled images in memory: uint8 `images` (N, C, H, W) and int64 `labels` (N,).

    `labels[i]` is the index in `classes` of what `images[i]` shows. Item i is the pair
    (uint8 image (C, H, W), int label), so a DataLoader yields batches of uint8 (B, C, H, W) and
    int64 (B,). The training loop of the course does without one: it slices `images` itself.

    Raises ValueError where shapes, types or labels do not fit together.
    """

    name: str
    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]

    def __post_init__(self):
        if not isinstance(self.classes, Iterable):
            raise ValueError(
                f"{self.name}: classes={self.classes!r}; give the names, in the order of the labels"
            )
        self.classes = tuple(self.classes)
        images, labels = self.images, self.labels
        for name, value in (("images", images), ("labels", labels)):
            if not isinstance(value, torch.Tensor):
                raise ValueError(
                    f"{self.name}: {name} are a {type(value).__name__}; give a tensor, as "
                    f"torch.as_tensor({name}) makes one"
                )
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(
                f"{self.name}: images must be uint8 of shape (N, C, H, W), "
                f"not {images.dtype} of shape {tuple(images.shape)}"
            )
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"{self.name}: labels must be int64 of shape ({len(images)},), one an image, "
                f"not {labels.dtype} of shape {tuple(labels.shape)}"
            )
        wrong = labels[(labels < 0) | (labels >= len(self.classes))]
        if len(wrong):
            raise ValueError(
                f"{self.name}: label {wrong[0].item()} is none of the {len(self.classes)} classes; "
                f"labels count from 0"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        index = operator.index(index)  # a slice has no single label: `subset` is for that
        return self.images[index], int(self.labels[index])

    def __repr__(self) -> str:
        n, c, h, w = self.images.shape
        return f"{self.name}: {n:,} images {c}×{h}×{w}, {len(self.classes)} classes"

    def subset(self, indices: torch.Tensor, name: str | None = None) -> "ImageSet":
        """A copy of the images at `indices` (M,), in that order, under `name` or the same one."""
        indices = torch.arange(len(self))[indices]  # a slice would give a view, and no copy
        return ImageSet(name or self.name, self.images[indices], self.labels[indices], self.classes)

    @property
    def mean(self) -> torch.Tensor:
        """Mean of each channel (C,), of pixel values in [0, 1]."""
        return self._moments()[0]

    @property
    def sd(self) -> torch.Tensor:
        """Standard deviation of each channel (C,) over all its pixels, of values in [0, 1]."""
        return self._moments()[1]

    @property
    def sha256(self) -> str:
        """SHA-256 of the images' bytes and then the labels' (little-endian int64)."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """The bytes of the images (N·C·H·W), then those of the labels (8·N)."""
        return self.images.numpy().tobytes() + self.labels.numpy().astype("<i8").tobytes()

    def _moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        if len(self) == 0:
            raise ValueError(f"{self.name} has no image, and no mean; give a set with one or more")
        # A histogram of the 256 values is exact and needs no float copy of every pixel.
        channels = self.images.transpose(0, 1).flatten(1)
        counts = torch.stack([torch.bincount(c, minlength=256) for c in channels]).double()
        values = torch.arange(256, dtype=torch.double) / 255
        total = counts.sum(1)
        mean = counts @ values / total
        variance = (counts * (values - mean[:, None]) ** 2).sum(1) / total
        return mean.float(), variance.sqrt().float()


def hold_out(labels: torch.Tensor, fraction: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices of what stays and of what is held out: `fraction` of each class, rounded.

    Both are in ascending order. A class of two images or more gives at least one and keeps at
    least one; a single image stays. The choice depends on nothing but `labels` (N,).
    """
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        # RandomState draws the same in every version of NumPy; Generator makes no such promise.
        order = np.random.RandomState([SEED, label]).permutation(len(members))
        held[members[torch.from_numpy(order[:count]).long()]] = True
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def is_among(images: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Whether each of `images` (N, …) is, byte for byte, one of `others` (M, …): bool (N,)."""
    known = {image.tobytes() for image in others.numpy()}
    return torch.tensor([image.tobytes() in known for image in images.numpy()], dtype=torch.bool)
