"""Chapters on a full data set as torchvision leaves it, from tiny files of the same layout."""

import re
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import pytest
import torch
from tiny_data_sets import write_cifar10, write_mnist

from cnn_course.data import load

CHAPTERS = Path(__file__).parents[1] / "chapters"
MNIST = (
    "01_why_not_an_mlp",
    "03_activation_and_pooling",
    "04_lenet5",
    "06_preprocessing_and_regularization",
)


def code_before_exercises(path: Path) -> list[str]:
    cells = []
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "code":
            cells.append(re.sub(r"^%.*$", "", cell.source, flags=re.MULTILINE))
        elif re.search(r"^## Exercises$", cell.source, re.MULTILINE):
            return cells
    raise AssertionError(f"{path.name} has no exercises")


def run(stem: str, folder: Path, monkeypatch) -> dict:
    """The names that the chapter leaves, run as CNN_COURSE_DATA=full on what `folder` holds."""
    monkeypatch.setenv("CNN_COURSE_DATA", "full")
    monkeypatch.setenv("CNN_COURSE_CACHE", str(folder))
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    names = {"__name__": "chapter"}
    with plt.rc_context():
        for source in code_before_exercises(CHAPTERS / f"{stem}.md"):
            exec(compile(source, stem, "exec"), names)
    return names


@pytest.mark.slow
@pytest.mark.parametrize("stem", MNIST)
def test_a_chapter_runs_unchanged_on_all_of_mnist(stem, tmp_path, monkeypatch):
    validation, train = load("mnist-sample", "validation"), load("mnist-sample", "train")
    others = train.images[:2000, 0].clone()
    others[:, 0, 0] = 9  # so that they are not digits of the sample, which are for validation
    images = torch.cat([validation.images[:60, 0], others])
    labels = torch.cat([validation.labels[:60], train.labels[:2000]])
    write_mnist(tmp_path, images.numpy(), labels.byte().numpy())
    names = run(stem, tmp_path, monkeypatch)
    assert repr(names["train"]) == "mnist train: 2,000 images 1×28×28, 10 classes"
    assert repr(names["test"]) == "mnist test: 2,060 images 1×28×28, 10 classes"


def test_chapter_05_runs_unchanged_on_cifar10(tmp_path, monkeypatch):
    write_cifar10(tmp_path, monkeypatch)
    names = run("05_modern_cnn", tmp_path, monkeypatch)
    assert repr(names["train"]) == "cifar10 train: 450 images 3×32×32, 10 classes"
    assert repr(names["test"]) == "cifar10 test: 100 images 3×32×32, 10 classes"
    assert len(names["answers"]) == 100  # of the narrow ModernCNN, trained on those pictures
