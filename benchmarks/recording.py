"""Write a recorded run to `cnn_course/results`, with all that is needed to judge and repeat it."""

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from cnn_course.data import ImageSet
from cnn_course.results import FOLDER


def record(name: str, data: list[ImageSet], settings: dict, runs: list[dict], seconds: float):
    """Write `runs` as `name`.json; `settings` are what all runs share, `seconds` the whole time."""
    provenance = {
        "script": f"benchmarks/{Path(sys.argv[0]).name}",
        "commit": _git("rev-parse", "HEAD")
        + ("+" if _git("status", "--porcelain", "--untracked-files=no") else ""),
        "data": [_describe(images) for images in data],
        "settings": settings,
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in ("torch", "numpy", "pillow")},
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
        "seconds": round(seconds, 1),
    }
    text = json.dumps({"provenance": provenance, "runs": runs}, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _describe(images: ImageSet) -> dict:
    return {
        "name": images.name,
        "count": len(images),
        "format": f"uint8 {'×'.join(map(str, images.images.shape[1:]))}",
        "sha256": images.sha256,
    }


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    """The processor's model name; `platform.processor` is empty on many a Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
