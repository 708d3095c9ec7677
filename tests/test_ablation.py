"""The ablation of chapter 06: from row to row one key of the configuration changes."""

import ablation
import pytest
import torch
from torch import nn

from cnn_course import results

ROWS = list(ablation.CHANGES)
ONE_KEY = [name for name in ROWS[1:] if name != ablation.NOTHING]


def differing(one: dict, other: dict) -> set[str]:
    assert one.keys() == other.keys()
    return {key for key in one if one[key] != other[key]}


@pytest.mark.parametrize("name", ONE_KEY)
def test_a_row_changes_one_key(name):
    assert len(differing(ablation.CONFIGURATIONS[name], ablation.FULL)) == 1


def test_the_rows_are_told_apart_and_the_last_one_has_nothing_but_batch_normalization():
    assert ablation.CONFIGURATIONS[ROWS[0]] == ablation.FULL
    for one in ROWS:
        for other in ROWS:
            same = ablation.CONFIGURATIONS[one] == ablation.CONFIGURATIONS[other]
            assert same == (one == other)
    nothing = ablation.CONFIGURATIONS[ROWS[-1]]
    assert {key for key, value in nothing.items() if value} == {"batch_norm"}


@pytest.mark.parametrize("name", ROWS)
def test_a_configuration_decides_the_network_and_the_training(name):
    """Each key has its own part of the network or of the options of `fit`."""
    configuration = ablation.CONFIGURATIONS[name]
    model, options = ablation.build(configuration), ablation.options(configuration)
    norms = sum(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert norms == (14 if configuration["batch_norm"] else 0)
    dropped = [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)]
    assert dropped == ([configuration["dropout"]] if configuration["dropout"] else [])
    assert isinstance(model.layers[-1], nn.Linear)
    for key in ("crop", "flip", "rotation"):
        assert getattr(options["augment"], key) == configuration[key]
    for key in ("weight_decay", "label_smoothing"):
        assert options[key] == configuration[key]
    model.eval()
    assert model(torch.randn(2, 3, 32, 32)).std() < 2  # no row starts with logits that shout


def test_what_is_recorded_is_what_the_script_says():
    for row in results.load("ablation")["rows"]:
        assert row["configuration"] == ablation.CONFIGURATIONS[row["change"]]
        assert [run["seed"] for run in row["runs"]] == list(ablation.SEEDS)
