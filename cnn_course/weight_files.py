"""Named tensors in a file: safetensors, with JSON in the header, written whole or not at all."""

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from cnn_course.reading import MOST_BYTES, named, plain
from cnn_course.writing import write_whole

MOST = 2**32  # bytes of a file; it is read whole, and copied
# What a file of others can bring about, such as a header with other parts.
DAMAGE = (SafetensorError, LookupError, TypeError, ValueError, AttributeError, RecursionError)


def write(path: Path, tensors: dict[str, Tensor], about: dict) -> None:
    """Write `tensors`, with `about` as JSON in the file's header, in the place of `path`.

    Raises ValueError for more bytes than are read again, and what `write_whole` raises.
    """
    if (size := sum(tensor.nbytes for tensor in tensors.values())) > MOST - MOST_BYTES:
        raise ValueError(
            f"{path} would have {size:,} bytes, which are too many; build a smaller one"
        )
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
    """The bytes of a file, for `parse`, if its header is one that `write` may have written."""
    # By its bytes, since not every name of a file can be told to safetensors.
    with named(plain(path)) as path, _of_this_course(path), path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if not 0 < length <= MOST_BYTES:  # as safetensors has it
            raise ValueError(f"a header of {length:,} bytes")
        header = file.read(length)
        size, said = path.stat().st_size, len(start + header) + _about(header)[1]
        if size != said:
            raise ValueError(f"it has {size:,} bytes, and by its header {said:,}")
        if size > MOST:
            raise ValueError(f"{size:,} bytes are more than a network of this course has")
        file.seek(0)
        try:
            return file.read()
        except MemoryError:
            raise ValueError(f"{size:,} bytes are more than there is memory") from None


def parse(path: Path, data: bytes) -> tuple[dict[str, Tensor], dict]:
    """What the bytes of the file `path` hold."""
    with _of_this_course(path):
        return load(data), _about(data[8 : 8 + int.from_bytes(data[:8], "little")])[0]


def _about(header: bytes) -> tuple[dict, int]:
    """What `write` was told, and how many bytes the tensors behind the header take."""
    header = json.loads(header)
    about = json.loads(header.pop("__metadata__")["about"])
    return about, max((tensor["data_offsets"][1] for tensor in header.values()), default=0)


@contextmanager
def _of_this_course(path: Path):
    try:
        yield
    except DAMAGE as error:
        raise ValueError(
            f"{path} is damaged or was not written by this course ({error}); give another"
        ) from error
