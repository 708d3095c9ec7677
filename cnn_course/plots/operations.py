"""The operations of a network in words: what stands at an arrow of `draw_network`."""

import re
from types import SimpleNamespace
from typing import NamedTuple

from torch import Tensor, nn

CONVOLUTION, POOLING, LINEAR, JOIN, OTHER = "convolution", "pooling", "linear", "join", "other"
DETAIL = "detail"  # an activation, a normalization …: joined to the operation that it follows

# Layers of the course itself, and of PyTorch where their class says it less well.
LAYERS = {
    "Normalize": (DETAIL, "normalized"),
    "ScaledTanh": (DETAIL, "scaled tanh"),
    "RBFOutput": (OTHER, "distances to pictures of digits"),
    "Flatten": (OTHER, "flatten"),
    "Sigmoid": (DETAIL, "sigmoid"),
    "Tanh": (DETAIL, "tanh"),
    "LeakyReLU": (DETAIL, "leaky ReLU"),
    "Softmax": (DETAIL, "softmax"),
    "LayerNorm": (DETAIL, "layer norm"),
    "GroupNorm": (DETAIL, "group norm"),
    "MultiheadAttention": (OTHER, "attention"),
}
FUNCTIONS = {
    **dict.fromkeys(("add", "__add__", "__radd__", "add_", "__iadd__"), (JOIN, "add")),
    **dict.fromkeys(("sub", "__sub__", "__rsub__", "__isub__"), (JOIN, "subtract")),
    **dict.fromkeys(("mul", "__mul__", "__rmul__", "mul_", "__imul__"), (JOIN, "multiply")),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack"), (JOIN, "concatenate")),
    **dict.fromkeys(("relu", "relu_"), (DETAIL, "ReLU")),
    **dict.fromkeys(("gelu", "silu", "elu", "softmax", "tanh", "sigmoid"), (DETAIL, None)),
    "max_pool2d": (POOLING, "max pooling"),
    "avg_pool2d": (POOLING, "average pooling"),
    "conv2d": (CONVOLUTION, "conv"),
    "linear": (LINEAR, "linear"),
    "dropout": (DETAIL, "dropout"),
    "flatten": (OTHER, "flatten"),
}
# What changes nothing that a picture could show.
SILENT = ("contiguous", "to", "float", "clone", "detach", "squeeze", "requires_grad_", "__get__")


class Operation(NamedTuple):
    """What is done, in words, its kind, and how many pixels (height, width) its window spans."""

    kind: str
    words: str
    window: tuple[int, int] | None = None


def of_layer(layer: nn.Module, x: Tensor | None, output: Tensor) -> Operation | None:
    """One call of a layer, x → output; None for a layer that does nothing."""
    name = type(layer).__name__
    same_shape = x is not None and x.shape == output.shape
    if isinstance(layer, nn.Identity):
        return None
    if name in LAYERS:
        return Operation(*LAYERS[name])
    if isinstance(layer, nn.Linear):
        return Operation(LINEAR, "linear")
    if "AdaptiveAvgPool" in name or "AdaptiveMaxPool" in name:
        sides = tuple(output.shape[2:])
        kind = "average" if "Avg" in name else "max"
        words = f"global {kind} pooling" if set(sides) == {1} else f"{kind} pooling to {_by(sides)}"
        return Operation(POOLING, words, tuple(x.shape[2:]) if x is not None else None)
    if "BatchNorm" in name:
        return Operation(DETAIL, "batch norm")
    if isinstance(layer, nn.Dropout | nn.Dropout1d | nn.Dropout2d):
        return Operation(DETAIL, f"dropout {layer.p:g}")
    if "Conv" in name and hasattr(layer, "kernel_size"):
        return _convolution(layer, name)
    if hasattr(layer, "kernel_size") and hasattr(layer, "stride"):
        return _pooling(layer, name)
    if name.endswith("Pad2d"):
        sides = layer.padding if isinstance(layer.padding, tuple) else (layer.padding,)
        return Operation(OTHER, "padding " + (", ".join(map(str, dict.fromkeys(sides)))))
    if type(layer).__module__ == "torch.nn.modules.activation":
        return Operation(DETAIL, name)
    elementwise = same_shape and not any(True for _ in layer.parameters())
    return Operation(DETAIL if elementwise else OTHER, _spoken(name))


