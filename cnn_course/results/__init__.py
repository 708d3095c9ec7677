"""Recorded runs: what takes too long for a notebook, run once by a script in `benchmarks/`.

Each file says which script made it, from which data, with which seeds, versions and hardware.
"""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def load(name: str) -> dict:
    """The recorded run `name`, a dictionary with the keys `provenance` and `rows`.

    Each row has its names, its own commit, hardware and seconds, and `runs`, one for each seed.
    (The first recording, of chapter 03, has `runs` in place of `rows`.)

    Raises ValueError, with the names there are, for any other.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.json"))
    if name not in known:
        raise ValueError(f"no recorded run is called {name!r}; there are: {', '.join(known)}")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def gap_in_sd(a, b) -> float:
    """The gap between the means of two groups of runs, in pooled standard deviations.

    The pooled standard deviation is the root of the mean of both variances. With three runs in each
    group, chance alone makes a gap of 2.3 less than once in twenty (chapter 03 computes it).
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    pooled_sd = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    return float(abs(a.mean() - b.mean()) / pooled_sd)
