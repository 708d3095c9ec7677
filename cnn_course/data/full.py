"""The full data sets, as torchvision keeps them on disk and fetches them: MNIST and CIFAR-10."""

from pathlib import Path

import torch

from cnn_course.data.cache import why_not_writable
from cnn_course.data.embedded import DIGITS, mnist_sample
from cnn_course.data.images import ImageSet, hold_out, is_among
from cnn_course.names import SPLITS

FULL_SIDES = {"mnist": 28, "cifar10": 32}  # height and width
KEPT = {"mnist": "MNIST", "cifar10": "cifar-10-batches-py"}  # torchvision's folders


def read_full(name: str, train: bool, root: Path, download: bool) -> ImageSet:
    """The training or the test split of MNIST or CIFAR-10, as torchvision has it on disk."""
    import torchvision  # here, because importing it takes as long as importing torch

    dataset = {"mnist": torchvision.datasets.MNIST, "cifar10": torchvision.datasets.CIFAR10}[name]
    try:
        data = dataset(root, train=train, download=download)
    except Exception as error:  # files that are damaged raise all sorts
        if download:
            reason = why_not_writable(root)
            if reason:
                raise OSError(
                    f"{name} could not be downloaded, because {root} cannot be written ({reason}); "
                    f"set the environment variable CNN_COURSE_CACHE to another folder"
                ) from error
            known = isinstance(error, RuntimeError | OSError)
            reason = " ".join(str(error).split()) if known else "what is there is damaged"
            raise OSError(
                f"{name} could not be downloaded into {root} ({reason}); try again, and where that "
                f"does not help, first move {root / KEPT[name]} elsewhere, if it is there"
            ) from error
        raise FileNotFoundError(
            f'{name} is not in {root}, or not whole; get it with load("{name}", download=True) '
            f"or, on the command line, with --download"
        ) from error
    if name == "mnist":
        images, classes = data.data.unsqueeze(1), DIGITS
    else:
        images, classes = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), data.classes
    side = FULL_SIDES[name]
    if images.shape[2:] != (side, side):
        raise ValueError(
            f"{name} in {root} has images of {'×'.join(map(str, images.shape[2:]))} pixels, and "
            f"not {side}×{side}; move {root / KEPT[name]} elsewhere, and get it again"
        )
    return ImageSet(
        f"{name} {'train' if train else 'test'}", images, torch.as_tensor(data.targets), classes
    )


def split_mnist(full: ImageSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices of what stays for training, and of what chapters show: the digits of `mnist-sample`.

    Files in MNIST's format that hold none of those digits are split like any other data.
    """
    sample = torch.cat([mnist_sample(split).images for split in SPLITS])
    shown = is_among(full.images, sample)
    if not shown.any():
        return hold_out(full.labels, 0.1)
    return (~shown).nonzero().flatten(), shown.nonzero().flatten()
