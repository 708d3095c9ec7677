"""The weights that come with the course: cards, accuracy, and the run that made them."""

import hashlib
import re
import shutil
import statistics
from pathlib import Path

import modern_cnn as recorded_run
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image, ImageOps

from cnn_course import commands, results, weight_files, widgets
from cnn_course.data import SPLITS, load
from cnn_course.models import (
    LeNet5,
    ModernCNN,
    load_model,
    load_pretrained,
    pretrained,
    save_model,
)
from cnn_course.models.pretrained import WEIGHTS, sha256_on_card
from cnn_course.quantization import to_int8
from cnn_course.recipes import RECIPES
from cnn_course.training import evaluate

FILES = sorted(WEIGHTS.glob("*.safetensors"))


def test_there_are_weights():
    assert [file.stem for file in FILES] == ["lenet5", "modern_cnn", "modern_cnn_int8"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_has_a_card_with_its_checksum(file):
    card = file.with_suffix(".md").read_text(encoding="utf-8")
    assert sha256_on_card(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    for word in ("Data", "Recipe", "Seed", "Accuracy", "Not for"):
        assert f"**{word}**" in card


def test_lenet5_reads_the_digits_that_it_was_not_trained_on():
    model = load_pretrained("lenet5")
    assert isinstance(model, LeNet5)
    assert not model.training
    counts = {split: len(load("mnist-sample", split)) for split in SPLITS}
    right = sum(evaluate(model, load("mnist-sample", s)).accuracy * counts[s] for s in SPLITS)
    accuracy = right / sum(counts.values())
    rows = results.load("lenet5")["rows"]
    recorded = {run["seed"]: run["validation_accuracy"] for row in rows for run in row["runs"]}
    assert len(recorded) == 5
    assert accuracy == pytest.approx(recorded[0], abs=6e-4)  # three digits of 5,000
    card = (WEIGHTS / "lenet5.md").read_text(encoding="utf-8")
    assert re.search(r"\*\*Seed\*\*: (\d+)", card)[1] == "0"
    mean, sd = statistics.mean(recorded.values()), statistics.stdev(recorded.values())
    assert f"{recorded[0]:.2%}; over 5 seeds {mean:.2%} ± {sd:.2%}" in card


def test_modern_cnn_is_seed_0_of_the_recipe_that_the_other_seeds_chose():
    rows = results.load("modern_cnn")["rows"]
    assert len(rows) == len(recorded_run.ROWS)
    shipped = recorded_run.shipped(rows)
    means = {
        (row["erase"], row["weight_decay"]): statistics.mean(
            same["runs"][0]["validation_accuracy"]
            for same in rows
            if same["erase"] == row["erase"]
            and same["weight_decay"] == row["weight_decay"]
            and same["seed"] in recorded_run.SEARCH_SEEDS
        )
        for row in rows
    }
    assert means[shipped["erase"], shipped["weight_decay"]] == max(means.values())
    recipe = RECIPES["modern_cnn"]
    assert shipped["erase"] == recipe["augment"].erase
    assert shipped["weight_decay"] == recipe["weight_decay"]
    (run,) = shipped["runs"]
    assert run["seed"] == 0
    counts = torch.tensor(run["confusion"])
    assert counts.sum(1).tolist() == [500] * 10
    assert run["validation_accuracy"] == pytest.approx(counts.diag().sum().item() / 5_000)
    for name, other in (("validation", "int8"), ("int8", "validation")):
        stem = "modern_cnn" + "_int8" * (name == "int8")
        card = (WEIGHTS / f"{stem}.md").read_text(encoding="utf-8")
        assert f"one view of each: {run[f'{name}_accuracy']:.2%};" in card
        assert f" {run[f'{other}_accuracy']:.2%}.\n" in card


def test_the_weights_of_8_bits_are_those_of_the_other_file():
    floats, small = (
        weight_files.read(WEIGHTS / f"modern_cnn{end}.safetensors")[0] for end in ("", "_int8")
    )
    expected = to_int8(floats)
    assert small.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(small[name], tensor, rtol=1e-6, atol=0)


def test_modern_cnn_knows_a_cat_and_a_horse():
    model = load_pretrained("modern_cnn")
    assert isinstance(model, ModernCNN)
    assert not model.training
    _, about = load_model(WEIGHTS / "modern_cnn.safetensors")
    for name, file in (("cat", "chelsea"), ("horse", "horse")):
        picture = ImageOps.fit(
            Image.fromarray(getattr(skimage.data, file)()).convert("RGB"),
            (32, 32),
            Image.Resampling.BILINEAR,
        )
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
        assert about["classes"][model(x).argmax().item()] == name


def test_it_was_trained_on_the_other_digits():
    train, validation = results.load("lenet5")["provenance"]["data"]
    assert (train["count"], validation["count"]) == (55_000, 5_000)


def test_the_file_knows_classes_size_and_normalisation():
    model, about = load_model(FILES[0])
    assert about == {
        "model": "lenet5",
        "in_channels": 1,
        "input_size": 28,
        "classes": [str(digit) for digit in range(10)],
        "data": "mnist",
    }
    assert model.layers[0].mean.item() == pytest.approx(0.1307, abs=1e-3)
    assert model(torch.rand(2, 1, 28, 28)).shape == (2, 10)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match=r"no weights come with the course for 'vgg', only for"):
        load_pretrained("vgg")


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The folder of the shipped weights, to be changed."""
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path / "weights")
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_is_made_of_weights_that_are_not_those_of_their_card(copies, file):
    load_pretrained(file.stem)
    data = bytearray((copies / file.name).read_bytes())
    data[-1] ^= 1
    (copies / file.name).write_bytes(data)
    with pytest.raises(
        ValueError, match=rf"{file.name} is not as it came with .* install the course"
    ):
        load_pretrained(file.stem)
    with pytest.raises(ValueError, match="its SHA-256 is not the one on its card"):
        commands.evaluate(file.stem, "mnist-sample", "test", "cpu", False, False)


@pytest.mark.parametrize("card", [None, b"", b"**SHA-256** of `a`: `0123`", b"\xff"])
def test_weights_without_their_checksum_are_not_used(copies, card):
    (copies / "lenet5.md").unlink()
    if card is not None:
        (copies / "lenet5.md").write_bytes(card)
    with pytest.raises(ValueError, match=r"lenet5.md does not say what the SHA-256 of lenet5.safe"):
        load_pretrained("lenet5")


def test_the_figure_shows_no_weights_but_those_of_their_card(tmp_path, monkeypatch):
    file, small = tmp_path / "modern_cnn_int8.safetensors", {"stem": 4, "widths": (6, 8)}
    about = {"in_channels": 3, "input_size": 32, "classes": [str(k) for k in range(10)]}
    monkeypatch.setattr(pretrained, "build", lambda *sizes: ModernCNN(**small))
    save_model(file, ModernCNN(**small), "modern_cnn", about, int8=True)
    monkeypatch.setitem(widgets.classify_picture.__globals__, "SHIPPED", file)

    def says(digest):
        line = f"- **SHA-256** of `{file.name}`: `{digest}`\n"
        file.with_suffix(".md").write_text(line, encoding="utf-8")

    with pytest.raises(ValueError, match=r"modern_cnn_int8.md does not say what the SHA-256 of"):
        widgets.classify_picture()
    says("0" * 64)
    with pytest.raises(ValueError, match="its SHA-256 is not the one on its card"):
        widgets.classify_picture()
    says(hashlib.sha256(file.read_bytes()).hexdigest())
    assert widgets.classify_picture().data["classes"] == about["classes"]
