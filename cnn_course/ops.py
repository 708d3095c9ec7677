"""Convolution and pooling from scratch, with the signatures of `torch.nn.functional`.

Images are (N, C, H, W), or (C, H, W) for a single one. All but `conv2d_loops` are differentiable
by autograd and take floats of any width. Strides, paddings and dilations are ints or pairs.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from cnn_course.arithmetic import IntOrPair, conv_output_size


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
    x, out_size, (stride_h, stride_w), (dilation_h, dilation_w) = _prepare(
        input, weight, bias, stride, padding, dilation, groups
    )
    out_channels, in_channels, height, width = weight.shape  # in_channels: of one group
    output = x.new_zeros(len(x), out_channels, *out_size)
    for n in range(len(x)):
        for o in range(out_channels):
            first = o // (out_channels // groups) * in_channels  # the group's first channel
            for i in range(out_size[0]):
                for j in range(out_size[1]):
                    total = 0.0 if bias is None else bias[o].item()
                    for c in range(in_channels):
                        for u in range(height):
                            for v in range(width):
                                row = i * stride_h + u * dilation_h
                                column = j * stride_w + v * dilation_w
                                pixel = x[n, first + c, row, column].item()
                                total += weight[o, c, u, v].item() * pixel
                    output[n, o, i, j] = total
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
    The method is Chellapilla et al. 2006. Raises ValueError for shapes that do not fit.
    """
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

    Without `stride` the windows lie side by side. Padding counts as −∞, so it is never the largest.
    With `return_indices` also where it stood, row · W + column in `input`: int64, the same shape;
    for a window of nothing but padding the index has no meaning.
    """
    windows, (kernel, stride, padding, out_size) = _pool_windows(
        input, kernel_size, stride, padding, dilation, ceil_mode, fill=-torch.inf
    )
    # `max` of one axis sends the gradient to one place; `amax` would share it between equals.
    output, place = windows.flatten(2, 3).max(2)  # place: counted within the window
    if not return_indices:
        return output if input.dim() == 4 else output[0]
    in_window = place // kernel[1], place % kernel[1]  # row and column
    first_row, first_column = (
        torch.arange(out_size[i], device=input.device) * stride[i] - padding[i] for i in (0, 1)
    )
    rows = first_row[:, None] + in_window[0] * _pair(dilation)[0]
    columns = first_column + in_window[1] * _pair(dilation)[1]
    indices = rows * input.shape[-1] + columns
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
    """
    if divisor_override == 0:
        raise ValueError("divisor_override=0: give a number other than 0, or None")
    windows, (kernel, stride, padding, out_size) = _pool_windows(
        input, kernel_size, stride, padding, 1, ceil_mode, fill=0.0
    )
    total = windows.sum((2, 3))
    if divisor_override is not None:
        output = total / divisor_override
    else:
        counts = [
            _counted(*axis, count_include_pad)
            for axis in zip(input.shape[-2:], kernel, stride, padding, out_size, strict=True)
        ]
        output = total / torch.outer(*counts).to(total)
    return output if input.dim() == 4 else output[0]


def relu(input: Tensor) -> Tensor:
    """max(x, 0) of each number, of any shape. The gradient at 0 is 0, as in PyTorch."""
    return torch.where(input <= 0, torch.zeros_like(input), input)  # and a nan stays nan


def _windows(x: Tensor, kernel, stride, dilation) -> Tensor:
    """All windows of `x` (N, C, H, W) as a view: (N, C, F_h, F_w, H_out, W_out), nothing copied."""
    for axis in (0, 1):
        span = dilation[axis] * (kernel[axis] - 1) + 1
        x = x.unfold(2 + axis, span, stride[axis])  # a new last axis, along the window
        if dilation[axis] > 1:
            x = x[..., :: dilation[axis]]
    return x.permute(0, 1, 4, 5, 2, 3)


def _prepare(input, weight, bias, stride, padding, dilation, groups):
    """The padded input (N, C, H, W), the output's size, and stride and dilation as pairs."""
    x = _batched(input)
    if weight.dim() != 4:
        raise ValueError(f"weight has shape {tuple(weight.shape)}; give (C_out, C_in, F_h, F_w)")
    if groups < 1 or len(weight) % groups or x.shape[1] != weight.shape[1] * groups:
        raise ValueError(
            f"{x.shape[1]} channels do not fit a weight of shape {tuple(weight.shape)} with "
            f"groups={groups}; the weight's second number times groups must be {x.shape[1]}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias has shape {tuple(bias.shape)}; give ({len(weight)},)")
    kernel, stride, dilation = tuple(weight.shape[2:]), _pair(stride), _pair(dilation)
    size = tuple(x.shape[2:])
    if isinstance(padding, str):
        before, after = _named_padding(padding, kernel, stride, dilation)
        size, padding = tuple(map(sum, zip(size, before, after, strict=True))), 0
    else:
        before = after = padding = _pair(padding)
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
    kernel, padding, dilation = _pair(kernel_size), _pair(padding), _pair(dilation)
    stride = kernel if stride is None or stride in ((), []) else _pair(stride)
    size = tuple(x.shape[2:])
    out_size = conv_output_size(size, kernel, stride, padding, dilation, ceil_mode)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"padding={padding} is more than half of kernel_size={kernel}")
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


def _pair(value) -> tuple[int, int]:
    if isinstance(value, tuple | list):
        # PyTorch takes a list of one number for both axes.
        return tuple(value) if len(value) == 2 else tuple(value) * 2
    return value, value
