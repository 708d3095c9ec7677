"""The folder in which data sets are kept between runs."""

import os
import tempfile
from pathlib import Path

from cnn_course.writing import write_whole


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


def keep(file: Path, data: bytes) -> None:
    """Write all of `data` or nothing into the cache, whose folder is made where it is missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, data)
