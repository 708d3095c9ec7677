"""Recorded runs: what takes too long for a notebook, run once by a script in `benchmarks/`.

Each file says which script made it, from which data, with which seeds, versions and hardware.
"""

import json
from pathlib import Path

FOLDER = Path(__file__).parent


def load(name: str) -> dict:
    """The recorded run `name`, a dictionary with the keys `provenance` and `rows`.

    Each row has its names, its own commit, hardware and seconds, and `runs`, one for each seed.

    Raises ValueError, with the names there are, for any other.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.json"))
    if name not in known:
        raise ValueError(f"no recorded run is called {name!r}; there are: {', '.join(known)}")
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
