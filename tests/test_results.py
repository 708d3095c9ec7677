"""Recorded runs: each has its whole provenance, and the data it names are the course's."""

import json
import re
import statistics

import cifar10
import cifar10_search
import pytest
import recipe
import torch

from cnn_course import results
from cnn_course.data import load
from cnn_course.recipes import RECIPES

NAMES = sorted(path.stem for path in results.FOLDER.glob("*.json"))
# How many rows each comparison has, and how many fresh seeds a row.
COMPARISONS = {
    "ablation": (10, 5),
    "chapter01": (6, 10),
    "chapter03_deep": (12, 10),
    "chapter03_pooling": (4, 10),
    "chapter04_ladder": (11, 10),
    "chapter04_noise": (2, 10),
    "chapter05_ladder": (14, 5),
    "chapter06_augment": (6, 10),
    "chapter06_dropout": (11, 10),
    "mnist_m": (6, 10),
}


def test_the_recorded_runs():
    others = {
        "cifar10",
        "cifar10_finals",
        "cifar10_search",
        "chapter01_mlp",
        "chapter06_range",
        "chapter07",
        "chapter07_longer",
        "gpu",
        "lenet5",
        "modern_cnn",
        "phone",
        "recipe_search",
        "recipe_fresh",
        "scaling",
        "surfaces",
    }
    assert set(NAMES) == {*COMPARISONS, *others}


def test_the_surprise_of_chapter_01_is_asked_again_with_other_seeds():
    """The same rate, the same digits, and no seed that had a part in it."""
    first, again = results.load("chapter01"), results.load("chapter01_mlp")
    assert again["provenance"]["data"] == first["provenance"]["data"]
    rates = {row["lr"] for row in first["rows"] if row["network"] == "MLP"}
    assert rates == {again["provenance"]["settings"]["lr"]}
    for row in again["rows"]:
        assert [run["seed"] for run in row["runs"]] == list(range(10, 100))


