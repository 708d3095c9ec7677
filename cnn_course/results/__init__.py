"""Recorded runs: what takes too long for a notebook, run once by a script in `benchmarks/`.

Each file says which script made it, from which data, with which seeds, versions and hardware.
"""

import json
from pathlib import Path

FOLDER = Path(__file__).parent
MOST_BYTES = 10**8  # what is larger is something else


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
    path = Path(path)
    if not path.is_file():  # a pipe would be waited for
        raise ValueError(f"{path} is no file; give a recorded run")
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise ValueError(f"it has {size:,} bytes")
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not {"provenance", "rows"} <= set(found):
            raise ValueError("it has no provenance or no rows")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged or is no recorded run ({error}); give another"
        ) from error
    except OSError as error:
        error.filename = error.filename or str(path)  # what fails at reading does not say where
        raise
    return found
