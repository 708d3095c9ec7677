"""Weights as integers of 8 bits: a quarter of the size, which suits phones and web pages."""

import torch
from torch import Tensor

SCALE = ".scale"  # behind the name of a weight: the name of what its integers are multiplied by


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Integers from −127 to 127, int8 of the shape of `weight`, and a scale for each output.

    weight (C_out, …) ≈ integers · scale, with scale (C_out,) the largest weight of the output
    over 127; each weight is off by half a scale at most. Symmetric, per channel (Jacob et al. 2018;
    Krishnamoorthi 2018). Raises ValueError for numbers that are not finite.
    """
    if not weight.isfinite().all():
        raise ValueError("weight has numbers that are not finite, which have no integers")
    largest = weight.flatten(1).abs().amax(1)
    scale = torch.where(largest > 0, largest, 1.0) / 127
    return (weight / _along_outputs(scale, weight)).round().to(torch.int8), scale


def dequantize(integers: Tensor, scale: Tensor) -> Tensor:
    """The weights that `quantize` gives, as float32 of the same shape."""
    return integers * _along_outputs(scale, integers)


def to_int8(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A network's state with the weights of its convolutions and linear layers as integers.

    Biases, normalizations and statistics, which are few, stay as they are.
    """
    small = {}
    for name, tensor in state.items():
        if name.endswith("weight") and tensor.dim() > 1:
            small[name], small[name + SCALE] = quantize(tensor)
        else:
            small[name] = tensor
    return small


def from_int8(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a network, with float weights, of what `to_int8` gave; another as it is.

    Raises KeyError for integers without their scale.
    """
    return {
        name: dequantize(tensor, tensors[name + SCALE]) if tensor.dtype == torch.int8 else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }


def _along_outputs(scale: Tensor, weight: Tensor) -> Tensor:
    return scale.view(*weight.shape[:1], *[1] * (weight.dim() - 1))