@pytest.mark.parametrize("name", NAMES)
def test_provenance_is_whole(name, pytestconfig):
    provenance = results.load(name)["provenance"]
    assert (pytestconfig.rootpath / provenance["script"]).is_file()
    for data in provenance["data"]:
        assert re.fullmatch(r"[0-9a-f]{64}", data["sha256"])
        if data["name"].startswith("mnist-sample"):  # comes with the course
            name_of, *_, split = data["name"].split()  # the first `count` of a split
            first = load(name_of, split).subset(torch.arange(data["count"]))
            assert first.sha256 == data["sha256"], data["name"]
    for row in results.load(name)["rows"]:
        # A commit with a plus sign would be one with changes that nobody can look up.
        assert re.fullmatch(r"[0-9a-f]{40}", row["commit"])
        assert {"python", "torch", "numpy"} <= set(row["versions"])
        assert row["hardware"]["processor"]
        assert row["seconds"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_run_has_its_seed_and_all_epochs(name):
    shared = results.load(name)["provenance"]["settings"].get("epochs")
    for row in results.load(name)["rows"]:
        epochs = row.get("epochs", shared)
        for run in row["runs"]:
            assert isinstance(run["seed"], int)
            for figure, values in run.get("history", {}).items():
                if name == "phone" and figure.startswith("validation"):
                    assert values == []  # it looks at nothing but the end
                else:
                    assert len(values) == epochs or run["diverged"]


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_are_fair(name):
    """Fresh seeds for each row, and the best rate of its search, which has worse ones around it."""
    recorded = results.load(name)
    searched = set(recorded["provenance"]["settings"]["search_seeds"])
    rows, seeds = COMPARISONS[name]
    assert len(recorded["rows"]) == rows
    for row in recorded["rows"]:
        assert [run["seed"] for run in row["runs"]] == list(range(seeds))
        assert not searched & set(range(seeds))
        means = {
            float(lr): sum(run["validation_accuracy"] for run in runs) / len(runs)
            for lr, runs in row["search"].items()
        }
        assert all(len(runs) == len(searched) for runs in row["search"].values())
        assert means[row["lr"]] == max(means.values())
        if row["beats_guessing"]:
            assert min(means) < row["lr"] < max(means)
        else:
            assert len(means) >= 7
            assert max(means.values()) < 0.13


@pytest.mark.parametrize("name", ["chapter01", "chapter03_deep", "chapter03_pooling", "cifar10"])
def test_networks_of_one_comparison_have_one_size(name):
    sizes = [row["parameters"] for row in results.load(name)["rows"]]
    assert max(sizes) <= 1.05 * min(sizes)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'nothing'.*chapter01"):
        results.load("nothing")


def test_files_are_plain_json():
    for name in NAMES:
        text = (results.FOLDER / f"{name}.json").read_text(encoding="utf-8")
        assert "NaN" not in text
        json.loads(text)


# ------------------------------------------------------------------------- the default recipe


def test_lenet5_is_trained_by_the_recipe_whose_worst_seed_is_best():
    def worst(row):
        return min(run["validation_accuracy"] for run in row["runs"])

    best = recipe.chosen()
    rows = results.load("recipe_search")["rows"]
    (row,) = (r for r in rows if best.items() <= r.items())
    assert worst(row) == max(map(worst, rows))
    defaults = RECIPES["lenet5"]
    assert (defaults["batch_size"], defaults["lr"]) == (best["batch_size"], best["lr"])
    (fresh,) = results.load("recipe_fresh")["rows"]
    assert (fresh["batch_size"], fresh["lr"]) == (best["batch_size"], best["lr"])
    settings = results.load("recipe_fresh")["provenance"]["settings"]
    for name in ("weight_decay", "average"):
        assert defaults[name] == settings[name]
    # Recorded before `erase` was there.
    assert repr(defaults["augment"]) == settings["augment"].replace(")", ", erase=0)")


def test_the_worst_of_twenty_fresh_seeds_reads_97_per_cent():
    (fresh,) = results.load("recipe_fresh")["rows"]
    assert len(fresh["runs"]) == 20
    assert min(run["test_accuracy"] for run in fresh["runs"]) >= 0.97


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"7", b'{"rows": []}', b"\xff", b"[" * 10**5]
)
def test_a_damaged_recording_is_named(tmp_path, monkeypatch, content):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    (tmp_path / "mine.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.json is damaged or is no recorded run"):
        results.load("mine")


# ------------------------------------------------------------------------------ ModernCNN


def accuracies(rows) -> list[float]:
    return [run["test_accuracy"] for row in rows for run in row["runs"]]


def of(recorded: str, **values) -> list[dict]:
    return [r for r in results.load(recorded)["rows"] if values.items() <= r.items()]


def test_no_design_is_larger_than_the_limit_or_costs_more_than_resnet_20():
    (resnet,) = of("cifar10_search", design="ResNet-20", lr=0.2)
    assert resnet["parameters"] == 272_474
    for row in results.load("cifar10_search")["rows"]:
        assert row["macs"] <= resnet["macs"]
        assert row["parameters"] <= 272_378 or row["design"] == "ResNet-20", row["design"]


@pytest.mark.parametrize("network", cifar10.NETWORKS)
def test_the_rate_of_each_network_has_worse_ones_around_it(network):
    design = cifar10_search.DESIGN if network == "ModernCNN" else network
    rates = sorted(row["lr"] for row in of("cifar10_search", design=design))
    best = cifar10_search.best_rate(design)
    assert rates[0] < best < rates[-1]
    rows = of("cifar10", network=network)
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert {row["lr"] for row in rows} == {best}


def test_modern_cnn_is_a_point_ahead_of_resnet_20_at_no_more_macs():
    ours, theirs = (of("cifar10", network=name) for name in ("ModernCNN", "ResNet-20"))
    assert ours[0]["macs"] <= theirs[0]["macs"]
    assert statistics.mean(accuracies(ours)) >= statistics.mean(accuracies(theirs)) + 0.01
