"""Notebooks: settings of their kernels, how outputs compare, and each one's time."""

import os
import re
import tempfile
from functools import partial
from pathlib import Path

import psutil
import pytest
from measured import compare
from nbval.plugin import IPyNbCell

# What a shell may have set for other programs, and what would change what a kernel, or a command
# that a test runs, prints or draws. PYTHONPATH and its like say where Python is, and stay.
FOREIGN = re.compile(
    r"MPLBACKEND|MATPLOTLIBRC|CNN_COURSE_DATA|COLUMNS|LINES|FORCE_COLOR|CLICOLOR_FORCE|PY_COLORS"
    r"|OMP_DISPLAY_\w+|KMP_\w+|IPYTHON\w+|JUPYTER_\w+"
    r"|PYTHON(?!PATH$|HOME$|DONTWRITEBYTECODE$|PYCACHEPREFIX$|UTF8$|HASHSEED$)\w+"
)
for name in filter(FOREIGN.fullmatch, list(os.environ)):
    del os.environ[name]

# The reader's own profile of IPython, with its start-up files, is no part of the course. What
# kernels, browsers and commands leave of temporary files goes with the folder, too.
_own = tempfile.TemporaryDirectory(prefix="cnn_course-", ignore_cleanup_errors=True)
for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR"):
    os.environ[name] = _own.name

# A variable that is set and empty is not set. On one thread a notebook is as fast as on two, and
# far faster beside another process that wants the same cores, the more so as OpenMP's threads
# wait busily by default. The stored outputs come from the CPU.
for name, value in (
    ("OMP_NUM_THREADS", "1"),
    ("OMP_WAIT_POLICY", "PASSIVE"),
    ("CNN_COURSE_DEVICE", "cpu"),
    ("TQDM_DISABLE", "1"),  # no bar in a stored output
):
    os.environ[name] = os.environ.get(name, "").strip() or value

# Processor seconds on one thread, the kernel's start included, by the chapter's number.
BUDGETS = {"00": 5, "01": 50, "02": 30, "02b": 20, "03": 25, "04": 50}
BUDGETS |= {"05": 60, "05b": 40, "05c": 60, "06": 50, "06b": 25, "07": 30}
SPENT = "processor seconds of the kernel so far"

_seconds = {}


def pytest_itemcollected(item):
    if isinstance(item, IPyNbCell):
        item.compare_outputs = partial(compare, item, item.compare_outputs)
        item.output_timeout = 60  # seconds; nbval's 5 are few on a busy machine


def pytest_sessionstart(session):
    session.config.option.nbval_kernel_startup_timeout = 600  # seconds; a busy machine is no fault


def pytest_ignore_collect(collection_path, config):
    """Leave scratch notebooks beside the chapters alone: those that _toc.yml does not list."""
    contents = collection_path.parent.parent / "_toc.yml"
    if collection_path.suffix != ".ipynb" or not contents.is_file():
        return None
    page = re.escape(f"{collection_path.parent.name}/{collection_path.stem}")
    entry = rf"^[^#]*:\s*['\"]?{page}(\.ipynb|\.md)?['\"]?\s*(#.*)?$"
    return None if re.search(entry, contents.read_text(encoding="utf-8"), re.M) else True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item):
    """Note the kernel's processor time after each cell, since its end takes it away."""
    kernel = getattr(item.parent, "kernel", None)
    if kernel is None:
        return
    try:
        spent = sum(psutil.Process(kernel.km.provisioner.pid).cpu_times()[:4])
    except psutil.Error:  # the cell has ended its kernel
        return
    item.user_properties.append((SPENT, spent))


def pytest_runtest_logreport(report):
    path = report.nodeid.split("::")[0]
    _seconds.update((path, spent) for name, spent in report.user_properties if name == SPENT)


def pytest_terminal_summary(terminalreporter):
    if not _seconds:
        return
    terminalreporter.section("processor seconds and budget of each notebook")
    for path, seconds in sorted(_seconds.items()):
        budget = BUDGETS.get(Path(path).name.partition("_")[0])
        line = f"{path}: {seconds:.1f} s"
        if budget:
            line += f" of {budget} s" + (", which is over budget" if seconds > budget else "")
        terminalreporter.line(line)
