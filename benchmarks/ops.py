"""Rows of `make bench`: our convolutions against `torch.nn.functional.conv2d`.

The shapes are those of LeNet-5 and of a small CIFAR-10 network, 64 images at a time.
"""

from statistics import median

import torch
from timing import ratio
from torch.nn import functional as F

from cnn_course import ops

PYTORCH = "F.conv2d"
BATCH, WARM_UP, ROUNDS = 64, 3, 15
# Input channels, output channels, kernel, side of the image, padding.
SHAPES = [
    (1, 6, 5, 28, 2),
    (6, 16, 5, 14, 0),
    (3, 32, 3, 32, 1),
    (32, 64, 3, 16, 1),
    (64, 128, 3, 8, 1),
]


def forward_and_backward(conv2d, x, weight, bias, padding):
    """Two functions without arguments: the forward pass, and the backward pass of a kept one."""
    output = conv2d(x, weight, bias, 1, padding)
    gradient = torch.ones_like(output)

    def forward():
        with torch.no_grad():
            conv2d(x, weight, bias, 1, padding)

    def backward():
        torch.autograd.grad(output, (x, weight, bias), gradient, retain_graph=True)

    return forward, backward


def ratios(c_in, c_out, kernel, side, padding) -> tuple[float, float]:
    """Medians of im2col's time over PyTorch's, forward and backward."""
    torch.manual_seed(0)
    x = torch.randn(BATCH, c_in, side, side, requires_grad=True)
    weight = torch.randn(c_out, c_in, kernel, kernel, requires_grad=True)
    bias = torch.randn(c_out, requires_grad=True)
    ours = forward_and_backward(ops.conv2d, x, weight, bias, padding)
    theirs = forward_and_backward(F.conv2d, x, weight, bias, padding)
    pairs = zip(ours, theirs, strict=True)
    return tuple(ratio(our, their, WARM_UP, ROUNDS) for our, their in pairs)


def loops_ratio() -> float:
    """The loops' time over PyTorch's, on one image and a shape that is small enough for them."""
    x, weight = torch.randn(1, 1, 14, 14), torch.randn(2, 1, 5, 5)
    return ratio(lambda: ops.conv2d_loops(x, weight), lambda: F.conv2d(x, weight), WARM_UP, ROUNDS)


def rows():
    """What is timed, against what, and how many times as fast it is."""
    measured = zip(*(ratios(*shape) for shape in SHAPES), strict=True)
    for part, column in zip(("forward", "backward"), measured, strict=True):
        yield f"conv2d by im2col, {part}, median of 5 shapes", PYTORCH, 1 / median(column)
    yield "conv2d by loops, one image", PYTORCH, 1 / loops_ratio()
