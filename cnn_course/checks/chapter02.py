"""The checks of chapter 02's exercises."""

import torch
from torch.nn import functional as F

from cnn_course.arithmetic import conv_output_size, receptive_field
from cnn_course.checks.answers import cases_of, hinted, kind, whole_number
from cnn_course.checks.values import show, tensor, whole


def _side(answer) -> str | None:
    hints = {
        # 27 // 2, or (28 − 5 + 2) // 2 + 1
        13: "That is one too few: position 0 counts too, and the padding lies at both sides.",
        12: "That is without the padding.",  # 23 // 2 + 1
        11: "That is without the padding, and position 0 counts too.",  # 23 // 2
        15: "That is rounded up; a step that does not fit is not taken.",
        28: "That is with stride 1. Here the kernel takes steps of 2.",
    }
    return whole_number(answer, 14, hints)


def _with_groups(answer) -> str | None:
    weights = 5 * 5 * 8 * 64
    hints = {
        weights: "These are the weights; each filter has a bias too.",
        4 * weights
        + 64: "That is without groups: each filter sees the channels of its group alone.",
        weights // 4 + 64: "All four groups have weights, and there are 64 filters in all.",
        (weights + 64) // 4: "All four groups have weights, and there are 64 filters in all.",
        weights + 1: "Each of the 64 filters has a bias of its own.",
    }
    return whole_number(answer, weights + 64, hints)


def _same_padding(answer) -> str | None:
    sizes = [(3, 1), (5, 1), (1, 1), (7, 1), (3, 2), (5, 3), (7, 4)]
    mistakes = [
        (
            lambda f, d: d * (f - 1),
            "Padding counts one side; yours is that of both together.",
        ),
        (lambda f, d: (f - 1) // 2, "A dilated kernel spans D (F − 1) + 1 pixels."),
    ]
    return hinted(answer, cases_of(lambda f, d: d * (f - 1) // 2, *sizes), mistakes)


def _mover(answer) -> str | None:
    kernel = tensor(answer)
    if kernel is None or kernel.shape != (3, 3):
        return f"A tensor of shape (3, 3) is asked for; this is {show(answer)}."
    image = torch.arange(1.0, 13).view(3, 4)
    moved = F.conv2d(image[None, None], kernel.float()[None, None], padding=1)[0, 0]
    if torch.allclose(moved, F.pad(image, (1, -1)), atol=1e-5):
        return None
    hints = {
        (-1, 1): "It moves the image to the left: an output takes the pixel under the 1.",
        (0, 0, 1, -1): "It moves the image down; a kernel's first index is its row.",
        (0, 0, -1, 1): "It moves the image up; a kernel's first index is its row.",
        (0, 0): "It leaves the image where it is: the 1 in the middle takes the pixel itself.",
    }
    for sides, hint in hints.items():
        if torch.allclose(moved, F.pad(image, sides), atol=1e-5):
            return hint
    return f"{show(image)} should become {show(F.pad(image, (1, -1)))} and became {show(moved)}."


def _slide_by(answer) -> str | None:
    generator = torch.Generator().manual_seed(2)
    cases = []
    for height, width, f, stride in [(3, 3, 3, 1), (5, 5, 3, 2), (4, 6, 2, 3), (7, 8, 3, 2)]:
        x = torch.randint(5, (height, width), generator=generator).float()
        k = torch.randint(-2, 3, (f, f), generator=generator).float()
        cases.append(((x, k, stride), _strided(x, k, stride)))
    reason = "It calls a convolution of torch's; write the sum over each window yourself."
    mistakes = [
        (
            lambda x, k, stride: _strided(x, k.flip(0, 1), stride),
            "It flips the kernel, which PyTorch does not.",
        ),
        (
            lambda x, k, stride: _strided(x, k, 1),
            "It takes every position; the kernel moves by `stride` pixels at a time.",
        ),
    ]
    return hinted(answer, cases, mistakes, without=("conv",), reason=reason)


def _strided(x, k, stride):
    return F.conv2d(x[None, None], k[None, None], stride=stride)[0, 0]


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
            return f"Layer {number}: with this padding some positions see nothing but padding."
        seen = {place + dilation * jump * i for place in seen for i in range(kernel)}
        jump *= layer.get("stride", 1)
    if fields[-1].size < 31:
        return f"One position sees {fields[-1].size} pixels across; at least 31 are asked for."
    if len(seen) < fields[-1].size:
        return f"In a row of {fields[-1].size} pixels, one position reads only {len(seen)}."
    if side < 32:
        return f"An image of 64×64 gives a map of {side}×{side}; at least 32×32 is asked for."
    return None


def _colours(answer) -> str | None:
    weight = tensor(answer)
    if weight is None or weight.shape != (2, 3, 3, 3):
        shape = "" if weight is None else f" of shape {tuple(weight.shape)}"
        found = f"a tensor{shape}" if weight is not None else show(answer)
        return f"A tensor of shape (2, 3, 3, 3) is asked for, filter first; this is {found}."
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    wanted = torch.zeros(2, 3, 3, 3)
    wanted[0, :, 1, 1] = torch.tensor([1, -0.5, -0.5])
    wanted[1] = sobel / 3
    weight = weight.float()
    close = [torch.allclose(weight[o], wanted[o], atol=1e-2) for o in (0, 1)]
    if all(close):
        return None
    if torch.allclose(weight, wanted.flip(0), atol=1e-2):
        return "The two filters are swapped: map 0 is the redness, map 1 the edges."
    if not close[0]:
        middle = ", ".join(f"{value:g}" for value in weight[0, :, 1, 1].tolist())
        around = weight[0].clone()
        around[:, 1, 1] = 0
        hint = " All its other weights are 0, since only the pixel itself counts."
        return (
            "Filter 0 should have 1, −0.5 and −0.5 in the middle of its three slices; yours has "
            f"{middle} there.{hint if around.abs().max() > 1e-2 else ''}"
        )
    if torch.allclose(weight[1], wanted[1] * 3, atol=1e-2):
        return "Filter 1 adds the three channels up; their mean is asked for."
    if torch.allclose(weight[1], -wanted[1], atol=1e-2):
        return "Filter 1 gives left minus right; kernel C is right minus left."
    if torch.allclose(weight[1], wanted[1].transpose(1, 2), atol=1e-2):
        return "Filter 1 finds horizontal edges: its slices are kernel D's."
    return (
        "Filter 1 should have kernel C, divided by 3, as each of its three slices; its first "
        f"slice is {show(weight[1, 0])}."
    )


CHECKS = {
    "2.1": _side,
    "2.2": _with_groups,
    "2.3": _same_padding,
    "2.4": _mover,
    "2.5": _slide_by,
    "2.6": _far,
    "2.7": _colours,
}
