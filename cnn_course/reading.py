"""Files that are read as they are: plain ones, of a size that can be, and named where they fail."""

from contextlib import contextmanager
from pathlib import Path

MOST_BYTES = 10**8


def read_whole(path: Path) -> bytes:
    """The bytes of the file `path`, which are 100 million at most.

    Raises FileNotFoundError where there is none, ValueError where it is larger, and another
    OSError, which names it, where it cannot be read.
    """
    with named(plain(path)) as file:
        if (size := file.stat().st_size) > MOST_BYTES:
            raise ValueError(f"{path} has {size:,} bytes, which are too many; give another")
        return file.read_bytes()


def plain(path: Path) -> Path:
    """`path`, if it is a file: a pipe would be waited for, and a device has no end."""
    if not Path(path).is_file():
        found = f"{path} is no file" if Path(path).exists() else f"there is no file {path}"
        raise FileNotFoundError(f"{found}; give another")
    return Path(path)


@contextmanager
def named(path: Path):
    """Gives `path`; an error of the system gets its name, which it lacks where a disk fails."""
    try:
        yield path
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
