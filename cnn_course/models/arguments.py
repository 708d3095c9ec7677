"""What networks are given, sizes and names and images, and what is said where it does not fit."""

import operator
import re
import traceback
from pathlib import Path

import torch
from torch import nn

# What PyTorch says where a tensor does not fit a layer, and where there is no room for one.
SHAPE = re.compile("shape|size|channel|dimension|more than 1 value")
TORCH = Path(torch.__file__).parent
MEMORY = re.compile("memory|alloc|Storage size")


def forward(model: nn.Module, images: torch.Tensor):
    """What `model` makes of `images` (N, C, H, W); ValueError where it does not take their shape.

    PyTorch's error, which is the cause, speaks of the first of its layers that they do not fit.
    What goes wrong in anybody else's code is told by that.
    """
    try:
        return model(images)
    except (RuntimeError, ValueError) as error:
        text = str(error).partition("\n")[0]
        *_, last = traceback.walk_tb(error.__traceback__)
        of_torch = Path(last[0].f_code.co_filename).is_relative_to(TORCH)
        if not of_torch or MEMORY.search(text) or not SHAPE.search(text):
            raise
        raise ValueError(
            f"the model does not take images of shape {tuple(images.shape[1:])} ({text}); give "
            "images of the size and the channels that it was built for"
        ) from error


def at_least(least: int, network: str, **sizes: int) -> None:
    """ValueError for a size that is no whole number, or less than what the network needs."""
    for name, value in sizes.items():
        try:
            if isinstance(value, bool):
                raise TypeError
            fits = operator.index(value) >= least
        except TypeError:
            raise ValueError(f"{name}={value!r}: give a whole number, {least} or more") from None
        if not fits:
            raise ValueError(f"{name}={value}: {network} needs {least} or more")


def check_widths(network: str, fewest: int = 0, **widths) -> None:
    """ValueError for what is no tuple or list of widths, or one of less than `fewest`."""
    for name, value in widths.items():
        if not isinstance(value, tuple | list) or len(value) < fewest:
            raise ValueError(f"{name}={value!r}: give a tuple of channels, such as (16, 32)")
        for width in value:
            at_least(1, network, **{name: width})


def layer_of(activation) -> nn.Module:
    """The layer that `activation` makes, as nn.ReLU does; ValueError where it makes none."""
    try:
        layer = activation() if callable(activation) else None
    except TypeError:  # an activation itself, or a function of tensors
        layer = None
    if not isinstance(layer, nn.Module):
        raise ValueError(f"activation={activation!r}: give what makes a layer, such as nn.ReLU")
    return layer


def choose(argument: str, name: str, **choices):
    """What `name` stands for among the `choices`; ValueError, with the names there are, if none."""
    if name not in choices:
        raise ValueError(f"{argument}={name!r}: give one of {', '.join(map(repr, choices))}")
    return choices[name]
