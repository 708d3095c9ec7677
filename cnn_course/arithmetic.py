"""Sizes, parameters and work of convolutions and pooling: exact integers, and no torch.

Sizes, kernels, strides, paddings and dilations are whole numbers, or pairs (vertical, horizontal).
Padding counts one side, dilation 1 is an ordinary kernel, as in PyTorch.
"""

import operator
from collections.abc import Iterable
from typing import NamedTuple

IntOrPair = int | tuple[int, int]


class ReceptiveField(NamedTuple):
    """What one place of a layer's map sees of the input, in input pixels.

    `size` is the side of the square that it sees, `jump` the distance between two neighbouring
    places, and `start` the first pixel that place 0 sees: negative where that lies in the padding.
    """

    size: IntOrPair
    jump: IntOrPair
    start: IntOrPair


def conv_output_size(
    size: IntOrPair,
    kernel_size: IntOrPair,
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
) -> IntOrPair:
    """How many places the kernel has: floor((W − D·(F − 1) − 1 + 2P) / S) + 1.

    W is `size`, F `kernel_size`, S `stride`, P `padding` and D `dilation`; with D = 1 this is
    floor((W − F + 2P) / S) + 1 (Dumoulin & Visin 2016). With `ceil_mode`, which pooling has, it is
    rounded up, and as in PyTorch a window that would begin beyond the image and its left padding
    is left out. An int for ints, a pair where any argument is a pair.

    Raises ValueError where the kernel has no place, and for a stride, a kernel or a dilation
    below 1 or a negative padding; TypeError for what is no whole number.
    """
    axes, paired = _axes(
        {"size": size, "kernel_size": kernel_size, "stride": stride, "dilation": dilation},
        {"padding": padding},
    )
    return _join([_places(ceil_mode=ceil_mode, **axis) for axis in axes], paired)


def conv_parameters(
    in_channels: int,
    out_channels: int,
    kernel_size: IntOrPair,
    bias: bool = True,
    groups: int = 1,
) -> int:
    """Trainable numbers of a convolution: (F_h · F_w · C_in / groups + 1) · C_out.

    The + 1 is the bias of each of the C_out kernels, absent with `bias=False`. Raises ValueError
    where `groups` does not divide both channel counts.
    """
    in_channels, out_channels, groups = _channels(in_channels, out_channels, groups)
    (height, width), _ = pair("kernel_size", kernel_size, least=1)
    return (height * width * in_channels // groups + bool(bias)) * out_channels


def conv_macs(
    size: IntOrPair,
    in_channels: int,
    out_channels: int,
    kernel_size: IntOrPair,
    stride: IntOrPair = 1,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> int:
    """Multiply–accumulates of a convolution on one image: F_h · F_w · C_in / groups an output.

    `size` is the image's side, or (height, width). Every product counts, those with the padding's
    zeros too; the bias, which is added and not multiplied, does not.
    """
    places = conv_output_size(size, kernel_size, stride, padding, dilation)
    (height, width), _ = pair("output", places, least=1)
    return height * width * conv_parameters(in_channels, out_channels, kernel_size, False, groups)


def receptive_field(layers: Iterable[dict]) -> list[ReceptiveField]:
    """The receptive field after each layer of a chain (Araujo et al. 2019), the first layer first.

    A layer is a dictionary with `kernel_size` and, where they are not 1, 0 and 1, with `stride`,
    `padding` and `dilation`: `{"kernel_size": 3, "padding": 1}`. All fields are ints, or pairs
    where any layer has a pair. Raises ValueError for a layer with other keys, and TypeError for
    what is no dictionary.
    """
    size, jump, start, paired = [1, 1], [1, 1], [0, 0], False
    steps = []
    for layer in layers:
        if not isinstance(layer, dict):
            raise TypeError(f"{layer!r} is no layer; give a list of dictionaries")
        layer = {"stride": 1, "padding": 0, "dilation": 1} | layer
        padding = {"padding": layer.pop("padding")}
        if set(layer) != {"kernel_size", "stride", "dilation"}:
            raise ValueError(
                f"the layer has the keys {sorted(layer)}; give kernel_size and, where needed, "
                f"stride, padding and dilation"
            )
        axes, layer_paired = _axes(layer, padding)
        paired |= layer_paired
        for i, axis in enumerate(axes):
            start[i] -= axis["padding"] * jump[i]
            size[i] += axis["dilation"] * (axis["kernel_size"] - 1) * jump[i]
            jump[i] *= axis["stride"]
        steps.append((tuple(size), tuple(jump), tuple(start)))
    return [ReceptiveField(*(_join(value, paired) for value in step)) for step in steps]


def _places(size, kernel_size, stride, padding, dilation, ceil_mode) -> int:
    span = dilation * (kernel_size - 1) + 1  # from the kernel's first pixel to its last
    room = size + 2 * padding - span
    places = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (places - 1) * stride >= size + padding:
        places -= 1
    if places < 1:
        raise ValueError(
            f"a kernel that spans {span} has no place in size={size} with padding={padding}; "
            f"give a smaller kernel_size or dilation, or a larger padding"
        )
    return places


def _axes(positive: dict, not_negative: dict) -> tuple[tuple[dict, dict], bool]:
    """The arguments for the vertical and for the horizontal axis, and whether any was a pair."""
    pairs = {name: pair(name, value, least=1) for name, value in positive.items()}
    pairs |= {name: pair(name, value, least=0) for name, value in not_negative.items()}
    axes = tuple({name: pair[i] for name, (pair, _) in pairs.items()} for i in (0, 1))
    return axes, any(paired for _, paired in pairs.values())


def pair(name: str, value, least: int) -> tuple[tuple[int, int], bool]:
    """(vertical, horizontal) from a whole number or a pair of them, and whether it was a pair."""
    if not isinstance(value, tuple | list):
        number = whole(name, value, least)
        return (number, number), False
    if len(value) != 2:
        raise ValueError(f"{name}={value!r}: give a whole number or a pair of them")
    return tuple(whole(name, number, least) for number in value), True


def whole(name: str, value, least: int) -> int:
    """`value`, a whole number of any type, as an int; an error names it where it is none."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r}: give a whole number") from None
    if number < least:
        raise ValueError(f"{name}={number}: give {least} or more")
    return number


def _channels(in_channels, out_channels, groups) -> tuple[int, int, int]:
    in_channels = whole("in_channels", in_channels, least=1)
    out_channels = whole("out_channels", out_channels, least=1)
    groups = whole("groups", groups, least=1)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"{name}={channels} is not divisible by groups={groups}")
    return in_channels, out_channels, groups


def _join(pair, paired: bool) -> IntOrPair:
    return tuple(pair) if paired else pair[0]
