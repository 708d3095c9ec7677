"""The scripts of recorded runs: rows are kept as they finish, and rates are found by validation."""

import json
import math
import threading

import pytest
import recording
import searching
import torch

from cnn_course.data import load
from cnn_course.models import MLP

NAMES = ["a", "b", "c"]
ROWS = [{"row": name} for name in NAMES]


@pytest.fixture
def record(tmp_path):
    """Record `ROWS` in a folder of its own."""
    data = load("mnist-sample", "validation")

    def run(function, settings=None, rows=ROWS):
        recording.record(
            "small", [data], settings or {"epochs": 1}, rows, function, folder=tmp_path
        )
        return json.loads((tmp_path / "small.json").read_text(encoding="utf-8"))

    return run


def test_each_row_has_itscommit_hardware_and_seconds(record):
    recorded = record(lambda row: {"runs": [{"seed": 0, "accuracy": 0.123456789}]})
    assert [row["row"] for row in recorded["rows"]] == NAMES
    for row in recorded["rows"]:
        assert {"commit", "hardware", "versions", "seconds"} <= set(row)
        assert row["runs"] == [{"seed": 0, "accuracy": 0.123457}]
    assert recorded["provenance"]["settings"] == {"epochs": 1}
    assert recorded["provenance"]["data"][0]["count"] == 500


def test_a_restart_does_the_missing_rows(record):
    done = []

    def run(row):
        done.append(row)
        if done == NAMES:  # the last row, at the first time
            raise KeyboardInterrupt
        return {"runs": []}

    with pytest.raises(KeyboardInterrupt):
        record(run)
    assert [row["row"] for row in record(run)["rows"]] == NAMES
    assert done == [*NAMES, "c"]


def test_a_row_that_was_lost_comes_back_to_its_place(record, tmp_path):
    file = tmp_path / "small.json"
    recorded = record(lambda row: {"runs": []})
    del recorded["rows"][1]
    file.write_text(json.dumps(recorded), encoding="utf-8")
    assert [row["row"] for row in record(lambda row: {"runs": [1]})["rows"]] == NAMES


def test_two_processes_share_the_rows(record):
    done, busy, go_on = [], threading.Event(), threading.Event()

    def slow(row):
        done.append(row)
        busy.set()
        assert go_on.wait(20)
        return {"runs": []}

    def fast(row):
        done.append(row)
        return {"runs": []}

    first = threading.Thread(target=record, args=(slow,))
    first.start()
    assert busy.wait(20)
    assert [row["row"] for row in record(fast)["rows"]] == ["b", "c"]  # "a" is left to the first
    go_on.set()
    first.join(20)
    assert [row["row"] for row in record(fast)["rows"]] == NAMES
    assert done == NAMES


def test_what_was_computed_within_a_row_is_computed_once(tmp_path, monkeypatch):
    def fail():
        raise AssertionError

    assert recording.once(tmp_path, "0.1-0", lambda: {"accuracy": 0.5}) == {"accuracy": 0.5}
    assert recording.once(tmp_path, "0.1-0", fail) == {"accuracy": 0.5}
    with pytest.raises(AssertionError):
        recording.once(tmp_path, "0.1-1", fail)
    monkeypatch.setattr(recording, "commit", lambda: "another")
    with pytest.raises(AssertionError):
        recording.once(tmp_path, "0.1-0", fail)


def test_other_settings_do_not_mix_with_what_is_there(record, tmp_path):
    record(lambda row: {"runs": []})
    kept = (tmp_path / "small.json").read_bytes()
    with pytest.raises(ValueError, match=r"small\.json was recorded with other settings"):
        record(lambda row: {"runs": []}, settings={"epochs": 2})
    assert (tmp_path / "small.json").read_bytes() == kept


def test_what_is_no_number_is_null(record):
    recorded = record(lambda row: {"runs": [{"loss": [1.0, math.nan, math.inf]}]})
    assert recorded["rows"][0]["runs"] == [{"loss": [1.0, None, None]}]


# --------------------------------------------------------------------------- the learning rate


