"""`pytest --nbval` as a reader calls it, on a project made by a test."""

import os
import subprocess
import sys
from pathlib import Path


def nbval(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and report of a run in the folder, without settings from around this test."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "CNN_"))}
    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", *arguments]
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    return run.returncode, run.stdout + run.stderr
