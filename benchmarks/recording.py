"""Record runs in `cnn_course/results`, a row at a time, with all that is needed to judge them."""

import hashlib
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from cnn_course.data import ImageSet
from cnn_course.devices import choose_device
from cnn_course.results import FOLDER, read
from cnn_course.writing import write_whole


def record(
    name: str,
    data: list[ImageSet],
    settings: dict,
    rows: list[dict],
    run: Callable[..., dict],
    folder: Path = FOLDER,
) -> None:
    """Write to `name`.json what `run(**row)` gives for each of `rows`, as soon as it is there.

    Rows that the file has already are left alone, so that a recording that was stopped goes on
    when it is started again; and two processes may work at one recording, since a row that one of
    them is at is left to it. Each row is written with its own commit, hardware and seconds.
    `settings` are what all rows share. Raises ValueError where the file was recorded with others.
    """
    shared = {
        "script": f"benchmarks/{Path(sys.argv[0]).name}",
        "data": [_describe(images) for images in data],
        "settings": settings,
    }
    shared = json.loads(json.dumps(shared))  # as it will be read again
    path = Path(folder) / f"{name}.json"
    for row in rows:
        with suppress(Timeout), _lock(path, row):  # else another process is at this row
            if row in _names(_read(path, shared), row):
                continue
            start = time.perf_counter()
            result = run(**row)
            about = {"commit": commit(), "hardware": hardware(), "versions": _versions()}
            about["seconds"] = round(time.perf_counter() - start, 1)
            with _lock(path):
                recorded = _read(path, shared)
                recorded["rows"].append(row | about | _rounded(result))
                recorded["rows"].sort(key=lambda r: rows.index({key: r[key] for key in row}))
                _write(path, recorded)
            print(f"{name}: {row} in {about['seconds']:.0f} s", flush=True)


def once(folder: Path, name: str, compute: Callable[[], dict]) -> dict:
    """What `compute` gave, kept in `folder` for a recording that was stopped within a row.

    Kept by the commit, since other code may give something else.
    """
    path = folder / commit() / f"{name}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    result = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(result))
    return result


def _lock(path: Path, row: dict | None = None) -> FileLock:
    """A lock for a row, which fails at once if another process has it; or one for the file."""
    what = hashlib.sha256(f"{path.resolve()} {row}".encode()).hexdigest()[:16]
    file = Path(tempfile.gettempdir()) / f"cnn_course-recording-{what}.lock"
    return FileLock(file, timeout=-1 if row is None else 0)


def _names(recorded: dict, like: dict) -> list[dict]:
    """What tells the recorded rows apart: their values of the keys of `like`."""
    return [{key: row[key] for key in like} for row in recorded["rows"]]


def _read(path: Path, shared: dict) -> dict:
    if not path.exists():
        return {"provenance": shared, "rows": []}
    recorded = read(path)
    if recorded["provenance"] != shared:
        raise ValueError(
            f"{path} was recorded with other settings or data; move it away to record it afresh"
        )
    return recorded


def _write(path: Path, recorded: dict) -> None:
    text = json.dumps(recorded, indent=1, ensure_ascii=False, allow_nan=False)
    # Numbers of a list on one line: the file can be read, and its changes looked at.
    text = re.sub(r"\[([-+.\deE,\s]+)\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    write_whole(path, text + "\n")


def _rounded(value):
    """Floats to six significant digits: more is noise, and makes the files large."""
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None  # JSON has no NaN
    return value


def _describe(images: ImageSet) -> dict:
    return {
        "name": images.name,
        "count": len(images),
        "format": f"uint8 {'×'.join(map(str, images.images.shape[1:]))}",
        "sha256": images.sha256,
    }


@cache  # of the code that runs, whatever is committed meanwhile
def commit() -> str:
    """The commit, with a plus sign where the code has been changed since."""
    code = ("--", ".", ":!cnn_course/results", ":!cnn_course/weights")
    changed = _git("status", "--porcelain", "--untracked-files=no", *code)
    return _git("rev-parse", "HEAD") + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True).stdout.strip()


def _versions() -> dict:
    packages = {package: version(package) for package in ("torch", "numpy", "pillow")}
    return {"python": platform.python_version()} | packages


def hardware() -> dict:
    found = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    if choose_device().type == "cuda":  # where all that names no device computes
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    """The processor's model name; `platform.processor` is empty on many a Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
