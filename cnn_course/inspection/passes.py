"""Passes through a network that leave it as it was."""

from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from itertools import chain

import torch
from torch import Tensor, nn

from cnn_course.arithmetic import whole
from cnn_course.models.arguments import forward


@contextmanager
def as_found(model: nn.Module):
    """Evaluation mode, with gradients; gives a place for hooks. The model is restored behind.

    The hooks are removed, each layer returns to its mode and each buffer to its values, and no
    random number is used up. No caller's `no_grad` or `inference_mode` reaches inside.
    """
    like = a_weight(model)
    devices = [like.device] if like.is_cuda else []
    training = {layer: layer.training for layer in model.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
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
            for buffer, before in buffers:
                buffer.copy_(before)


@contextmanager
def one_pass(model: nn.Module, input_shape: tuple[int, ...], count: int = 1):
    """Random images (count, *input_shape) and a place for hooks; the model is restored behind."""
    try:
        channels, height, width = (whole("input_shape", n, 1) for n in input_shape)
    except (TypeError, ValueError):
        message = f"input_shape={input_shape!r}: give (channels, height, width)"
        raise ValueError(message) from None
    count = whole("samples", count, 1)
    like = a_weight(model)
    if like.is_meta:  # shapes without values, which take no memory
        x = torch.empty(count, channels, height, width, device="meta")
    else:
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(count, channels, height, width, generator=generator).to(like)
    with as_found(model) as hook:
        yield x, hook


def a_weight(model: nn.Module) -> Tensor:
    """A parameter or buffer of floats, for the type and the device that `model` works with."""
    tensors = chain(model.parameters(), model.buffers())
    return next((x for x in tensors if x.is_floating_point()), torch.empty(0))


def prepared(model: nn.Module, images: Tensor) -> Tensor:
    """A copy of `images` (N, C, H, W), with the type and on the device of the model."""
    shape = tuple(getattr(images, "shape", ()))
    if not isinstance(images, Tensor) or len(shape) != 4 or 0 in shape:
        raise ValueError(
            f"images is a {type(images).__name__} of shape {shape}; give a tensor (N, C, H, W), "
            "one image as image[None]"
        )
    if not images.is_floating_point():
        raise ValueError(f"images are of {images.dtype}; give floats in [0, 1]: images / 255")
    return images.detach().to(a_weight(model)).clone()


def name_of(layer: str | nn.Module, model: nn.Module) -> str:
    """The name of the layer, as `layer_table` has it: "(model)" for the model itself."""
    names = {name or "(model)": part for name, part in model.named_modules(remove_duplicate=False)}
    if isinstance(layer, nn.Module):
        same = [name for name, part in names.items() if part is layer]
        if not same:
            kind = type(layer).__name__
            raise ValueError(f"this {kind} is no layer of the model; give one of the model's own")
        return same[0]
    if (layer or "(model)") not in names:
        near = ", ".join(get_close_matches(str(layer), names, 3, cutoff=0))
        raise ValueError(f"layer={layer!r} is none of the model's, such as {near}; see layer_table")
    return layer or "(model)"


def pass_through(model: nn.Module, x: Tensor, name: str, hook) -> tuple[Tensor, Tensor]:
    """The maps (N, channels, h, w) that the layer `name` gives for x, and the model's output.

    `hook` is that of `as_found`. ValueError where the layer gives none, or is not called once.
    """
    found = []

    def keep(layer, inputs, output):
        found.append(output)
        # What comes behind gets a copy: a ReLU in place would change the maps that are kept.
        return output.clone() if isinstance(output, Tensor) else None

    layer = model.get_submodule("" if name == "(model)" else name)
    hook(layer.register_forward_hook(keep))
    output = forward(model, x.clone())  # a copy here as well: the first layer may work in place
    if len(found) != 1:
        raise ValueError(f"layer {name} is called {len(found)} times; give one that is called once")
    (maps,) = found
    if not isinstance(maps, Tensor) or maps.dim() != 4:
        shape = tuple(getattr(maps, "shape", ()))
        raise ValueError(f"layer {name} gives no maps (N, C, H, W) but the shape {shape}")
    return maps, output
