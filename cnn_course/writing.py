"""Files that are written whole or not at all: checkpoints, results, exports, what is kept."""

import os
import platform
import re
import sys
import uuid
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

# A number for this machine: others, whose processes cannot be asked for, may share its disks.
MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"


def write_whole(path: Path, data: bytes | str) -> None:
    """Write bytes, or a text as UTF-8, in the place of the file `path`, as `replacing` does."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def replacing(path: Path):
    """The name of a file beside `path` to write, which takes its place if all goes well.

    Whoever stops the program, a disk that is full, and a machine whose power fails leave the old
    file or the new one and never half of one. A link stays, and what it leads to is replaced. What
    a killed process could not take away with it, the next one to write `path` does.

    Raises ValueError where `path` is no plain file, and OSError, which names it, where it cannot be
    written.
    """
    try:
        place = Path(os.path.realpath(path))
        if place.exists() and not place.is_file():
            raise ValueError(f"{path} is a folder or a device; give a file")
        start = f".{place.name[:50]}."  # all of it would make some names too long
        _sweep(place.parent, start)
        # Of this process and this call alone: others may be at the same file.
        own = f"{MACHINE}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        unfinished = place.with_name(f"{start}{own}.unfinished")
        try:
            yield unfinished
            with open(unfinished, "r+b") as file:
                os.fsync(file.fileno())  # else the new name may reach the disk before the content
            os.replace(unfinished, place)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync_folder(place.parent)
    except OSError as error:
        raise OSError(
            f"{path} could not be written ({error.strerror or error}); what was saved is kept; "
            "make room there, or give another place"
        ) from error


def _sweep(folder: Path, start: str) -> None:
    """Take away what processes of this machine that are no more have left of what begins so."""
    if sys.platform == "win32":  # there, to ask whether a process lives is to end it
        return
    pattern = re.compile(re.escape(start + MACHINE) + r"-(\d+)-[0-9a-f]{8}\.unfinished")
    with suppress(OSError):  # a folder that may be written and not be listed
        for file in folder.iterdir():
            left = pattern.fullmatch(file.name)
            if left and not _lives(int(left[1])):
                file.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk too, where the system can."""
    with suppress(OSError):  # the file is in its place whatever comes of this
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
