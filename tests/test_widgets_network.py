"""The forward passes in JavaScript give PyTorch's numbers: read and compared by node."""

import numpy as np
import torch
from javascript import passes_by_node
from torch.nn import functional as F

# kernel, stride, padding, dilation, groups, channels in, channels out, height, width, with a bias
GEOMETRIES = [
    (3, 1, 0, 1, 1, 1, 1, 9, 9, True),
    (1, 1, 0, 1, 1, 8, 4, 5, 6, False),
    (5, 2, 2, 1, 1, 3, 6, 28, 28, True),
    (3, 1, 2, 2, 1, 2, 3, 11, 7, True),
    (2, 3, 1, 3, 2, 4, 6, 10, 13, True),
    (3, 1, 1, 1, 16, 16, 16, 8, 8, False),
    (7, 4, 6, 2, 1, 2, 1, 6, 6, True),
    (3, 1, 4, 1, 1, 1, 2, 2, 2, True),  # whole positions lie in the padding
    ((3, 2), (2, 1), (1, 0), (1, 2), 1, 2, 2, 9, 8, True),
    (3, 2, 1, 1, 1, 64, 8, 32, 32, False),  # a long sum
    (1, 2, 0, 1, 1, 5, 7, 9, 9, True),
    (2, 1, 0, 1, 3, 6, 9, 2, 2, True),  # a single position
]


def randn(*shape):
    """float32 numbers, computed with in float64: so that errors are JavaScript's alone."""
    return torch.randn(*shape).double()


def tensor(values):
    return {"shape": list(values.shape), "data": values.flatten().tolist()}


def cases():
    torch.manual_seed(0)
    for f, s, p, d, g, m, n, h, w, bias in GEOMETRIES:
        kernel = f if isinstance(f, tuple) else (f, f)
        x, weight = randn(m, h, w), randn(n, m // g, *kernel)
        b = randn(n) if bias else None
        options = {"stride": s, "padding": p, "dilation": d, "groups": g}
        y = F.conv2d(x[None], weight, b, **options)[0]
        args = [tensor(x), tensor(weight), b if b is None else tensor(b), options]
        yield f"conv2d {m} → {n} by {f}, {options}", "conv2d", args, tensor(y)

    x = randn(3, 9, 10) - 1
    for f, s, p in (2, 2, 0), (3, 2, 1), (3, 1, 1), ((2, 3), (1, 2), (1, 1)):
        options = {"stride": s, "padding": p}
        y = F.max_pool2d(x[None], f, **options)[0]
        yield f"maxPool2d {f} {options}", "maxPool2d", [tensor(x), f, options], tensor(y)
        for zeros in True, False:
            y = F.avg_pool2d(x[None], f, **options, count_include_pad=zeros)[0]
            args = [tensor(x), f, options | {"countIncludePad": zeros}]
            yield f"avgPool2d {f} {args[2]}", "avgPool2d", args, tensor(y)
    yield "maxPool2d 3", "maxPool2d", [tensor(x), 3], tensor(F.max_pool2d(x[None], 3)[0])

    v, weight, b = randn(400), randn(120, 400), randn(120)
    yield "linear", "linear", [tensor(v), tensor(weight), tensor(b)], tensor(F.linear(v, weight, b))
    yield "linear, no bias", "linear", [tensor(v), tensor(weight)], tensor(F.linear(v, weight))
    yield "silu", "silu", [tensor(100 * x)], tensor(F.silu(100 * x))
    for size in 1, 3, (4, 7), (9, 10):
        y = F.adaptive_avg_pool2d(x, size)
        yield f"adaptiveAvgPool2d {size}", "adaptiveAvgPool2d", [tensor(x), size], tensor(y)
    for size in 32, (9, 10), (4, 23), 1:
        y = F.interpolate(x[None], size, mode="bilinear")[0]
        yield f"interpolate {size}", "interpolate", [tensor(x), size], tensor(y)
    yield "relu", "relu", [tensor(x)], tensor(F.relu(x))
    for size in 1, 100:  # the second would overflow, were the largest not subtracted
        logits = size * randn(10)
        yield f"softmax × {size}", "softmax", [tensor(logits)], tensor(logits.softmax(0))

    rng = np.random.default_rng(0)
    for _ in range(100):
        w, f, s, p, d = rng.integers((1, 1, 1, 0, 1), (40, 8, 5, 7, 5)).tolist()
        if w + 2 * p >= d * (f - 1) + 1:
            layer = torch.nn.Conv2d(1, 1, f, s, p, d, device="meta")
            size = layer(torch.empty(1, 1, w, w, device="meta")).shape[-1]
            yield f"outputSize {w, f, s, p, d}", "outputSize", [w, f, s, p, d], size


def test_node_finds_the_numbers_of_pytorch(node, tmp_path):
    keys = ("name", "call", "args", "expected")
    written = [dict(zip(keys, case, strict=True)) for case in cases()]
    passes_by_node(node, "network.test.js", written, tmp_path, len(written) + 2)
