"""The Vision Transformer that was recorded is the one that chapter 07 shows, and fairly matched."""

import ast
from pathlib import Path

import chapter07
import chapter07_longer
import jupytext
import pytest
import torch
from chapter import parse
from torch.nn import functional as F
from vit import Attention, ViT

from cnn_course import results
from cnn_course.inspection import layer_table

ROOT = Path(__file__).parents[1]
CELLS = jupytext.read(ROOT / "chapters" / "07_summary.md").cells
SHOWN = [n for cell in CELLS if cell.cell_type == "code" for n in parse(cell.source).body]


def named(statements, kind):
    return {n.name: ast.dump(n) for n in statements if isinstance(n, kind)}


def test_the_chapter_shows_what_was_recorded():
    recorded = ast.parse((ROOT / "benchmarks" / "vit.py").read_text(encoding="utf-8"))
    assert named(SHOWN, ast.ClassDef) == named(recorded.body, ast.ClassDef)


@pytest.mark.parametrize("side", [1, 4])
def test_the_chapter_shuffles_as_the_recording_did(side):
    (shown,) = (n for n in SHOWN if isinstance(n, ast.FunctionDef) and n.name == "shuffle")
    names = {"torch": torch, "F": F}
    exec(compile(ast.Module([shown], []), "shuffle", "exec"), names)
    images = torch.rand(2, 3, 32, 32)
    shuffled = chapter07.Shuffle(side)(images)
    assert torch.equal(names["shuffle"](images, side), shuffled)
    assert torch.equal(shuffled.flatten(2).sort().values, images.flatten(2).sort().values)
    assert not torch.equal(shuffled, images)


def test_attention_is_pytorchs():
    attention, x = Attention(12, heads=3), torch.randn(2, 5, 12)
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    for ours, name in ((attention.qkv, "in_proj_"), (attention.out, "out_proj.")):
        for kind in ("weight", "bias"):
            theirs.get_parameter(name + kind).data.copy_(getattr(ours, kind))
    torch.testing.assert_close(attention(x), theirs(x, x, x)[0])


def test_both_networks_have_one_size():
    sizes = [layer_table(build(), (3, 32, 32)).parameters for build in chapter07.NETWORKS.values()]
    assert max(sizes) <= 1.05 * min(sizes)


def test_a_vit_without_positions_sees_no_order():
    vit, images = ViT().eval(), torch.rand(2, 3, 32, 32)
    torch.nn.init.zeros_(vit.position)
    torch.testing.assert_close(vit(chapter07.Shuffle(4)(images)), vit(images))


def test_each_row_has_the_optimizer_and_the_rate_that_its_search_found_best():
    recorded = results.load("chapter07")
    assert len(recorded["rows"]) == 8
    for row in recorded["rows"]:
        assert [run["seed"] for run in row["runs"]] == list(chapter07.SEEDS)
        means = {
            (optimizer, float(lr)): sum(run["validation_accuracy"] for run in runs)
            for optimizer, rates in row["search"].items()
            for lr, runs in rates.items()
        }
        assert means[row["optimizer"], row["lr"]] == max(means.values())
        rates = [lr for optimizer, lr in means if optimizer == row["optimizer"]]
        assert min(rates) < row["lr"] < max(rates)


def test_both_networks_had_about_the_same_time():
    rows = results.load("chapter07")["rows"]
    seconds = {
        (row["network"], row["order"], row["more"]): sum(
            sum(run["history"]["seconds"]) for run in row["runs"]
        )
        for row in rows
    }
    for (network, *case), spent in seconds.items():
        if network == "ViT":
            assert 0.67 < spent / seconds["CNN", *case] < 1.5


def test_the_longer_trainings_differ_in_length_alone():
    rows = results.load("chapter07")["rows"]
    usual = {(r["network"], r["more"]): r for r in rows if r["order"] == "in order"}
    rows = results.load("chapter07_longer")["rows"]
    assert [(row["network"], row["more"]) for row in rows] == list(usual)
    for row in rows:
        before = usual[row["network"], row["more"]]
        same = ("optimizer", "lr", "images")
        assert [row[key] for key in same] == [before[key] for key in same]
        assert row["epochs"] == chapter07_longer.LONGER * before["epochs"]
        assert [run["seed"] for run in row["runs"]] == list(chapter07.SEEDS)
