"""The folder in which data sets are kept between runs."""

import contextlib
import os
import tempfile
from pathlib import Path
from uuid import uuid4


def cache_folder(root: str | os.PathLike | None = None) -> Path:
    """`root`, or CNN_COURSE_CACHE, or ~/.cache/cnn_course: the first that is given and not empty.

    Raises FileNotFoundError where that is in a home folder and there is none.
    """
    folder = root or os.environ.get("CNN_COURSE_CACHE") or "~/.cache/cnn_course"
    try:
        return Path(folder).expanduser()
    except RuntimeError:  # no HOME and no such user
        raise FileNotFoundError(
            f"there is no home folder for {str(folder)!r}; set the environment variable "
            f"CNN_COURSE_CACHE to a folder in which data may be kept"
        ) from None


def why_not_writable(folder: Path) -> str | None:
    """Why no file can be made in `folder`, which is made where it is missing; None if one can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror
    return None


def write_whole(file: Path, data: bytes) -> None:
    """Write all of `data` or nothing: another process never sees half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{uuid4().hex}")
    try:
        # Not mkstemp, whose files only their owner may read: a cache can be shared.
        with open(temporary, "xb") as stream:
            stream.write(data)
        os.replace(temporary, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
