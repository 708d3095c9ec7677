"""What one place of a map sees, measured by the gradient on the network's input."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnn_course.arithmetic import pair
from cnn_course.inspection.passes import one_pass
from cnn_course.models.arguments import forward


class MeasuredField(NamedTuple):
    """What one place of a map depends on, as its gradient shows it.

    `gradient` (H, W) is the mean size of the gradient on each pixel, `start` the first row and
    column where it is not 0, and `size` how many rows and columns lie from there to the last.
    """

    size: tuple[int, int]
    start: tuple[int, int]
    gradient: Tensor


def measured_receptive_field(
    model: nn.Module,
    input_shape: tuple[int, ...],
    place: tuple[int, int] | None = None,
    samples: int = 32,
) -> MeasuredField:
    """The receptive field of one place of the map that `model` gives, by the gradient on its input.

    `input_shape` is (C, H, W), `place` the row and column in the output's map, the middle by
    default. The gradient of all channels there is averaged over `samples` random images, since a
    closed ReLU or a lost maximum hides a pixel in one image and not in all. It ends at the image's
    border. Its shape, large in the middle and small outside, is the *effective* receptive field
    (Luo et al. 2016). Raises ValueError where the output is no map or has no such place.
    """
    with one_pass(model, input_shape, samples) as (x, _):
        output = forward(model, x.requires_grad_())
        if output.dim() != 4:
            raise ValueError(
                f"the output has shape {tuple(output.shape)}; give a part of the network that "
                "ends in a map (N, C, H, W)"
            )
        height, width = output.shape[2:]
        i, j = (height // 2, width // 2) if place is None else pair("place", place, 0)[0]
        if not (i < height and j < width):
            raise ValueError(
                f"place={place} is not in the map of {height}×{width}; give one of its positions"
            )
        (gradient,) = torch.autograd.grad(output[:, :, i, j].sum(), x)  # (N, C, H, W)
    gradient = gradient.abs().mean((0, 1)).cpu()
    rows, columns = (gradient.sum(axis).nonzero().flatten() for axis in (1, 0))
    if len(rows) == 0:
        raise ValueError(
            "the gradient is 0 everywhere: the network gives a constant at this place; give "
            "another place, or other weights"
        )
    size = tuple(int(axis[-1] - axis[0]) + 1 for axis in (rows, columns))
    return MeasuredField(size, (int(rows[0]), int(columns[0])), gradient)
