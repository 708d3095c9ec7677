"""What a channel answers to: the squares of real images that excite it most."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnn_course.arithmetic import pair
from cnn_course.inspection.layers import layer_table
from cnn_course.inspection.passes import as_found, prepared
from cnn_course.inspection.receptive import measured_receptive_field
from cnn_course.models.arguments import forward


def strongest_patches(
    part: nn.Module, images: Tensor, channels: Sequence[int], count: int = 6
) -> Tensor:
    """The squares that excite each of `channels` most (Zeiler & Fergus 2014), at most one an image.

    `part` is the beginning of a network, a chain of layers without shortcuts, that ends in a map;
    `images` are floats in [0, 1] of shape (N, C, H, W). For each channel the `count` images are
    found whose largest answer is largest, and of each the square that the answer's position sees is
    cut out. Positions whose square reaches over the image's border are left out. The result has the
    shape (len(channels), count, C, F, F), where F is the side of the receptive field.

    Raises ValueError where no square lies within the image, for channels that are not there, and
    for more patches than images.
    """
    if not 1 <= count <= len(images):
        raise ValueError(f"count={count}: give 1 to {len(images)}, the number of images")
    with as_found(part), torch.no_grad():
        maps = forward(part, prepared(part, images))  # (N, all channels, h, w)
    if getattr(maps, "ndim", 0) != 4:
        raise ValueError("the part gives no maps (N, C, H, W); give the beginning of a network")
    known = range(maps.shape[1])
    if not (isinstance(channels, Sequence) and channels and all(k in known for k in channels)):
        raise ValueError(f"channels={channels!r}: give a list of one or more of 0 to {known[-1]}")
    maps = maps[:, list(channels)]
    shape = tuple(images.shape[1:])
    rows, columns = _squares(part, shape, tuple(maps.shape[2:]))
    if not (rows and columns):
        raise ValueError(
            f"no square that a position sees lies within an image of {shape[1]}×{shape[2]}; give "
            "larger images"
        )
    inside = maps[:, :, list(rows)][..., list(columns)]
    answer, position = inside.flatten(2).max(2)  # (N, channels)
    found = []
    for k in range(len(channels)):
        for n in answer[:, k].topk(count).indices.tolist():
            i, j = divmod(position[n, k].item(), len(columns))
            top, left = list(rows.values())[i], list(columns.values())[j]
            found.append(images[n, :, top, left])
    return torch.stack(found).unflatten(0, (len(channels), count))


def _squares(
    part: nn.Module, shape: tuple[int, ...], positions: tuple[int, int]
) -> list[dict[int, slice]]:
    """Along each axis the pixels of each position that sees a square within the image."""
    middle = measured_receptive_field(part, shape)
    whole, _ = pair("receptive field", layer_table(part, shape).rows[-1].receptive_field, 1)
    found = []
    for axis, length in enumerate(positions):
        field, start, stride = middle.size[axis], middle.start[axis], 1
        for layer in part.modules():
            step = getattr(layer, "stride", 1)
            stride *= step[axis] if isinstance(step, tuple) else step
        starts = {k: start + (k - length // 2) * stride for k in range(length)}
        within = {
            k: slice(first, first + field)
            for k, first in starts.items()
            if first >= 0 and first + field <= shape[1 + axis]
        }
        found.append(within if field == whole[axis] else {})  # else it is cut off at the border
    return found
