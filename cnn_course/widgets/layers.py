"""A network as a list of its layers, for layers.js: weights of 8 bits, batch norms folded."""

import numpy as np
from torch import Tensor, nn

from cnn_course.models.basic import Layers, Normalize
from cnn_course.models.modern import InvertedBlock, ResidualBlock
from cnn_course.quantization import SCALE
from cnn_course.widgets.base import encode

PLAIN = {nn.ReLU: "relu", nn.SiLU: "silu"}


def described(layer: nn.Module, name: str, tensors: dict[str, Tensor]) -> list[dict]:
    """The layers that `layer` consists of, whose name in the network is `name`.

    `tensors` are what `quantization.to_int8` made of the network's state. A batch normalization
    behind a convolution goes into its scales and biases, which come out as in evaluation. Raises
    ValueError for a layer that layers.js does not know.
    """
    if isinstance(layer, Layers):
        return described(layer.layers, f"{name}layers", tensors)
    if isinstance(layer, nn.Sequential):
        return _one_after_another(layer, name, tensors)
    if isinstance(layer, ResidualBlock):
        return [
            _sum(layer, ("body", "shortcut"), name, tensors),
            *described(layer.activation, f"{name}.activation", tensors),
        ]
    if isinstance(layer, InvertedBlock):
        body = described(layer.body, f"{name}.body", tensors)
        return [{"name": "add", "branches": [body, []]}] if layer.same else body
    if isinstance(layer, nn.Identity):
        return []
    if isinstance(layer, Normalize):
        mean, sd = (values.flatten().tolist() for values in (layer.mean, layer.sd))
        return [{"name": "normalize", "mean": mean, "sd": sd}]
    if isinstance(layer, nn.MaxPool2d):
        options = {"stride": layer.stride, "padding": layer.padding}
        return [{"name": "maxPool2d", "kernel": layer.kernel_size, "options": options}]
    if type(layer) in PLAIN:
        return [{"name": PLAIN[type(layer)]}]
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return [weighted(layer, name, tensors)]
    raise ValueError(f"layer {name} is a {type(layer).__name__}, which no page can compute yet")


def weighted(
    layer: nn.Conv2d | nn.Linear,
    name: str,
    tensors: dict[str, Tensor],
    norm: nn.BatchNorm2d | None = None,
) -> dict:
    """A convolution or a linear layer, and the batch normalization that comes behind it."""
    integers = tensors[f"{name}.weight"].numpy()
    scale = tensors[f"{name}.weight{SCALE}"].double().numpy()
    bias = np.zeros(len(scale)) if layer.bias is None else layer.bias.detach().double().numpy()
    if norm is not None:
        gain, shift, mean, variance = (
            values.detach().double().numpy()
            for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        )
        gain = gain / np.sqrt(variance + norm.eps)
        scale, bias = scale * gain, (bias - mean) * gain + shift
    found = {
        "name": "linear",
        "shape": list(integers.shape),
        "weight": encode(integers),
        "scale": encode(scale.astype(np.float32)),
        "bias": encode(bias.astype(np.float32)),
    }
    if isinstance(layer, nn.Conv2d):
        names = ("stride", "padding", "dilation")
        options = {key: list(getattr(layer, key)) for key in names} | {"groups": layer.groups}
        found |= {"name": "conv2d", "options": options}
    return found


def _one_after_another(layers: nn.Sequential, name: str, tensors: dict[str, Tensor]) -> list[dict]:
    found, folded, children = [], None, list(layers.named_children())
    for n, (child, layer) in enumerate(children):
        after = children[n + 1][1] if n + 1 < len(children) else None
        inner = f"{name}.{child}"
        if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
            found.append(weighted(layer, inner, tensors, after))
            folded = after
        elif layer is not folded:
            found += described(layer, inner, tensors)
    return found


def _sum(block: nn.Module, branches: tuple, name: str, tensors: dict[str, Tensor]) -> dict:
    lists = [described(getattr(block, b), f"{name}.{b}", tensors) for b in branches]
    return {"name": "add", "branches": lists}
