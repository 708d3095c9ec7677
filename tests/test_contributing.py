"""What CONTRIBUTING.md names is there: files, tests, targets of make."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLE = TEXT[TEXT.index("| promise |") : TEXT.index("## Releases")]
PROMISES = [line for line in TABLE.splitlines()[2:] if line]


@pytest.mark.parametrize("line", PROMISES)
def test_each_promise_has_a_test(line):
    _, promise, proof, _ = line.split("|")
    files = [ROOT / name for name in re.findall(r"tests/\w+\.py", proof)]
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    for name in re.findall(r"`(test_\w+)`", proof):
        assert f"def {name}(" in code
    assert promise.strip()
    assert files or "`make test-oldest`" in proof or "`pytest --nbval chapters`" in proof


def test_each_target_of_make_is_one():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"`make ([a-z-]+)", TEXT)) <= set(targets)


def test_each_file_is_there():
    for name in re.findall(r"`((?:tests|tools|benchmarks|cnn_course)/[\w./]+)`", TEXT):
        assert (ROOT / name).exists(), name