@pytest.fixture
def search(monkeypatch):
    """The rates tried and what is recorded, where `accuracy(lr)` stands for a training."""

    def run(accuracy, **options):
        trained = []

        def train(build, sets, seed, lr, epochs=None):
            trained.append((lr, seed))
            model = build()
            model.epochs = epochs
            return {"model": model, "diverged": False, "validation_accuracy": accuracy(lr)}

        monkeypatch.setattr(searching, "train", train)
        sets = {"validation": load("mnist-sample", "validation")}
        row = searching.search_and_run(
            lambda: torch.nn.Linear(3, 2),
            sets,
            lambda model: {"test_accuracy": 0.5, "epochs": model.epochs},
            **options,
        )
        return row, trained

    return run


def hump(peak):
    """An accuracy that is best at the rate `peak`, on a logarithmic axis."""
    return lambda lr: 0.9 - 0.1 * abs(math.log10(lr / peak))


FIRST = (-4, -3, -2)


@pytest.mark.parametrize("peak", [1e-4, 0.01, 0.03, 0.9, 9.0])
def test_the_best_rate_has_a_worse_one_at_each_side(search, peak):
    row, _ = search(hump(peak), first=FIRST)
    rates = sorted(row["search"])
    place = rates.index(row["lr"])
    assert 0 < place < len(rates) - 1
    assert abs(math.log10(row["lr"] / peak)) < 0.26  # half of half a decade
    assert rates[place + 1] / rates[place - 1] == pytest.approx(10, rel=0.04)


def test_a_row_that_only_guesses_says_so_after_seven_rates(search):
    row, _ = search(lambda lr: 0.1, first=FIRST)
    assert row["beats_guessing"] is False
    assert sorted(row["search"]) == [0.001, 0.0032, 0.01, 0.032, 0.1, 0.32, 1.0]


def test_a_rate_that_works_is_found_far_away(search):
    row, _ = search(lambda lr: 0.9 if lr == 0.001 else 0.1, first=FIRST)
    assert row["beats_guessing"] is True
    assert row["lr"] == 0.001
    assert min(row["search"]) < 0.001


def test_guessing_allows_for_the_size_of_the_validation_set(search):
    assert search(lambda lr: 0.12, first=FIRST)[0]["beats_guessing"] is False
    assert search(lambda lr: 0.13, first=FIRST)[0]["beats_guessing"] is True


def test_fresh_seeds_give_the_figure(search):
    row, trained = search(hump(0.03), first=FIRST)
    assert [run["seed"] for run in row["runs"]] == list(range(10))
    assert all("model" not in run for run in row["runs"])
    searched, fresh = trained[:-10], trained[-10:]
    assert not {seed for _, seed in searched} & {seed for _, seed in fresh}
    assert {lr for lr, _ in fresh} == {row["lr"]}
    assert row["parameters"] == 8


def test_every_network_of_the_search_is_watched(search):
    row, _ = search(hump(0.03), watch=lambda model: {"seen": 1}, first=FIRST)
    assert all(run["seen"] == 1 for runs in row["search"].values() for run in runs)


def test_the_search_may_be_shorter_than_the_runs(search):
    row, _ = search(
        hump(0.03), watch=lambda model: {"epochs": model.epochs}, epochs=10, search_epochs=4
    )
    assert {run["epochs"] for runs in row["search"].values() for run in runs} == {4}
    assert {run["epochs"] for run in row["runs"]} == {10}


def test_seeds_are_those_that_were_asked_for_and_each_training_is_named(search):
    names = []

    def keep(name, compute):
        names.append(name)
        return compute()

    row, trained = search(
        hump(0.032), first=(-4, -3, -2), search_seeds=(7, 8), seeds=(1, 2, 3), keep=keep
    )
    assert row["lr"] == 0.032
    assert [run["seed"] for run in row["runs"]] == [1, 2, 3]
    assert [f"{lr}-{seed}" for lr, seed in trained] == names
    assert len(set(names)) == len(names) == 3 * 2 + 3


def test_a_training_that_was_complete_is_recorded_like_one_that_was_not(tmp_path):
    """Its checkpoint is all that is left of it where the row was not written yet."""
    sets = {split: load("mnist-sample", split) for split in ("train", "validation")}
    options = {"epochs": 2, "batch_size": 500, "lr": 0.05}
    first, again = (
        searching.run_seeds(lambda: MLP((4,)), sets, [3], checkpoint=tmp_path / "c", **options)
        for _ in range(2)
    )
    assert len(first[0]["history"]["train_loss"]) == 2
    assert first == again
