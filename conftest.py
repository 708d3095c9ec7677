"""Notebooks: settings of their kernels, how outputs compare, and each one's time."""

import os
from collections import defaultdict
from functools import partial
from pathlib import Path

from measured import compare
from nbval.plugin import IPyNbCell

# Kernels inherit these. OpenMP's busy waiting slows training many times over where another
# process wants the same cores, and the stored outputs come from the CPU.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("CNN_COURSE_DEVICE", "cpu")

# Seconds on 2 cores, the kernel's start included, by the number of the chapter.
BUDGETS = {"00": 5, "01": 50, "02": 30, "03": 25, "04": 50, "05": 60, "06": 50, "07": 30}
# A shared machine may be slow; a notebook that takes this many times its budget fails.
TOLERANCE = 2

_seconds = defaultdict(float)


def pytest_itemcollected(item):
    if isinstance(item, IPyNbCell):
        item.compare_outputs = partial(compare, item, item.compare_outputs)
        item.output_timeout = 60  # seconds; nbval's 5 are few on a busy machine


def pytest_runtest_logreport(report):
    path = report.nodeid.split("::")[0]
    if path.endswith(".ipynb"):
        _seconds[path] += report.duration


def _budget(path):
    return BUDGETS.get(Path(path).name[:2])


def _too_slow():
    return [p for p, s in _seconds.items() if _budget(p) and s > TOLERANCE * _budget(p)]


def pytest_sessionfinish(session):
    if _too_slow() and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    if not _seconds:
        return
    terminalreporter.section("seconds and budget of each notebook")
    for path, seconds in _seconds.items():
        budget = _budget(path)
        line = f"{path}: {seconds:.1f} s" + (f" of {budget} s" if budget else ", no budget")
        if path in _too_slow():
            line += f", FAILED: more than {TOLERANCE} times its budget; make it do less"
        terminalreporter.line(line, red=path in _too_slow())
