"""The types of tensors that `cnn_course.ops` takes, and the errors for those that it does not."""

import torch
from torch import Tensor

HALVES = (torch.float16, torch.bfloat16)
FLOATS = (torch.float32, torch.float64, *HALVES)
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
COMPLEX = (torch.complex64, torch.complex128)


def check_tensor(name, value) -> None:
    """TypeError, which names the argument, for what is no tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is of type {type(value).__name__}; give a tensor")


def check_type(name, input, types) -> None:
    """RuntimeError for a tensor of a type that the function `name` does not take."""
    check_tensor("input", input)
    if input.dtype not in types:
        known = ", ".join(str(dtype).removeprefix("torch.") for dtype in types)
        raise RuntimeError(f"{name} takes no input of {input.dtype}; give one of {known}")
