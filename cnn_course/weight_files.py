"""Named tensors in a file: safetensors, with JSON in the header, written whole or not at all."""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from cnn_course.writing import write_whole


def write(path: Path, tensors: dict[str, Tensor], about: dict) -> None:
    """Write `tensors`, with `about` as JSON in the file's header, in the place of `path`."""
    # safetensors wants plain layouts, and a tensor that shares its memory with no other.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_whole(path, save(plain, metadata={"about": json.dumps(about)}))


def read(path: Path, sha256: str | None = None) -> tuple[dict[str, Tensor], dict]:
    """What `write` wrote, and only if the file's SHA-256 is the one given, if any is.

    Raises FileNotFoundError or another OSError where it cannot be read, and ValueError for a file
    that is damaged.
    """
    data = contents(path)
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(
            f"{path} is not as it came with the course: its SHA-256 is not the one on its card; "
            "install the course again"
        )
    return parse(path, data)


def contents(path: Path) -> bytes:
    """The bytes of a file, for `parse`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give another")
    return path.read_bytes()  # not every name of a file can be told to safetensors


def parse(path: Path, data: bytes) -> tuple[dict[str, Tensor], dict]:
    """What the bytes of the file `path` hold."""
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return tensors, json.loads(header["__metadata__"]["about"])
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged or was not written by this course ({error}); give another"
        ) from error
