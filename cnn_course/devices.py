"""Where to compute."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import nn


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, else CNN_COURSE_DEVICE, else CUDA where there is one, else the CPU.

    An empty name is none. Raises ValueError for a device that cannot compute here.
    """
    name, origin = device, ""
    if name in (None, ""):
        name, origin = os.environ.get("CNN_COURSE_DEVICE"), " (CNN_COURSE_DEVICE)"
    if name in (None, ""):
        name, origin = "cuda" if torch.cuda.is_available() else "cpu", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            device = torch.device(name)
            torch.zeros(1, device=device).item()  # "meta" holds no values
    except Exception as error:  # backends that are missing raise all sorts
        raise ValueError(f"device {str(name)!r}{origin} cannot be used here; try 'cpu'") from error
    return device


@contextmanager
def on_device(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Within the block `model` is on `device`; behind it, it is where it was, whatever happened.

    So what comes from the CPU goes on taking images from the CPU, with a GPU as without. All of
    the model is taken to lie on one device.
    """
    home = next(chain(model.parameters(), model.buffers()), torch.empty(0)).device
    try:
        model.to(device)  # a full GPU breaks off half way
        yield
    finally:
        model.to(home)
