"""`make bench`: one table of what the course's code takes, against what one would use instead.

Both sides are timed in turn, in one run, so that a slow moment of the machine meets both; a number
is the median of the rounds' ratios, and above 1 ours is the faster one. Nothing of the working tree
is changed. Run it on a quiet machine, from the project's root: python benchmarks/bench.py (about
ten minutes).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import ops
import torch
import training
from timing import ratio, seconds

from cnn_course.writing import write_whole

ROOT = Path(__file__).parents[1]
CHAPTER = "chapters/00_welcome.ipynb"  # the shortest: what is timed is what runs it
NBCONVERT = ("-m", "nbconvert", "--log-level=ERROR", "--to", "notebook", "--execute", "--stdout")
BOOK = "from jupyter_book.cli.main import main; main()"
BUILD = ("-c", BOOK, "build", ".", "-n", "-W", "--keep-going", "--quiet")


def python(*arguments, folder=ROOT) -> None:
    environment = os.environ | {"JUPYTER_NO_CONFIG": "1"}
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


def commands():
    """Rows of importing and of running a notebook."""
    for name in ("cnn_course.cli", "cnn_course.training"):
        imports = (partial(python, "-c", f"import {module}") for module in ("torch", name))
        yield f"import {name}", "import torch", ratio(*imports, 1, 5)
    runs = (
        partial(python, *NBCONVERT, CHAPTER),
        partial(python, "-m", "pytest", "--nbval", CHAPTER),
    )
    yield "pytest --nbval, chapter 00", "nbconvert --execute", ratio(*runs, 0, 3)


def book():
    """Rows of building the book, in a copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "course"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv", ".git", "_build"))
        anew = seconds(partial(python, *BUILD, folder=copy))
        page = copy / CHAPTER
        write_whole(page, page.read_text(encoding="utf-8").replace("Welcome", "Hello"))
        again = seconds(partial(python, *BUILD, folder=copy))
    yield (
        f"the book after one chapter changed, {again:.1f} s",
        f"all anew, {anew:.1f} s",
        anew / again,
    )


def main():
    print(f"{torch.get_num_threads()} thread(s)")
    print(f"{'ours':46} {'against':32} times as fast")
    for rows in (ops.rows, training.rows, commands, book):
        for what, against, factor in rows():
            print(f"{what:46} {against:32} {factor:8.2g}", flush=True)


if __name__ == "__main__":
    main()
