"""The layers of the course from scratch, with the signatures of `torch.nn.functional`.

Images are (N, C, H, W), or (C, H, W) for a single one. All but `conv2d_loops` are differentiable
by autograd. Strides, paddings and dilations are ints or pairs. They take the types that PyTorch's
own take on the CPU, and give the same type: floats are summed in float32 or wider, whole numbers
exactly, and what is too large for the type wraps around. Raises ValueError for what does not fit,
and, as PyTorch, RuntimeError for types and TypeError for what is no tensor or no whole number.
`dropout` and `batch_norm` are written in `cnn_course.normalizing`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from cnn_course.arithmetic import IntOrPair, conv_output_size, pair, whole
from cnn_course.dtypes import COMPLEX, FLOATS, HALVES, WHOLE, check_tensor, check_type
from cnn_course.normalizing import batch_norm, dropout

__all__ = [
    "avg_pool2d",
    "batch_norm",
    "conv2d",
    "conv2d_loops",
    "dropout",
    "max_pool2d",
    "relu",
]


def conv2d_loops(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair | str = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution as its definition says, one output at a time: slow, and for reading.

    Arguments and result as in `conv2d`.
    """
    input, weight, bias = _autocast(input, weight, bias)
    x, out_size, (stride_h, stride_w), (dilation_h, dilation_w) = _prepare(
        input, weight, bias, stride, padding, dilation, groups
    )
    out_channels, in_channels, height, width = weight.shape  # in_channels: of one group
    widest = torch.int64 if x.dtype in WHOLE else torch.promote_types(x.dtype, torch.float64)
    output = x.new_zeros(len(x), out_channels, *out_size, dtype=widest)
    for n in range(len(x)):
        for o in range(out_channels):
            first = o // (out_channels // groups) * in_channels  # the group's first channel
            for i in range(out_size[0]):
                for j in range(out_size[1]):
                    total = 0 if bias is None else bias[o].item()
                    for c in range(in_channels):
                        for u in range(height):
                            for v in range(width):
                                row = i * stride_h + u * dilation_h
                                column = j * stride_w + v * dilation_w
                                pixel = x[n, first + c, row, column].item()
                                total += weight[o, c, u, v].item() * pixel
                    if isinstance(total, int):  # Python's have no end; int64 wraps around
                        total = (total + 2**63) % 2**64 - 2**63
                    output[n, o, i, j] = total
    output = output.to(x.dtype)
    return output if input.dim() == 4 else output[0]


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrPair = 1,
    padding: IntOrPair | str = 0,
    dilation: IntOrPair = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution by im2col: all windows as columns of a matrix, then one matrix product.

    input (N, C_in, H, W), weight (C_out, C_in / groups, F_h, F_w), bias (C_out,)
    → (N, C_out, H_out, W_out), as `torch.nn.functional.conv2d`. `padding` may be "valid" or "same".
    The method is Chellapilla et al. 2006. All three are of one type; under autocast they become so.
    """
    input, weight, bias = _autocast(input, weight, bias)
    x, out_size, stride, dilation = _prepare(input, weight, bias, stride, padding, dilation, groups)
    windows = _windows(x, weight.shape[2:], stride, dilation)
    # One matrix product for each group of each image; a kernel has so many weights:
    products, weights = len(x) * groups, weight[0].numel()
    columns = windows.reshape(products, weights, out_size[0] * out_size[1])  # the copy
    kernels = weight.reshape(groups, len(weight) // groups, weights)
    kernels = kernels.expand(len(x), -1, -1, -1).reshape(products, len(weight) // groups, weights)
    if bias is None:
        output = torch.bmm(kernels, columns)
    else:
        biases = bias.reshape(groups, len(weight) // groups, 1)
        biases = biases.expand(len(x), -1, -1, -1).reshape(products, len(weight) // groups, 1)
        output = torch.baddbmm(biases, kernels, columns)  # the product, and the bias on top
    output = output.reshape(len(x), len(weight), *out_size)
    return output if input.dim() == 4 else output[0]


def max_pool2d(
    input: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    dilation: IntOrPair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest value of each window: (N, C, H, W) → (N, C, H_out, W_out).

    Without `stride` the windows lie side by side. Padding counts as −∞, or as the smallest of the
    whole numbers of the type, so it is never the largest.
    With `return_indices` also where it stood, row · W + column in `input`: int64, the same shape.
    Of equal values that is the first, and of several nan the last; for a window of nothing but
    padding the index has no meaning.
    """
    check_type("max_pool2d", input, FLOATS + WHOLE)
    lowest = -torch.inf if input.is_floating_point() else torch.iinfo(input.dtype).min
    windows, (kernel, stride, padding, out_size) = _pool_windows(
        input, kernel_size, stride, padding, dilation, ceil_mode, fill=lowest
    )
    windows = windows.flatten(2, 3)  # (N, C, F_h · F_w, H_out, W_out)
    # `max` of one axis sends the gradient to one place; `amax` would share it between equals.
    output, place = windows.max(2)  # place: counted within the window
    if not return_indices:
        return output if input.dim() == 4 else output[0]
    last_nan = windows.shape[2] - 1 - windows.isnan().byte().flip(2).argmax(2)
    place = torch.where(output.isnan(), last_nan, place)
    indices = []
    for i, in_window in enumerate((place // kernel[1], place % kernel[1])):  # row and column
        step = _pair("dilation", dilation, least=1)[i]
        first = torch.arange(out_size[i], device=input.device) * stride[i] - padding[i]
        # Where nothing is larger than the padding, it is the first pixel that is not padding.
        inside = torch.where(first < 0, first % step, first)
        first, inside = (x[:, None] if i == 0 else x for x in (first, inside))
        indices.append(torch.where(output == lowest, inside, first + in_window * step))
    indices = indices[0] * input.shape[-1] + indices[1]
    return (output, indices) if input.dim() == 4 else (output[0], indices[0])


def avg_pool2d(
    input: Tensor,
    kernel_size: IntOrPair,
    stride: IntOrPair | None = None,
    padding: IntOrPair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window: (N, C, H, W) → (N, C, H_out, W_out).

    The padding's zeros count as pixels unless `count_include_pad` is False; what a window of
    `ceil_mode` has beyond the padding never does. `divisor_override` divides by that instead.
    Of int64, the only whole numbers that have means, the part behind the point is cut off.
    """
    check_type("avg_pool2d", input, (*FLOATS, torch.int64))
    windows, (kernel, stride, padding, out_size) = _pool_windows(
        input, kernel_size, stride, padding, 1, ceil_mode, fill=0
    )
    # Halves would overflow, and do not have every whole number to count with.
    total = windows.sum((2, 3), dtype=torch.float32 if input.dtype in HALVES else None)
    if divisor_override is not None:
        divisor = whole("divisor_override", divisor_override, least=-(2**63))
        if divisor == 0:
            raise ValueError("divisor_override=0: give a number other than 0, or None")
    else:
        counts = [
            _counted(*axis, count_include_pad)
            for axis in zip(input.shape[-2:], kernel, stride, padding, out_size, strict=True)
        ]
        divisor = torch.outer(*counts).to(total)
    rounding = None if input.is_floating_point() else "trunc"
    output = torch.div(total, divisor, rounding_mode=rounding).to(input.dtype)
    return output if input.dim() == 4 else output[0]


def relu(input: Tensor) -> Tensor:
    """max(x, 0) of each number, of any shape. The gradient at 0 is 0, as in PyTorch."""
    check_type("relu", input, FLOATS + WHOLE)
    return torch.where(input <= 0, torch.zeros_like(input), input)  # and a nan stays nan


def _windows(x: Tensor, kernel, stride, dilation) -> Tensor:
    """All windows of `x` (N, C, H, W) as a view: (N, C, F_h, F_w, H_out, W_out), nothing copied."""
    for axis in (0, 1):
        span = dilation[axis] * (kernel[axis] - 1) + 1
        x = x.unfold(2 + axis, span, stride[axis])  # a new last axis, along the window
        if dilation[axis] > 1:
            x = x[..., :: dilation[axis]]
    return x.permute(0, 1, 4, 5, 2, 3)


def _autocast(input, weight, bias) -> tuple[Tensor, Tensor, Tensor | None]:
    """The three as they are, but under `torch.autocast`, as PyTorch's own, in its type."""
    named = {"input": input, "weight": weight} | ({} if bias is None else {"bias": bias})
    for name, value in named.items():
        check_tensor(name, value)
    device = input.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        to = torch.get_autocast_dtype(device)
        cast = {torch.float32, *HALVES}  # and float64 stays
        named = {name: v.to(to) if v.dtype in cast else v for name, v in named.items()}
    return named["input"], named["weight"], named.get("bias")


def _prepare(input, weight, bias, stride, padding, dilation, groups):
    """The padded input (N, C, H, W), the output's size, and stride and dilation as pairs."""
    x = _batched(input)
    if weight.dim() != 4 or len(weight) == 0:
        shape = f"weight has shape {tuple(weight.shape)}"
        raise ValueError(f"{shape}; give (C_out, C_in, F_h, F_w), one kernel or more")
    groups = whole("groups", groups, least=1)
    if len(weight) % groups or x.shape[1] != weight.shape[1] * groups:
        raise ValueError(
            f"{x.shape[1]} channels do not fit a weight of shape {tuple(weight.shape)} with "
            f"groups={groups}; the weight's second number times groups must be {x.shape[1]}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias has shape {tuple(bias.shape)}; give ({len(weight)},)")
    check_type("a convolution", input, FLOATS + WHOLE + COMPLEX)
    for name, other in (("weight", weight), ("bias", input if bias is None else bias)):
        if other.dtype != input.dtype:
            types = f"input is of type {input.dtype} and {name} of {other.dtype}"
            raise RuntimeError(f"{types}; give all of one type")
    kernel = tuple(weight.shape[2:])
    stride, dilation = _pair("stride", stride, least=1), _pair("dilation", dilation, least=1)
    if dilation != (1, 1) and x.dtype in WHOLE[1:]:
        raise RuntimeError(f"PyTorch dilates no convolution of {x.dtype}; give int64 or floats")
    size = tuple(x.shape[2:])
    if isinstance(padding, str):
        before, after = _named_padding(padding, kernel, stride, dilation)
        size, padding = tuple(map(sum, zip(size, before, after, strict=True))), 0
    else:
        before = after = padding = _pair("padding", padding, least=0)
    out_size = conv_output_size(size, kernel, stride, padding, dilation)
    return F.pad(x, (before[1], after[1], before[0], after[0])), out_size, stride, dilation


def _named_padding(padding, kernel, stride, dilation):
    """Pixels before and after, on both axes, for "valid" and "same"."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding != "same":
        raise ValueError(f'padding={padding!r}: give "valid", "same" or whole numbers')
    if stride != (1, 1):
        raise ValueError(f'padding="same" needs stride=1, not {stride}')
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    # Where it cannot be halved, the larger part comes after, as in PyTorch.
    return tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)


def _pool_windows(input, kernel_size, stride, padding, dilation, ceil_mode, fill):
    x = _batched(input)
    kernel, padding = _pair("kernel_size", kernel_size, least=1), _pair("padding", padding, least=0)
    dilation = _pair("dilation", dilation, least=1)
    none = stride is None or (isinstance(stride, tuple | list) and len(stride) == 0)
    stride = kernel if none else _pair("stride", stride, least=1)
    size = tuple(x.shape[2:])
    if x.shape[1] == 0:
        raise ValueError(f"input has shape {tuple(input.shape)}; give one channel or more")
    out_size = conv_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"padding={padding} is more than half of kernel_size={kernel}; give less")
    sides = []
    for i in (1, 0):  # F.pad begins with the last axis
        end = (out_size[i] - 1) * stride[i] + spans[i]  # of the last window, in the padded image
        sides += [padding[i], max(padding[i], end - size[i] - padding[i])]
    x = F.pad(x, sides, value=fill) if any(sides) else x
    windows = _windows(x, kernel, stride, dilation)
    return windows, (kernel, stride, padding, out_size)


def _counted(size, kernel, stride, padding, places, include_pad) -> Tensor:
    """How many pixels of each window along one axis are counted: (places,)."""
    first = torch.arange(places) * stride - padding
    end = (first + kernel).clamp(max=size + padding)
    if not include_pad:
        first, end = first.clamp(min=0), end.clamp(max=size)
    return end - first


def _batched(input: Tensor) -> Tensor:
    if input.dim() not in (3, 4):
        raise ValueError(f"input has shape {tuple(input.shape)}; give (N, C, H, W) or (C, H, W)")
    return input if input.dim() == 4 else input[None]


def _pair(name: str, value, least: int) -> tuple[int, int]:
    if isinstance(value, tuple | list) and len(value) == 1:
        value = value[0]  # PyTorch takes it for both axes
    return pair(name, value, least)[0]
