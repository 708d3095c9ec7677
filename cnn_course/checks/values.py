"""Values as a reader may give them, in Python's, NumPy's or torch's types; and how to show one.

The first four give None for what is not of their kind.
"""

import math
import numbers
import operator
import re
import reprlib

import numpy as np
import torch
from torch import Tensor

SHOWN = 16  # numbers of a tensor, at most; of a larger one the shape says more


def whole(value) -> int | None:
    """A whole number of any type: an int, an integer of NumPy, a tensor with one integer."""
    value = _alone(value)
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except Exception:  # whatever an object's own __index__ raises
        return None


def real(value) -> float | None:
    """A number of any type, whole or not: also a tensor or an array with one number in it."""
    value = _alone(value)
    if isinstance(value, bool | complex) or not isinstance(value, numbers.Number):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def truth(value) -> bool | None:
    """True or False of any type."""
    value = _alone(value)
    return value if isinstance(value, bool) else None


def tensor(value) -> Tensor | None:
    """A tensor on the CPU, without gradient, of a tensor, an array, or nested lists of numbers."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = value.dequantize() if value.is_quantized else value.to_dense()
        return None if value.is_complex() else value.resolve_conj()
    if isinstance(value, list | tuple):
        parts = [tensor(part) for part in value]
        if any(part is None for part in parts) or len({part.shape for part in parts}) > 1:
            return None
        return torch.stack(parts) if parts else torch.empty(0)
    if hasattr(value, "__array__"):
        value = np.asarray(value)
        # Torch takes neither views that run backwards nor another machine's order of bytes.
        value = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
    elif not isinstance(value, numbers.Real):
        return None
    try:
        found = torch.tensor(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    # Python's floats have the precision of float64, and so do they here.
    return torch.tensor(value, dtype=torch.float64) if isinstance(value, float) else found


def show(value) -> str:
    """A short text for a value: a small tensor by its numbers, a large one by its shape."""
    if value is ...:
        return "the three dots"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, Tensor | np.ndarray) and math.prod(value.shape) > SHOWN:
        return f"<{type(value).__name__} of shape {tuple(value.shape)}>"
    if isinstance(value, Tensor):
        value = value.detach().to_dense()
    if isinstance(value, Tensor | np.ndarray):
        return _numbers(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        text = _numbers(value)
        return f"{text}.0" if text.lstrip("-").isdigit() else text
    # On one line, and without the place in memory, which says nothing and differs each time.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(reprlib.repr(value).split()))


def _numbers(value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_numbers, value))}]"
    return f"{value:.6g}" if isinstance(value, float) else reprlib.repr(value)


def _alone(value):
    """The one number of a tensor or of an array, as Python has it; everything else as it is."""
    if isinstance(value, Tensor | np.ndarray | np.generic) and math.prod(value.shape) == 1:
        return value.item()
    return value
