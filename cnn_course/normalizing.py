"""Dropout and batch normalization from scratch; `cnn_course.ops` offers them with the others."""

import torch
from torch import Tensor

from cnn_course.dtypes import FLOATS, HALVES, check_tensor, check_type


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each number becomes 0 with probability `p`, and the others are divided by 1 − p.

    Any shape, and the same shape: as `torch.nn.functional.dropout`, and on the CPU with the same
    draws of torch's generator. The mean over the draws is `input`, which is why nothing is done
    where `training` is False (Srivastava et al. 2014 scaled there instead). `inplace` changes
    `input` itself. Numbers are dropped from floats alone; other types pass where nothing is.
    Raises ValueError for a `p` outside of [0, 1].
    """
    check_tensor("input", input)
    _check_number("p", p)
    if not 0 <= p <= 1:
        raise ValueError(f"p={p}: give a probability, from 0 to 1")
    _check_flag("training", training)
    if not training or p == 0:
        return input
    check_type("dropout", input, FLOATS)
    if p == 1:
        scale = torch.zeros_like(input)
    else:
        scale = torch.empty_like(input).bernoulli_(1 - p) / (1 - p)  # 0, or 1 / (1 − p)
    return input.mul_(scale) if inplace else input * scale


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel with mean 0 and variance 1, then times `weight` plus `bias`.

    input (N, C) or (N, C, …), the others (C,) → the shape of `input`, as
    `torch.nn.functional.batch_norm`. In training, mean and variance are those of the channel in
    this batch, and `running_mean` and `running_var`, where they are given, move towards them by the
    part `momentum`; the variance that they are given has n − 1 in its denominator, the one that is
    divided by has n. Otherwise the running ones are used, and stay. The method is Ioffe and
    Szegedy's (2015).

    All are of one type, or the others are float32 for an input of 16 bits. Raises ValueError for
    shapes that do not fit and for a single value a channel in training, which has no variance.
    """
    channels = _check_batch_norm(input, running_mean, running_var, weight, bias, training)
    _check_number("momentum", momentum)
    _check_number("eps", eps)
    if not eps >= 0 or (training and eps == 0):  # NaN is neither
        raise ValueError(f"eps={eps}: give a number above 0")
    if input.numel() == 0:
        return input.clone()
    x = input.float() if input.dtype in HALVES else input  # halves have too few digits for sums
    if training:
        over = [0, *range(2, input.dim())]  # all but the channels
        mean, var = x.mean(over), x.var(over, correction=0)  # (C,)
        if running_mean is not None:
            n = input.numel() // channels
            _move(running_mean, mean, momentum)
            _move(running_var, var * n / (n - 1), momentum)
    else:
        mean, var = running_mean, running_var
    shape = (1, channels) + (1,) * (input.dim() - 2)
    output = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + eps)
    if weight is not None:
        output = output * weight.view(shape)
    if bias is not None:
        output = output + bias.view(shape)
    return output.to(input.dtype)


@torch.no_grad()
def _move(running: Tensor, value: Tensor, momentum: float) -> None:
    running.copy_((1 - momentum) * running + momentum * value)


def _check_batch_norm(input, running_mean, running_var, weight, bias, training) -> int:
    """How many channels there are, or an error for what does not fit."""
    check_type("batch_norm", input, FLOATS)
    _check_flag("training", training)
    if input.dim() < 2:
        raise ValueError(f"input has shape {tuple(input.shape)}; give (N, C) or (N, C, …)")
    if (running_mean is None) != (running_var is None):
        raise ValueError("of running_mean and running_var one is None; give both or neither")
    if running_mean is None and not training:
        raise ValueError("without training=True give a running_mean and a running_var")
    channels = input.shape[1]
    if training and 0 < input.numel() == channels:
        shape = tuple(input.shape)
        raise ValueError(f"input has shape {shape}, one value a channel; give two or more to train")
    others = {"running_mean": running_mean, "running_var": running_var}
    others |= {"weight": weight, "bias": bias}
    others = {name: value for name, value in others.items() if value is not None}
    for name, value in others.items():
        check_tensor(name, value)
        if value.shape != (channels,):
            raise ValueError(f"{name} has shape {tuple(value.shape)}; give ({channels},)")
    found = {value.dtype for value in others.values()}
    allowed = [input.dtype] + [torch.float32] * (input.dtype in HALVES)
    if len(found) > 1 or not found <= set(allowed):
        names = ", ".join(f"{name} {value.dtype}" for name, value in others.items())
        wanted = " or all of ".join(str(dtype) for dtype in allowed)
        raise RuntimeError(f"{names} with an input of {input.dtype}; give all of {wanted}")
    return channels


def _check_number(name, value) -> None:
    try:
        float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name}={value!r}: give a number") from None
    if isinstance(value, str):
        raise TypeError(f"{name}={value!r}: give a number")


def _check_flag(name, value) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name}={value!r}: give True or False")
