"""The reader's own images, all of a split read once into memory."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image

from cnn_course.arithmetic import whole
from cnn_course.data.decoding import check_channels, check_size, decode, to_tensor
from cnn_course.data.images import ImageSet, hold_out
from cnn_course.data.listing import Listing, list_splits

MAX_BYTES = 16 * 2**30


def read_folder(
    path: str,
    split: str,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    largest: int | None = None,
) -> ImageSet:
    """Read one split of an image folder; `cnn_course.data.load` describes the rules."""
    splits = list_splits(path)
    first = Image.fromarray(decode(next(iter(splits.values())).files[0]))
    height, width = _height_width(size, largest, first)
    channels = len(first.getbands()) if channels is None else check_channels(channels)
    chosen = _choose(path, splits, split)
    files = chosen.files
    total = len(files) * channels * height * width
    if total > MAX_BYTES:
        raise ValueError(
            f"{len(files):,} images of {height}×{width} pixels take {total / 1e9:,.0f} GB; "
            f"give a smaller size, such as size=32"
        )
    images = torch.empty(len(files), channels, height, width, dtype=torch.uint8)

    def read_into(index):
        images[index] = to_tensor(decode(files[index]), height, width, channels)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(read_into, range(len(files))):
            pass  # an error in a thread is raised here, for the first file that has one
    return ImageSet(f"folder:{path} {split}", images, chosen.labels, chosen.classes)


def _choose(path: str, splits: dict[str, Listing], split: str) -> Listing:
    """Files, labels and classes of `split`; a missing validation is a tenth of train."""
    if split in splits and (split != "train" or "validation" in splits):
        return splits[split]
    train = splits.get("train")
    kept, held = hold_out(train.labels, 0.1) if train else ([], [])
    if split == "test" or not train:
        instead = ""
        if split == "test" and ("validation" in splits or len(held)):
            instead = ', or take split="validation" (on the command line, --split validation)'
        raise FileNotFoundError(
            f"{path} has no folder {split}, only {' and '.join(splits)}; "
            f"put images into {Path(path) / split}/<class>{instead}"
        )
    if split == "validation" and len(held) == 0:
        raise ValueError(
            f"{train.folder} has one image a class, too few to hold any out; "
            f"add images or a folder {Path(path) / 'validation'}"
        )
    indices = kept if split == "train" else held
    files = [train.files[i] for i in indices.tolist()]
    return Listing(train.folder, files, train.labels[indices], train.classes)


def _height_width(size, largest, first: Image.Image) -> tuple[int, int]:
    if largest is not None:
        if size is not None:
            raise ValueError(f"size={size!r} and largest={largest!r}: give one of them")
        return (min(first.height, first.width, whole("largest", largest, 1)),) * 2
    if size is None:
        return first.height, first.width
    return check_size(size)
