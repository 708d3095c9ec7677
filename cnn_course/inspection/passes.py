"""Passes through a network that leave it as it was."""

from contextlib import ExitStack, contextmanager
from itertools import chain

import torch
from torch import Tensor, nn


@contextmanager
def as_found(model: nn.Module):
    """Evaluation mode, with gradients; gives a place for hooks. The model is restored behind.

    The hooks are removed, each layer returns to its mode, and no random number is used up. No
    caller's `no_grad` or `inference_mode` reaches inside.
    """
    like = a_weight(model)
    devices = [like.device] if like.is_cuda else []
    training = {layer: layer.training for layer in model.modules()}
    # With gradients, also where none are asked for: without them attention takes a fused path,
    # whose operations are not counted.
    gradients = (torch.inference_mode(False), torch.enable_grad())
    with ExitStack() as hooks, gradients[0], gradients[1], torch.random.fork_rng(devices):
        try:
            model.eval()
            yield lambda handle: hooks.callback(handle.remove)
        finally:
            for layer, mode in training.items():
                layer.training = mode


@contextmanager
def one_pass(model: nn.Module, input_shape: tuple[int, ...], count: int = 1):
    """Random images (count, *input_shape) and a place for hooks; the model is restored behind."""
    if len(input_shape) != 3 or not all(isinstance(n, int) and n > 0 for n in input_shape):
        raise ValueError(f"input_shape={input_shape!r}: give (channels, height, width)")
    like = a_weight(model)
    if like.is_meta:  # shapes without values, which take no memory
        x = torch.empty(count, *input_shape, device="meta")
    else:
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(count, *input_shape, generator=generator).to(like)
    with as_found(model) as hook:
        yield x, hook


def a_weight(model: nn.Module) -> Tensor:
    """A parameter or buffer of floats, for the type and the device that `model` works with."""
    tensors = chain(model.parameters(), model.buffers())
    return next((x for x in tensors if x.is_floating_point()), torch.empty(0))
