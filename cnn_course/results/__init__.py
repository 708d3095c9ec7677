"""Recorded runs: what takes too long for a notebook, run once by a script in `benchmarks/`.

Each file says which script made it, from which data, with which seeds, versions and hardware.
"""

import json
from pathlib import Path

from cnn_course.reading import read_whole

FOLDER = Path(__file__).parent


def load(name: str) -> dict:
    """The recorded run `name`, a dictionary with the keys `provenance` and `rows`.

    Each row has its names, its own commit, hardware and seconds, and `runs`, one for each seed.

    Raises ValueError, with the names there are, for any other.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.json"))
    if name not in known:
        raise ValueError(f"no recorded run is called {name!r}; there are: {', '.join(known)}")
    return read(FOLDER / f"{name}.json")


def read(path: Path) -> dict:
    """The recorded run in a file.

    Raises ValueError where it holds none, and OSError where it cannot be read, both with its name.
    """
    data = read_whole(path)
    try:
        found = json.loads(data)
        if not isinstance(found, dict) or not {"provenance", "rows"} <= set(found):
            raise ValueError("it has no provenance or no rows")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged or is no recorded run ({error}); give another"
        ) from error
    return found
