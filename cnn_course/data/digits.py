"""A digit that somebody drew or photographed, prepared as the digits of MNIST were."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from cnn_course.data.decoding import decode, existing

WORKING = 320  # pixels: the longer side of a larger picture is brought down to no more
BOX = 20  # pixels: the longer side of MNIST's digits, in a field of 28
STROKE = 2.5  # pixels: the median width of the strokes in MNIST's digits
FOUR = ndimage.generate_binary_structure(2, 1)
EIGHT = np.ones((3, 3))  # pixels that touch at a corner belong together


def read_digit(file: Path) -> tuple[torch.Tensor, str]:
    """The digit in an image file, prepared by `prepare_digit`: uint8 (1, 28, 28), and what it did.

    Raises FileNotFoundError, or ValueError where the file is no image or shows no digit.
    """
    pixels = decode(existing(file))
    try:
        digit, did = prepare_digit(pixels)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return torch.from_numpy(digit)[None], did


def prepare_digit(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    """One digit in MNIST's form, uint8 (28, 28), bright on black; and a line on what was done.

    `pixels` are uint8, grey (H, W) or RGB (H, W, 3), of any size: dark ink on a light ground or
    light ink on a dark one, drawn or photographed, in uneven light, on ruled paper or on a sheet
    that lies on a table. The digit is the only writing in the picture, and upright. In order:

    1. *Reduce.* Blocks of n×n pixels are averaged, with the least n for which no side is longer
       than 320. Values are from 0 to 1 from here on.
    2. *Grey.* 0.299 R + 0.587 G + 0.114 B; or the one channel with the largest standard deviation,
       where that is more than 1.5 times the grey's (yellow ink on white).
    3. *Polarity.* The border, all pixels at the edge, has one shade where at least 0.4 of it lies
       within 1/255 of its commonest value (in steps of 1/255), and less than three quarters of the
       picture on the other side of the mid-grey, halfway from darkest to lightest. Then the ink is
       dark if that value is above the mid-grey. Otherwise, as in a photograph, it is dark if the
       square roots of all values are on the whole nearer to the largest than to the smallest one in
       the window around them, a square of a third of the longer side: around a stroke there is more
       ground than ink. Light ink is inverted.
    4. *Ground.* The closing of the picture (maximum, then minimum) by a square window of half the
       longer side; where the border has no one shade, of a fifth, with the edge's values continued
       outwards, so that a table beside the sheet is ground too.
    5. *Ink.* (ground − value) / ground, the ground taken as 0.3 of its largest value at least.
       There is none where ground − value is nowhere 0.04 (0.015 where the upper edge is all of one
       value), or where the border has no one shade and the quotient is nowhere 0.15.
    6. *Choose.* What has more than half of the greatest ink falls into connected parts. A part that
       touches two edges, or one edge and is longer than all that touch none, is dropped, if one
       that touches none is at least an eighth of the picture long. The part with the most ink is
       the digit; others belong to it if they have at least 1/20 of its ink and their box meets its
       box, widened by a quarter of its longer side all around.
    7. *Faint traces.* Away from all parts (more than 2 pixels), mean plus three standard deviations
       of the ink, half of the greatest ink at most, is what the paper's lines and grain reach. It
       is subtracted everywhere; what is left and connected to the digit is kept.
    8. *Scale.* The ink's box is resized (bilinear, antialiased) so that its longer side is 20, and
       divided by the upper quartile of its values above a quarter of the greatest: faint ink is
       stretched. Values above 1 become 1.
    9. *Centre.* In 28×28 its centre of mass is brought, by whole pixels, to pixel (14, 14), counted
       from 0, as far as the box stays within the field.
    10. *Thicken.* The width of the strokes is twice the sum of all values, divided by π/4 of the
       sum of all differences between neighbours, across and down, the black around included. Where
       it is less than 2.5 pixels, the median of MNIST's, each pixel becomes at least
       0.75·(2.5 − width) times the greatest of its four neighbours, that factor being 1 at most.

    Raises ValueError where there is no ink, or too little for a digit.
    """
    grey, block = _grey(pixels)
    height, width = grey.shape
    even, dark = _polarity(grey)
    light = grey if dark else 1 - grey
    ground = _ground(light, even)
    ink = (ground - light) / np.maximum(ground, max(0.3 * ground.max(), 1e-6))
    clean = (grey[0] == grey[0, 0]).all()
    if (ground - light).max() < (0.015 if clean else 0.04) or (ink.max() < 0.15 and not even):
        raise ValueError(
            "there is no ink to be seen; give a picture in which the digit stands out from its "
            "ground (what is transparent counts as white)"
        )
    digit = _digit(ink)
    box = digit[ndimage.find_objects((digit > 0).astype(int))[0]]
    if max(box.shape) < 5:
        raise ValueError(
            f"the ink is a speck of {box.shape[1] * block}×{box.shape[0] * block} pixels in "
            f"{width * block}×{height * block}, too small for a digit; draw it larger, or cut the "
            f"picture closer to it"
        )
    small = _scale(box)
    did = [f"{'dark' if dark else 'light'} ink on a {'light' if dark else 'dark'} ground"]
    did += ["inverted"] * bool(dark) + ["uneven light evened out"] * (not even)
    did += ["faint ink stretched"] * bool(ink.max() < 0.5)
    did += [f"scaled to {small.shape[1]}×{small.shape[0]}, centred in 28×28"]
    field = _centre(small)
    thick = _thicken(field)
    did += ["thin strokes thickened"] * bool((thick > field).any())
    return (thick * 255 + 0.5).astype(np.uint8), ", ".join(did)


def _grey(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(
            f"a digit's pixels must be uint8 of shape (H, W) or (H, W, 3), not {pixels.dtype} of "
            f"shape {pixels.shape}"
        )
    block = -(-max(pixels.shape[:2]) // WORKING)
    if not pixels.size:
        raise ValueError(f"a picture of shape {pixels.shape} has no pixels")
    if block > 1:
        pixels = np.asarray(Image.fromarray(pixels).reduce(block))
    values = pixels.astype(np.float32) / 255
    if values.ndim == 2:
        return values, block
    grey = values @ np.array([0.299, 0.587, 0.114], np.float32)
    spread = values.std((0, 1))
    return (values[..., spread.argmax()] if spread.max() > 1.5 * grey.std() else grey), block


def _window(shape: tuple[int, int], share: float) -> int:
    """The side of a square window: that share of the longer side, odd, 3 at least."""
    return max(3, int(share * max(shape) + 0.5)) | 1


def _polarity(grey: np.ndarray) -> tuple[bool, bool]:
    """Whether the border has one shade, and whether the ink is dark."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    common = np.bincount((border * 255 + 0.5).astype(int)).argmax() / 255
    mid_grey = (grey.max() + grey.min()) / 2
    one_shade = (abs(border - common) <= 1.5 / 255).mean() >= 0.4
    if one_shade and ((grey > mid_grey) != (common > mid_grey)).mean() < 0.75:
        return True, bool(common > mid_grey)
    roots, window = np.sqrt(grey), _window(grey.shape, 1 / 3)
    largest, least = (f(roots, window) for f in (ndimage.maximum_filter, ndimage.minimum_filter))
    return False, bool((2 * roots - largest - least).sum() > 0)


