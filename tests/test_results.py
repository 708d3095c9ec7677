"""Recorded runs: each has its whole provenance, and the data it names are the course's."""

import json
import re

import pytest

from cnn_course import results
from cnn_course.data import load

NAMES = sorted(path.stem for path in results.FOLDER.glob("*.json"))


def test_there_are_recorded_runs():
    assert NAMES


@pytest.mark.parametrize("name", NAMES)
def test_provenance_is_whole(name, pytestconfig):
    provenance = results.load(name)["provenance"]
    assert (pytestconfig.rootpath / provenance["script"]).is_file()
    # A commit with a plus sign would be one with changes that nobody can look up.
    assert re.fullmatch(r"[0-9a-f]{40}", provenance["commit"])
    assert {"python", "torch", "numpy"} <= set(provenance["versions"])
    assert provenance["seconds"] > 0
    assert provenance["hardware"]["processor"]
    for data in provenance["data"]:
        assert re.fullmatch(r"[0-9a-f]{64}", data["sha256"])
        if data["name"].startswith("mnist-"):  # comes with the course
            assert load(*data["name"].split()).sha256 == data["sha256"], data["name"]


@pytest.mark.parametrize("name", NAMES)
def test_every_run_has_seed_and_all_epochs(name):
    recorded = results.load(name)
    epochs = recorded["provenance"]["settings"]["epochs"]
    for run in recorded["runs"]:
        assert isinstance(run["seed"], int)
        assert all(len(values) == epochs for values in run["history"].values())


def test_chapter_01_compares_fairly():
    """Three seeds, one size to within 5 %, and the learning rate with the best validation mean."""
    assert_compared_fairly(results.load("chapter01")["runs"], 6, "network", "order")


@pytest.mark.parametrize(
    ("experiment", "rows", "keys"),
    [("deep", 6, ("activation", "initialisation")), ("pooling", 4, ("network",))],
)
def test_chapter_03_compares_fairly(experiment, rows, keys):
    runs = results.load("chapter03")["runs"]
    runs = [run for run in runs if run["experiment"] == experiment]
    assert_compared_fairly(runs, rows, *keys)


def assert_compared_fairly(runs, rows, *keys):
    sizes = {run["parameters"] for run in runs}
    assert max(sizes) <= 1.05 * min(sizes)
    groups = {}
    for run in runs:
        groups.setdefault(tuple(run[key] for key in keys), []).append(run)
    assert len(groups) == rows
    for group in groups.values():
        assert [run["seed"] for run in group] == [0, 1, 2]
        rates = group[0]["validation_accuracy_by_lr"]
        sums = {lr: sum(run["validation_accuracy_by_lr"][lr] for run in group) for lr in rates}
        assert sums[str(group[0]["lr"])] == max(sums.values())


def test_gap_in_pooled_sd():
    assert results.gap_in_sd([1, 2, 3], [4, 5, 6]) == pytest.approx(3)
    assert results.gap_in_sd([4, 5, 6], [1, 2, 3]) == pytest.approx(3)
    # Variances 1 and 4: their mean is 2.5.
    assert results.gap_in_sd([1, 2, 3], [3, 5, 7]) == pytest.approx(3 / 2.5**0.5)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'nothing'.*chapter01"):
        results.load("nothing")


def test_files_are_plain_json():
    for name in NAMES:
        text = (results.FOLDER / f"{name}.json").read_text(encoding="utf-8")
        assert "NaN" not in text
        json.loads(text)
