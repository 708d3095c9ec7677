"""One image file of any format that Pillow reads, as bytes: upright, opaque, grey or RGB."""

import math
import operator
import os
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_BYTES = 3 * 10**8  # of a file; with 8 bits as many pixels as Pillow takes have less
STANDARD_ERROR = threading.Lock()
WHOLE = {"1": 255, "L;2": 85, "L;4": 17}  # what one step of a PNG's sample is in 8 bits


def _raw_mode(image: Image.Image) -> str:
    """How a PNG that is not loaded yet stores a pixel, such as "L;2" for grey of two bits."""
    return image.tile[0][3] if image.format == "PNG" and image.tile else ""


def _is_ycbcr_taken_for_rgb(image: Image.Image) -> bool:
    """Whether the bands of a TIFF that is not loaded yet will be named R, G, B and are Y, Cb, Cr.

    Pillow before 13 does that where they are not compressed, and reads a fourth byte for each
    pixel, which there is not: its plan for the loading is set right here.
    """
    if image.format != "TIFF" or image.mode != "RGB" or image.tag_v2.get(262) != 6:
        return False  # 262 is the tag of the colour space, 6 is YCbCr
    if any(codec != "raw" for codec, *_ in image.tile):  # compressed, and given as RGB
        return False
    plan = []
    for codec, box, start, (stored, *rest) in image.tile:
        tile = codec, box, start, ("RGB" if stored == "RGBX" else stored, *rest)
        plan.append(getattr(type(image.tile[0]), "_make", tuple)(tile))  # named from Pillow 11 on
    image.tile = plan
    return True


def _load_tiff(image: Image.Image) -> None:
    """Load the pixels; OSError for those that libtiff complains of and gives all the same.

    It writes its complaints to the standard error of the process, of which all threads have one.
    """
    with STANDARD_ERROR, ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile())
            kept = os.dup(2)
        except OSError:  # it is closed, or there is no place for the file
            image.load()
            return
        os.dup2(file.fileno(), 2)
        try:
            image.load()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        said = file.read().decode(errors="replace").splitlines()
    if errors := [line for line in said if line and "Warning, " not in line]:
        raise OSError(errors[0])


class _RefusedError(ValueError):
    """What can be read, and for which there is no rule."""


def read_image(file: Path, height: int, width: int, channels: int) -> torch.Tensor:
    """One image as `read_folder` has it: uint8 (channels, height, width).

    Raises ValueError for an image that cannot be read, and for sizes and channels that cannot be,
    and FileNotFoundError or another OSError for a file that is not there or not readable.
    """
    height, width = check_size((height, width))
    channels = check_channels(channels)
    return to_tensor(decode(existing(file)), height, width, channels)


def check_size(size) -> tuple[int, int]:
    """(height, width) of a whole number of pixels, or of a pair of them; else ValueError."""
    pair = size if isinstance(size, tuple | list) else (size, size)
    try:
        height, width = (operator.index(n) for n in pair)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(f"size={size!r}: give a whole number of pixels, or a pair (H, W) of them")
    return height, width


def check_channels(channels) -> int:
    """1 or 3, of any type of whole numbers; else ValueError."""
    try:
        if operator.index(channels) in (1, 3):
            return operator.index(channels)
    except TypeError:
        pass
    raise ValueError(f"channels={channels!r}: give 1 (grey) or 3 (RGB)")


def existing(file: Path) -> Path:
    """`file`, if it is one: FIFOs and folders are not opened."""
    try:
        found = Path(file).is_file()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise type(error)(
            f"{file} cannot be read ({error.strerror}); check its name and your rights to it"
        ) from None
    if not found:
        raise FileNotFoundError(f"there is no file {file}; check its name")
    return Path(file)