def _ground(light: np.ndarray, even: bool) -> np.ndarray:
    """What `light` would be without ink."""
    height, width = light.shape
    window = _window(light.shape, 1 / 2 if even else 1 / 5)
    beyond = 0 if even else window
    padded = np.pad(light, beyond, mode="edge")
    return ndimage.grey_closing(padded, window)[beyond:, beyond:][:height, :width]


def _digit(ink: np.ndarray) -> np.ndarray:
    """`ink` without what is not the digit, and without the faint traces of the paper."""
    height, width = ink.shape
    core = ink > ink.max() / 2
    parts, count = ndimage.label(core, EIGHT)
    boxes = ndimage.find_objects(parts)
    mass = ndimage.sum_labels(ink, parts, range(1, count + 1))
    length = np.array([max(s.stop - s.start for s in box) for box in boxes])
    edges = np.array(
        [(y.start == 0) + (y.stop == height) + (x.start == 0) + (x.stop == width) for y, x in boxes]
    )
    inner = length[edges == 0].max(initial=0)
    if inner >= max(ink.shape) / 8:
        mass[(edges >= 2) | ((edges == 1) & (length > inner))] = 0
    main = mass.argmax()
    reach = length[main] / 4
    (top, bottom), (left, right) = ((s.start - reach, s.stop + reach) for s in boxes[main])
    kept = [
        number
        for number, (y, x) in enumerate(boxes, start=1)
        if mass[number - 1] >= mass[main] / 20
        and (y.start < bottom and y.stop > top and x.start < right and x.stop > left)
    ]
    paper = ink[~ndimage.binary_dilation(core, EIGHT, iterations=2)]
    traces = paper.mean() + 3 * paper.std() if paper.size else 0
    ink = np.maximum(ink - min(traces, ink.max() / 2), 0)
    whole, _ = ndimage.label(ink > 0, EIGHT)
    return np.where(np.isin(whole, whole[np.isin(parts, kept)]), ink, 0)


def _scale(box: np.ndarray) -> np.ndarray:
    factor = BOX / max(box.shape)
    height, width = (max(1, int(side * factor + 0.5)) for side in box.shape)
    image = Image.fromarray(box.astype(np.float32))
    small = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    return np.minimum(small / np.quantile(small[small > small.max() / 4], 0.75), 1)


def _centre(small: np.ndarray) -> np.ndarray:
    height, width = small.shape
    mass = small.astype(float)
    y = (mass.sum(1) @ np.arange(height)) / mass.sum()
    x = (mass.sum(0) @ np.arange(width)) / mass.sum()
    # A symmetric digit lies in the middle of two pixels: no rounding error shall choose.
    top, left = (min(max(int(14.5 + 1e-4 - c), 0), 28 - n) for c, n in ((y, height), (x, width)))
    field = np.zeros((28, 28), np.float32)
    field[top : top + height, left : left + width] = small
    return field


def _thicken(field: np.ndarray) -> np.ndarray:
    padded = np.pad(field, 1)
    edges = sum(abs(np.diff(padded, axis=axis)).sum() for axis in (0, 1))
    width = 2 * field.sum() / (np.pi / 4 * edges)
    factor = min(max(0.75 * (STROKE - width), 0), 1)
    return np.maximum(field, factor * ndimage.grey_dilation(field, footprint=FOUR))
