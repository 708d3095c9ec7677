"""The reader's own images: `PATH/train/<class>/*`, `PATH/test/<class>/*`, read once into memory."""

import operator
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image

from cnn_course.data.decoding import decode, to_tensor
from cnn_course.data.images import ImageSet, hold_out
from cnn_course.names import SPLITS

MAX_BYTES = 16 * 2**30


def read_folder(
    path: str,
    split: str,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    largest: int | None = None,
) -> ImageSet:
    """Read one split of an image folder; `cnn_course.data.load` describes the rules."""
    splits = _list_splits(Path(path).expanduser())
    files, _, _ = next(iter(splits.values()))
    first = Image.fromarray(decode(files[0]))
    height, width = _height_width(size, largest, first)
    if channels is None:
        channels = len(first.getbands())
    if channels not in (1, 3):
        raise ValueError(f"channels={channels!r}: give 1 (grey) or 3 (RGB)")

    files, labels, classes = _choose(path, splits, split)
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
    return ImageSet(f"folder:{path} {split}", images, labels, classes)


def _list_splits(root: Path) -> dict[str, tuple[list[Path], torch.Tensor, tuple[str, ...]]]:
    """For each split that `root` has: its files, their labels (N,), and the classes."""
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}; give folder:PATH an existing one")
    splits = {name: _list_split(root / name) for name in SPLITS if (root / name).is_dir()}
    if not splits:
        raise FileNotFoundError(
            f"{root} has no folder train, validation or test; put the images into "
            f"{root / 'train'}/<class> and {root / 'test'}/<class>"
        )
    (one, (_, _, classes)), *others = splits.items()
    for other, (_, _, its_classes) in others:
        for name in sorted(set(classes) ^ set(its_classes)):
            has, lacks = (one, other) if name in classes else (other, one)
            raise ValueError(
                f"class {name!r} is in {root / has} and not in {root / lacks}; "
                f"give every split the same classes"
            )
    return splits


def _list_split(folder: Path) -> tuple[list[Path], torch.Tensor, tuple[str, ...]]:
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and not _is_clutter(p))
    if not classes:
        raise FileNotFoundError(
            f"{folder} has no class folders; put the images into {folder}/<class>"
        )
    files, labels = [], []
    for label, name in enumerate(classes):
        members = _list_files(folder / name)
        if not members:
            raise ValueError(f"class {folder / name} has no images; add some or remove the folder")
        files += members
        labels += [label] * len(members)
    return files, torch.tensor(labels), tuple(classes)


def _list_files(folder: Path) -> list[Path]:
    """All files below `folder`, in the order of their names, whatever order the disk gives."""
    files = []
    for p in sorted(folder.iterdir(), key=lambda p: p.name):
        if not _is_clutter(p):
            files += _list_files(p) if p.is_dir() else [p]
    return files


def _is_clutter(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in ("thumbs.db", "desktop.ini")


def _choose(path, splits, split) -> tuple[list[Path], torch.Tensor, tuple[str, ...]]:
    """Files, labels and classes of `split`; a missing validation is a tenth of train."""
    if split in splits and (split != "train" or "validation" in splits):
        return splits[split]
    if split == "test" or "train" not in splits:
        raise FileNotFoundError(
            f"{path} has no folder {split}, only {' and '.join(splits)}; "
            f"put images into {Path(path) / split}/<class>"
        )
    files, labels, classes = splits["train"]
    kept, held = hold_out(labels, 0.1)
    if split == "validation" and len(held) == 0:
        raise ValueError(
            f"{Path(path) / 'train'} has one image a class, too few to hold any out; "
            f"add images or a folder {Path(path) / 'validation'}"
        )
    indices = kept if split == "train" else held
    return [files[i] for i in indices.tolist()], labels[indices], classes


def _height_width(size, largest, first: Image.Image) -> tuple[int, int]:
    if largest is not None:
        if size is not None:
            raise ValueError(f"size={size!r} and largest={largest!r}: give one of them")
        return (min(first.height, first.width, largest),) * 2
    if size is None:
        return first.height, first.width
    pair = size if isinstance(size, tuple | list) else (size, size)
    try:
        height, width = (operator.index(n) for n in pair)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(f"size={size!r}: give a whole number of pixels, or a pair (H, W) of them")
    return height, width
