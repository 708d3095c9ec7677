"""What lies in a folder of images: `PATH/train/<class>/*`, `PATH/test/<class>/*`."""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import torch

from cnn_course.names import SPLITS, unprintable

FOLDERS = {  # the names, in any case, that the folder of a split may have
    "train": ("train",),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test",),
}
CLUTTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir")


@dataclass
class Listing:
    """One split: its folder, its files, their labels (N,) and the names of its classes."""

    folder: Path
    files: list[Path]
    labels: torch.Tensor
    classes: tuple[str, ...]


def list_splits(path: str) -> dict[str, Listing]:
    """The splits that the folder `path` has, in the order of `SPLITS`.

    Raises FileNotFoundError, PermissionError or another OSError for what is not there or cannot be
    read, and ValueError for names and layouts that cannot be used.
    """
    try:
        root = Path(path).expanduser()
    except RuntimeError:  # no such user, or no HOME
        raise FileNotFoundError(
            f"there is no home folder for {path!r}; give folder:PATH the whole path"
        ) from None
    _check_name(root, str(root), "give folder:PATH a folder of another name")
    try:
        return _list_splits(root)
    except OSError as error:
        if error.errno is None:  # one of our own sentences
            raise
        raise type(error)(
            f"{error.filename} cannot be read ({error.strerror}); "
            f"check its name and your rights to it"
        ) from None


def _list_splits(root: Path) -> dict[str, Listing]:
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}; give folder:PATH an existing one")
    folders = _split_folders(root)
    if not folders:
        raise FileNotFoundError(
            f"{root} has no folder train, validation or test; {_what_was_meant(root)}"
        )
    splits = {name: _list_split(folder) for name, folder in folders.items()}
    one, *others = splits.values()
    for other in others:
        for name in sorted(set(one.classes) ^ set(other.classes)):
            has, lacks = (one, other) if name in one.classes else (other, one)
            raise ValueError(
                f"class {name!r} is in {has.folder} and not in {lacks.folder}; "
                f"give every split the same classes"
            )
    return splits


def _split_folders(root: Path) -> dict[str, Path]:
    found = {}
    for p in sorted(root.iterdir(), key=lambda p: p.name):
        split = _split_of(p.name)
        if split is None or not (p.is_dir() or p.is_symlink()):
            continue
        if not p.is_dir():
            raise FileNotFoundError(f"{p} is a link to no folder; mend it or give it another name")
        if split in found:
            raise ValueError(
                f"{found[split]} and {p} are both the {split} set; "
                f"put them together, or give one of them another name"
            )
        found[split] = p
    return {split: found[split] for split in SPLITS if split in found}


def _split_of(name: str) -> str | None:
    return next((split for split, names in FOLDERS.items() if name.lower() in names), None)


def _what_was_meant(root: Path) -> str:
    """What to do about a folder without splits: often, the path is one level too deep or high."""
    full = Path(os.path.abspath(root))
    children = sorted(p for p in root.iterdir() if not _is_clutter(p) and p.is_dir())
    if _split_of(full.name) and children:
        above = root.parent if root.name and root.parent.name else full.parent
        return f"give folder:{above}, which holds {full.name}"
    for p in children:
        if os.access(p, os.R_OK | os.X_OK) and _split_folders(p):
            return f"give folder:{p}, which has {' and '.join(_split_folders(p))}"
    return f"put the images into {root / 'train'}/<class> and {root / 'test'}/<class>"


def _list_split(folder: Path) -> Listing:
    # A link that leads back up is no class.
    above = _above(folder) | {_identity(folder)}
    folders = [p for p in _entries(folder) if p.is_dir() and _identity(p) not in above]
    if not folders:
        raise FileNotFoundError(
            f"{folder} has no class folders; put the images into {folder}/<class>"
        )
    files, labels, classes = [], [], []
    for label, class_folder in enumerate(folders):
        name = unicodedata.normalize("NFC", class_folder.name)
        if name in classes:
            raise ValueError(
                f"{folder} has two folders named {name!r}, spelt with other bytes; rename one"
            )
        members = _list_files(class_folder)
        if not members:
            raise ValueError(
                f"class {class_folder} has no images; add some or move the folder away"
            )
        classes.append(name)
        files += members
        labels += [label] * len(members)
    return Listing(folder, files, torch.tensor(labels), tuple(classes))


def _list_files(folder: Path) -> list[Path]:
    """All files below `folder`, in the order of their names, whatever order the disk gives."""
    # A link may lead back to a folder that was seen, or to one that holds this one.
    seen = _above(folder)
    files, waiting = [], [folder]
    while waiting:
        p = waiting.pop()
        if p.is_dir():
            if _identity(p) not in seen:
                seen.add(_identity(p))
                waiting += reversed(_entries(p))
        elif p.is_file():
            files.append(p)
        elif p.is_symlink() and not p.exists():
            raise FileNotFoundError(f"{p} is a link to nothing; mend it, or move it elsewhere")
        else:
            raise ValueError(f"{p} is neither a file nor a folder; move it elsewhere")
    return files


def _above(folder: Path) -> set[tuple[int, int]]:
    """The folders that hold `folder`, where it is and on the way that it was given."""
    return {
        _identity(p) for p in (*folder.resolve().parents, *Path(os.path.abspath(folder)).parents)
    }


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _entries(folder: Path) -> list[Path]:
    """What `folder` holds but for clutter, in the order of the names, however they are encoded."""
    entries = [p for p in folder.iterdir() if not _is_clutter(p)]
    for p in entries:
        _check_name(p, p.name, "rename it")
    return sorted(entries, key=lambda p: (unicodedata.normalize("NFC", p.name), p.name))


def _check_name(path: Path, name: str, remedy: str) -> None:
    if wrong := unprintable(name):
        raise ValueError(f"the name {str(path)!r} {wrong}; {remedy}")


def _is_clutter(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in CLUTTER
