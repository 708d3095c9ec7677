"""Where to compute."""

import os
import warnings

import torch


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, else CNN_COURSE_DEVICE, else CUDA where there is one, else the CPU.

    An empty name is none. Raises ValueError for a device that cannot compute here.
    """
    name, origin = device, ""
    if name in (None, ""):
        name, origin = os.environ.get("CNN_COURSE_DEVICE"), " (CNN_COURSE_DEVICE)"
    if not name:
        name, origin = "cuda" if torch.cuda.is_available() else "cpu", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            device = torch.device(name)
            torch.zeros(1, device=device).item()  # "meta" holds no values
    except Exception as error:  # backends that are missing raise all sorts
        raise ValueError(f"device {str(name)!r}{origin} cannot be used here; try 'cpu'") from error
    return device