def decode(file: Path) -> np.ndarray:
    """Decode a file to uint8, grey (H, W) or RGB (H, W, 3), upright and opaque."""
    remedy = "replace it, or move it elsewhere"
    try:
        if (size := Path(file).stat().st_size) > MOST_BYTES:
            raise _RefusedError(f"has {size:,} bytes, which are too many; make it smaller")
        with Image.open(file) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or math.inf):
                raise _RefusedError(
                    f"has {image.width}×{image.height} pixels, which are too many; make it smaller"
                )
            if image.format == "EPS":  # Pillow would start Ghostscript, to do what the file says
                raise _RefusedError("is PostScript, a program and no picture; save it as a PNG")
            raw = _raw_mode(image)
            deep = image.format in ("PNG", "PPM")  # there, "I" is 16 bits and not 32
            luma = _is_ycbcr_taken_for_rgb(image)
            if image.format == "TIFF":
                _load_tiff(image)  # upright, too; exif_transpose of Pillow 10.0 would do it again
            else:
                image = ImageOps.exif_transpose(image)
            image = Image.merge("YCbCr", image.split()) if luma else image
            return _to_eight_bits(image, raw, deep)
    except UnidentifiedImageError:
        raise ValueError(f"{file} is no image that Pillow can read; {remedy}") from None
    except _RefusedError as error:
        raise ValueError(f"{file} {error}") from None
    except OSError as error:
        if error.errno is None:  # the decoder's own complaint about what is in the file
            raise ValueError(f"{file} cannot be read as an image ({error}); {remedy}") from error
        raise type(error)(
            f"{file} cannot be read ({error.strerror}); check your rights to it, and the disk"
        ) from error
    except Exception as error:  # decoders raise all sorts: OSError, SyntaxError, struct.error, …
        raise ValueError(f"{file} cannot be read as an image ({error}); {remedy}") from error


def to_tensor(pixels: np.ndarray, height: int, width: int, channels: int) -> torch.Tensor:
    """Scale and crop what `decode` gives: uint8 (channels, height, width)."""
    image = Image.fromarray(pixels).convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    pixels = np.array(image).reshape(height, width, channels)
    return torch.from_numpy(pixels).permute(2, 0, 1)  # (C, H, W)


def _to_eight_bits(image: Image.Image, raw: str, deep: bool) -> np.ndarray:
    """The pixels of a loaded `image`, which a PNG stored as `raw`.

    `deep` says that the mode "I" holds 16 bits.
    """
    key = image.info.get("transparency")
    numbers = image.mode == "F" or image.mode.startswith("I")
    grey = numbers or image.mode in ("1", "L", "LA", "La") or raw.startswith("LA;")
    if numbers:
        values = np.asarray(image)
        pixels = _scale(values, image.mode, deep)
        clear = np.zeros(values.shape, bool) if key is None else values == key
    elif image.mode in ("1", "L", "RGB") and key is not None:
        # Pillow compares the key to pixels that it has scaled to 8 bits already.
        pixels = np.array(image.convert("L" if grey else "RGB"))
        if grey:
            clear = pixels == key * WHOLE.get(raw, 1)
        else:
            deep = raw.startswith("RGB;16")
            clear = (pixels == [k >> 8 if deep else k for k in key]).all(2)
    else:
        if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or key is not None:
            image = image.convert("LA") if image.mode == "La" else image
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.array(image.convert("L" if grey else "RGB"))
    pixels[clear] = 255
    return pixels


def _scale(values: np.ndarray, mode: str, deep: bool) -> np.ndarray:
    """Grey levels as bytes, by the rule that `cnn_course.data.load` describes."""
    if mode != "F" and (deep or mode != "I"):
        return ((values.astype(np.int64).clip(0, 65535) + 128) // 257).astype(np.uint8)
    low, high = values.min(), values.max()
    # What ends a little above 1 would be black if it were taken for bytes.
    fits = low >= 0 and (high <= 1 or 16 <= high <= 255 or (mode == "I" and high <= 255))
    if not fits:  # NaN is one of these
        raise _RefusedError(
            f"has values from {low:g} to {high:g}, which may mean anything; "
            f"save it with 8 or 16 bits, or bring its values to 0 to 1 or 0 to 255"
        )
    return np.rint(values * (255.0 if mode == "F" and high <= 1 else 1)).astype(np.uint8)