def of_function(name: str, shape, output: Tensor, args=(), kwargs=None) -> Operation | None:
    """A function called outside of all layers on a tensor of this shape; None for a silent one."""
    # Between (N, C) and (N, C, 1, 1) nothing changes that could be seen.
    same_vector = shape[:2] == output.shape[:2] and {*shape[2:], *output.shape[2:]} == {1}
    if name in SILENT or same_vector:
        return None
    kind, words = FUNCTIONS.get(name, (OTHER, None))
    words = words or name.strip("_").replace("_", " ")
    to_vector = len(shape) == 4 and (output.dim() == 2 or output.shape[2:] == (1, 1))
    if to_vector and name in ("mean", "amax", "adaptive_avg_pool2d", "adaptive_max_pool2d"):
        kind, words = POOLING, f"global {'max' if 'max' in name else 'average'} pooling"
    if name in ("max_pool2d", "avg_pool2d"):
        given = dict(zip(("input", "kernel_size", "stride", "padding"), args, strict=False))
        return _pooling(SimpleNamespace(**{"stride": None} | given | (kwargs or {})), words)
    if len(shape) > 2 and output.dim() == 2 and name in ("view", "reshape"):
        words = "flatten"
    if kind == JOIN:  # with a number or a parameter, unless the caller finds a second branch
        kind = OTHER
    if kind == OTHER and shape == output.shape:
        kind = DETAIL
    return Operation(kind, words)


def _convolution(layer, name: str) -> Operation:
    kernel, stride = _pair(layer.kernel_size), _pair(getattr(layer, "stride", 1))
    padding, groups = getattr(layer, "padding", 0), getattr(layer, "groups", 1)
    words = f"conv {_by(kernel)}"
    if groups > 1:
        depthwise = groups == layer.in_channels
        words = f"depthwise {words}" if depthwise else f"{words} in {groups} groups"
    if getattr(layer, "transposed", False):
        words = f"transposed {words}"
    if name == "TableConv2d":
        words += " by a table"
    if isinstance(padding, str) or set(_pair(padding)) != {0}:
        mode = getattr(layer, "padding_mode", "zeros")
        text = padding if isinstance(padding, str) else _by(_pair(padding), square=False)
        words += f", {'' if mode == 'zeros' else mode + ' '}padding {text}"
    if set(stride) != {1}:
        words += f", stride {_by(stride, square=False)}"
    dilation = _pair(getattr(layer, "dilation", 1))
    if set(dilation) != {1}:
        words += f", dilation {_by(dilation, square=False)}"
    window = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    return Operation(CONVOLUTION, words, None if "transposed" in words else window)


def _pooling(layer, name: str) -> Operation:
    kernel = _pair(layer.kernel_size)
    stride = _pair(kernel if layer.stride is None else layer.stride)
    padding = _pair(getattr(layer, "padding", 0))
    kinds = {"MaxPool2d": "max pooling", "AvgPool2d": "average pooling"}
    words = kinds.get(name) or _spoken(name)
    words += f" {_by(kernel)}"
    if set(padding) != {0}:
        words += f", padding {_by(padding, square=False)}"
    if stride != kernel:
        words += f", stride {_by(stride, square=False)}"
    return Operation(POOLING, words, kernel)


def _spoken(name: str) -> str:
    """The name of a class as words: EncoderLayer → encoder layer."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).split()
    return " ".join(part.lower() if part[1:].islower() else part for part in parts)


def _pair(value) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _by(sides, square: bool = True) -> str:
    """5×5; with `square` false one number where both are equal."""
    sides = sides[:1] if not square and len(set(sides)) == 1 else sides
    return "×".join(map(str, sides))
