"""Ends a broken-off installation: python tools/room.py GIGABYTES FOLDER

Where the folder's disk is too small for so much, says so: pip says that the disk is full, but not
how much it would have written.
"""

import shutil
import sys
from pathlib import Path


def shortage(wanted: float, folder: Path) -> str:
    """What to do where `folder` cannot grow to `wanted` gigabytes; empty where it can."""
    held = sum(path.lstat().st_size for path in folder.rglob("*")) / 1e9
    free = shutil.disk_usage(folder).free / 1e9
    if held + free >= wanted:
        return ""
    return (
        f"The installation takes about {wanted:g} GB; {folder} holds {held:.1f} GB of it and "
        f"{free:.1f} GB of disk are free: make room there, and call make again"
    )


if __name__ == "__main__":
    sys.exit(shortage(float(sys.argv[1]), Path(sys.argv[2])) or 1)
