"""The checks of chapter 02's exercises."""

import torch
from torch.nn import functional as F

from cnn_course.arithmetic import conv_output_size, receptive_field
from cnn_course.checks.answers import function, kind, whole_number
from cnn_course.checks.values import show, tensor, whole


def _side(answer) -> str | None:
    hints = {
        13: "That is one too few: the place at 0 counts too, and the padding lies at both sides.",
        12: "That is without the padding.",
        28: "With stride 1. Here the kernel takes steps of 2.",
    }
    return whole_number(answer, 14, hints)


def _with_groups(answer) -> str | None:
    weights = 5 * 5 * 8 * 64
    hints = {
        weights: "These are the weights; each kernel has a bias too.",
        4 * weights
        + 64: "That is without groups: each kernel sees the channels of its group alone.",
        (weights + 64) // 4: "All four groups have weights, and there are 64 kernels in all.",
    }
    return whole_number(answer, weights + 64, hints)


def _same_padding(answer) -> str | None:
    cases = [(3, 1), (5, 1), (1, 1), (7, 1), (3, 2), (5, 3), (7, 4)]
    return function(answer, [((f, d), d * (f - 1) // 2) for f, d in cases])


def _mover(answer) -> str | None:
    kernel = tensor(answer)
    if kernel is None or kernel.shape != (3, 3):
        return f"A tensor of shape (3, 3) is asked for; this is {show(answer)}."
    image = torch.arange(1.0, 13).view(3, 4)
    moved = F.conv2d(image[None, None], kernel.float()[None, None], padding=1)[0, 0]
    if torch.allclose(moved, F.pad(image, (1, -1)), atol=1e-5):
        return None
    if torch.allclose(moved, F.pad(image, (-1, 1)), atol=1e-5):
        return "It moves the image to the left."
    return f"{show(image)} should become {show(F.pad(image, (1, -1)))} and became {show(moved)}."


def _slide_by(answer) -> str | None:
    generator = torch.Generator().manual_seed(2)
    cases = []
    for height, width, f, stride in [(3, 3, 3, 1), (5, 5, 3, 2), (4, 6, 2, 3), (7, 8, 3, 2)]:
        x = torch.randint(5, (height, width), generator=generator).float()
        k = torch.randint(-2, 3, (f, f), generator=generator).float()
        expected = F.conv2d(x[None, None], k[None, None], stride=stride)[0, 0]
        cases.append(((x, k, stride), expected))
    reason = "It calls a convolution of torch's; write the sum over each window yourself."
    return function(answer, cases, without=("conv",), reason=reason)


def _far(answer) -> str | None:
    if not isinstance(answer, list | tuple) or not all(isinstance(one, dict) for one in answer):
        return "A list of dictionaries is asked for, one for each layer."
    if not 1 <= len(answer) <= 4:
        return f"It has {len(answer)} layers; one to four are allowed."
    layers = []
    for number, layer in enumerate(answer, start=1):
        layers.append({key: whole(value) for key, value in layer.items()})
        for key, value in layers[-1].items():
            if value is None:
                return f"Layer {number}: {key} must be a whole number; {kind(layer[key])}."
    fields = receptive_field(layers)  # says what is wrong with a layer
    side, seen, jump = 64, {0}, 1
    for number, layer in enumerate(layers, start=1):
        kernel, dilation = layer["kernel_size"], layer.get("dilation", 1)
        side = conv_output_size(side, **layer)
        if kernel > 3:
            return f"Layer {number}: give a kernel_size of 3 or less; this is {kernel}."
        if layer.get("padding", 0) > dilation * (kernel - 1):
            return f"Layer {number}: with this padding some places see nothing but padding."
        seen = {place + dilation * jump * i for place in seen for i in range(kernel)}
        jump *= layer.get("stride", 1)
    if fields[-1].size < 31:
        return f"One place sees {fields[-1].size} pixels across; at least 31 are asked for."
    if len(seen) < fields[-1].size:
        return f"In a row of {fields[-1].size} pixels, one place reads only {len(seen)}."
    if side < 32:
        return f"An image of 64×64 gives a map of {side}×{side}; at least 32×32 is asked for."
    return None


CHECKS = {
    "2.1": _side,
    "2.2": _with_groups,
    "2.3": _same_padding,
    "2.4": _mover,
    "2.5": _slide_by,
    "2.6": _far,
}
