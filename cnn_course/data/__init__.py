"""All data of the course come from `load`, as one `ImageSet` of bytes in memory."""

import os

from cnn_course.data.cache import cache_folder
from cnn_course.data.decoding import read_image
from cnn_course.data.digits import prepare_digit, read_digit
from cnn_course.data.embedded import mnist_m, mnist_sample
from cnn_course.data.folders import read_folder
from cnn_course.data.full import FULL_SIDES, read_full, split_mnist
from cnn_course.data.images import ImageSet, hold_out
from cnn_course.names import SPLITS, check_data, check_split

__all__ = [
    "SPLITS",
    "ImageSet",
    "load",
    "prepare_digit",
    "read_digit",
    "read_image",
    "split_mnist",
]

SIDES = {"mnist-sample": 28, "mnist-m": 32} | FULL_SIDES  # height and width


def load(
    name: str,
    split: str = "train",
    *,
    download: bool = False,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    largest: int | None = None,
    root: str | os.PathLike | None = None,
) -> ImageSet:
    """Load the `split` "train", "validation" or "test" of a data set. Two loads give equal bytes.

    - `mnist-sample`: 5,000 digits of MNIST's training split, 1×28×28; 3,500, 500 and 1,000 of them.
    - `mnist-m`: the same digits turned, scaled, moved and in colour, over patches of photographs
      and among fragments of other digits, 3×32×32, in the style of MNIST-M (Ganin et al. 2016) and
      of cluttered MNIST (Mnih et al. 2014). Fragments are of digits of the same split, and patches
      of different splits share no pixel. Made once, then kept.
    - `mnist`, `cifar10`: the full data sets, through torchvision. `download=True` fetches them
      where they are missing. Validation is taken from the training split: for `mnist` the 5,000
      digits of `mnist-sample`, for `cifar10` 500 images a class.
    - `folder:PATH`: your own images, in `PATH/train/<class>/` and `PATH/test/<class>/`; one of the
      two is enough. `PATH/validation` may be called `val`, `valid` or `dev` too. Where there is
      none, a tenth of each class of `train` is held out, at least one image where there are two,
      and `train` is the rest. Classes and files are taken in the order of their names; subfolders
      of a class count, once each, and hidden files do not.

    Images of a folder, of any format that Pillow reads, are turned upright (EXIF), transparent
    ones are laid over white, 16 bits are scaled to 8, and an animation gives its first frame.
    Floats from 0 to 1 are scaled to 0 to 255; floats and integers of 32 bits that reach from 0 to
    255 (floats at least to 16) are bytes as they are; all others are refused. Then
    each is made `size` (one number, or H and W) with `channels` (1 or 3): scaled in proportion,
    antialiased, until it covers that size, and cropped at the centre. The defaults are those of the
    first image, of `train` where there is one, so that all splits agree; with `largest`, which
    takes the place of `size`, the images are squares whose side is the first one's shorter side, or
    `largest` where that is less. Only `folder:PATH` takes `size` and `channels`; the others, whose
    images are squares of one size, are refused where that is more than `largest`.

    `root` is the folder where `mnist-m`, `mnist` and `cifar10` are kept: by default that of the
    environment variable CNN_COURSE_CACHE, or else ~/.cache/cnn_course.

    Raises ValueError for an unknown name or split and for images that cannot be used, and
    FileNotFoundError or another OSError for data that are not there or cannot be read.
    """
    check_split(split)
    check_data(name)
    if largest is not None and (not isinstance(largest, int) or largest < 1):
        raise ValueError(f"largest={largest!r}: give a whole number of pixels, 1 or more")
    kind, _, path = str(name).partition(":")
    if kind == "folder":
        return read_folder(path, split, size, channels, largest)
    if size is not None or channels is not None:
        raise ValueError(
            f"{name} has one size and one number of channels; leave out size= and channels="
        )
    if largest is not None and largest < SIDES[name]:
        raise ValueError(
            f"largest={largest!r}: the images of {name} are {SIDES[name]}×{SIDES[name]}; "
            f"leave out largest="
        )

    if name == "mnist-sample":
        return mnist_sample(split)
    if name == "mnist-m":
        return mnist_m(split, root)
    full = read_full(name, split != "test", cache_folder(root), download)
    if split == "test":
        return full
    kept, held = split_mnist(full) if name == "mnist" else hold_out(full.labels, 0.1)
    return full.subset(kept if split == "train" else held, f"{name} {split}")
