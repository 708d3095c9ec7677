"""The recording of chapter 05c: nobody is tested on pixels that taught or chose anything."""

import numpy as np
import pytest
import surfaces
import torch

from cnn_course.models import ModernCNN

# Grey levels that say where a pixel was cut out: upper left, upper right, lower left, lower right.
QUARTERS = np.kron(np.array([[0, 150], [100, 250]]), np.ones((256, 256))).astype(np.uint8)


@pytest.fixture
def quarters(monkeypatch):
    monkeypatch.setattr(surfaces, "SURFACES", dict.fromkeys(surfaces.SURFACES, QUARTERS))


@pytest.mark.parametrize("seed", range(3))
def test_the_left_half_teaches_and_the_right_half_tests(quarters, seed):
    few, others = surfaces.drawn(seed)
    assert (len(few), len(others)) == (15, 120)
    assert few.images.max() <= 100  # between 0 and 100 where a crop lies across both quarters
    assert others.images.min() >= 150


def test_a_rate_is_chosen_on_the_left_half(quarters):
    few, others = surfaces.drawn_for_search(100)
    assert few.images.unique().tolist() == [0]
    assert others.images.unique().tolist() == [100]


def test_each_way_changes_what_it_should(monkeypatch):
    torch.manual_seed(0)
    shipped = ModernCNN(stem=4, widths=(6, 8))
    few, _ = surfaces.drawn(0)
    shipped.layers[0].set_from(few)
    before = shipped.state_dict()

    def copied(name):
        model = ModernCNN(stem=4, widths=(6, 8))
        model.load_state_dict(before)
        return model

    def changed(way: str) -> set[str]:
        after = surfaces.learned(way, few, 0.01, seed=1).state_dict()
        head = f"layers.{len(shipped.layers) - 1}."
        body = [name for name in before if not name.startswith(head)]
        return {name for name in body if not torch.equal(before[name], after[name])}

    monkeypatch.setattr(surfaces, "load_pretrained", copied)
    assert changed("last layer only") == set()
    fine_tuned = changed("fine-tuned")
    assert "layers.1.0.weight" in fine_tuned
    assert not [name for name in fine_tuned if "running" in name or "mean" in name]
