"""Random changes of training images, a whole batch at a time, on the device where it lies."""

import math
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor
from torch.nn import functional as F

from cnn_course.arithmetic import whole


@dataclass(frozen=True)
class Augment:
    """Change each image of a batch by its own random draw: bytes (N, C, H, W) → floats in [0, 1].

    `crop` cuts the image out of itself, padded by so many pixels of reflection at each side; `flip`
    mirrors it left to right with probability ½. Then come, about the image's centre, a rotation by
    up to `rotation` degrees either way, a scaling by up to the fraction `scale` up or down, and a
    move by up to `shift` pixels along each axis, with bilinear interpolation and black outside. At
    last `erase` covers a square of so many pixels a side, centred on any pixel, with the mean
    colour of the batch (cutout, DeVries and Taylor 2017). The draws come from torch's global
    generator. Raises ValueError for settings that cannot be, for images that are no bytes, and
    where one has not so many pixels to reflect.
    """

    crop: int = 0
    flip: bool = False
    rotation: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    erase: int = 0

    def __post_init__(self):
        whole("crop", self.crop, 0)
        whole("erase", self.erase, 0)
        for name, most in (("rotation", math.inf), ("scale", 1), ("shift", math.inf)):
            value = getattr(self, name)
            if not (isinstance(value, Real) and 0 <= value < most):
                limit = " and less than 1" if most == 1 else ""
                raise ValueError(f"{name}={value!r}: give a finite number, 0 or more{limit}")

    def __call__(self, images: Tensor) -> Tensor:
        if images.dtype != torch.uint8 or images.dim() != 4:
            raise ValueError(
                f"images are {images.dtype} of shape {tuple(images.shape)}; give bytes "
                "(N, C, H, W), as an ImageSet has them"
            )
        if self.crop:
            images = _random_crop(images, self.crop)
        if self.flip:
            mirrored = torch.rand(len(images), device=images.device) < 0.5
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        images = images.float() / 255
        if self.rotation or self.scale or self.shift:
            images = self._random_affine(images)
        if self.erase:
            images = _erase_square(images, self.erase)
        return images

    def _random_affine(self, images: Tensor) -> Tensor:
        def draw(limit):
            return (2 * torch.rand(len(images), device=images.device) - 1) * limit

        height, width = images.shape[2:]
        angle, size = torch.deg2rad(draw(self.rotation)), 1 / (1 + draw(self.scale))
        cos, sin = angle.cos() * size, angle.sin() * size
        # grid_sample counts from -1 to 1 along each axis, so a turn has to know both lengths.
        right, down = 2 / width * draw(self.shift), 2 / height * draw(self.shift)
        rows = [cos, -sin * height / width, right], [sin * width / height, cos, down]
        matrix = torch.stack([torch.stack(row, 1) for row in rows], 1)  # (N, 2, 3)
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, align_corners=False)


def _random_crop(images: Tensor, pixels: int) -> Tensor:
    count, _, height, width = images.shape
    if not 0 < pixels < min(height, width):
        raise ValueError(
            f"crop={pixels}: give 0 to {min(height, width) - 1}, as the images are {height}×{width}"
        )
    padded = F.pad(images.float(), (pixels,) * 4, mode="reflect").to(images.dtype)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: (N, C, 2p+1, 2p+1, H, W)
    top, left = torch.randint(2 * pixels + 1, (2, count), device=images.device)
    return windows[torch.arange(count, device=images.device), :, top, left]


def _erase_square(images: Tensor, side: int) -> Tensor:
    count, _, height, width = images.shape
    covered = []
    for length in (height, width):
        first = torch.randint(length, (count, 1), device=images.device) - side // 2
        from_first = torch.arange(length, device=images.device) - first  # (N, length)
        covered.append((from_first >= 0) & (from_first < side))
    rows, columns = covered
    square = rows[:, None, :, None] & columns[:, None, None, :]  # (N, 1, H, W)
    return torch.where(square, images.mean((0, 2, 3), keepdim=True), images)
