"""The checks of chapter 06: right answers in many forms pass, and usual mistakes are named."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import check

# ----------------------------------------------------------------------------- 6.1, statistics


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: torch.stack([f(x / 255) for f in (mean, sd)]),
        lambda x: [mean(x.double() / 255).tolist(), sd(x.double() / 255).tolist()],
        lambda x: np.stack([(x.numpy() / 255).mean((0, 2, 3)), (x.numpy() / 255).std((0, 2, 3))]),
        lambda x: torch.stack([mean(x.float()), sd(x.float())]) / 255,
        lambda x: by_squares(x / 255),
    ],
)
def test_6_1_takes_every_way_to_the_two_numbers(answer):
    assert check("6.1", answer)


def mean(x):
    return x.mean((0, 2, 3))


def sd(x, **options):
    return x.std((0, 2, 3), **({"correction": 0} | options))


def by_squares(x):
    return torch.stack([mean(x), (mean(x.square()) - mean(x).square()).sqrt()])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            lambda x: torch.stack([mean(x / 255), (x / 255).std((2, 3), correction=0).mean(0)]),
            "each image's own deviation",
        ),
        (lambda x: torch.stack([mean(x / 1.0), sd(x / 1.0)]), "Scale the pixels"),
        (lambda x: torch.stack([mean(x / 255), sd(x / 255, correction=1)]), "correction=0"),
        (lambda x: torch.stack([mean(x / 255), sd(x / 255).square()]), "the variance"),
        (lambda x: torch.stack([sd(x / 255), mean(x / 255)]), "The mean comes first"),
        (lambda x: torch.stack([mean(x / 255), sd(x / 255)], 1), "(2, C)"),
        (lambda x: (mean(x / 255), sd(x / 255), 0), "should give"),
        (lambda x: x.mean(), "raised"),
    ],
)
def test_6_1_names_the_mistake(answer, words, capsys):
    assert not check("6.1", answer)
    assert words in capsys.readouterr().out


# -------------------------------------------------------------------------- 6.2, early stopping


def kept(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best, waited = epoch, 0
        else:
            waited += 1
            if waited >= patience:
                break
    return best + 1


def kept_by_infinity(losses, patience):
    best, at = float("inf"), 0
    for epoch, loss in enumerate(losses, 1):
        if loss < best:
            best, at = loss, epoch
        elif epoch - at >= patience:
            return at
    return at


@pytest.mark.parametrize("answer", [kept, kept_by_infinity, lambda *a: torch.tensor(kept(*a))])
def test_6_2_takes_every_loop(answer):
    assert check("6.2", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda losses, patience: losses.index(min(losses)) + 1, "would have stopped before"),
        (lambda losses, patience: kept(losses, patience) - 1, "count from 1"),
        (lambda losses, patience: min(kept(losses, patience) + patience, len(losses)), "kept"),
        (lambda losses, patience: kept(losses, patience + 1), "one epoch too long"),
        (lambda losses, patience: losses[kept(losses, patience) - 1], "number of its epoch"),
        (lambda losses, patience: float(kept(losses, patience)), "whole number"),
        (3, "A function is asked for"),
    ],
)
def test_6_2_names_the_mistake(answer, words, capsys):
    assert not check("6.2", answer)
    assert words in capsys.readouterr().out


def test_6_2_wants_a_loss_below_the_best(capsys):
    def not_above(losses, patience):
        best = 0
        for epoch, loss in enumerate(losses):
            best = epoch if loss <= losses[best] else best
            if epoch - best == patience:
                break
        return best + 1

    assert not check("6.2", not_above)
    assert "not below it" in capsys.readouterr().out


# ----------------------------------------------------------------------- 6.3, what may be changed

RIGHT = {
    "cells": {"flip", "half turn"},
    "left or right": set(),
    "up or down": {"flip"},
    "S or Z": {"half turn"},
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"cells": ["half turn", "flip"], "left or right": []},
        {"up or down": "flip", "S or Z": ("half turn",), "left or right": None},
        {"left or right": {}},
    ],
)
def test_6_3_takes_sets_in_many_forms(change):
    assert check("6.3", RIGHT | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": set()}, "'cells': does a cell"),
        ({"left or right": {"half turn"}}, "'left or right': where"),
        ({"up or down": {"flip", "half turn"}}, "'up or down': where"),
        ({"S or Z": {"flip"}}, "'S or Z': write an S"),
        ({"S or Z": ...}, "three dots"),
        ({"S or Z": {"turn"}}, "give a set of 'flip' and 'half turn'"),
        ({"S or Z": 5}, "give a set of"),
        ({"S or Z": [["flip"]]}, "give a set of"),
        ({"more": set()}, "A dictionary with the keys"),
    ],
)
def test_6_3_names_the_task(change, words, capsys):
    assert not check("6.3", RIGHT | change)
    assert words in capsys.readouterr().out


# ------------------------------------------------------------------------- 6.4, whole feature maps


def drop(x, p, training, shape=(True, True), scale=True, keep=False, always=False):
    if not (training or always):
        return x
    size = [n if wanted else 1 for n, wanted in zip(x.shape, shape, strict=False)]
    lot = torch.rand(*size, *(1,) * (4 - len(size)))
    kept = lot < p if keep else lot >= p
    return x * kept / ((1 - p) if scale else 1)


@pytest.mark.parametrize(
    "answer",
    [
        drop,
        F.dropout2d,
        lambda x, p, training: x * F.dropout(torch.ones(x.shape[:2]), p, training)[..., None, None],
        lambda x, p, training: nn.Dropout2d(p).train(training)(x),
        lambda x, p, training: drop(x.double(), p, training).numpy(),
    ],
)
def test_6_4_takes_every_lot(answer):
    for seed in range(20):
        torch.manual_seed(seed)
        assert check("6.4", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (F.dropout, "some numbers are 0"),
        (lambda x, p, t: drop(x, p, t, shape=(False, True)), "All images lose the same"),
        (lambda x, p, t: drop(x, p, t, shape=(True, False)), "all of its maps or none"),
        (lambda x, p, t: drop(x, p, t, scale=False), "divided by 1 − p"),
        (lambda x, p, t: drop(x, p, t, keep=True), "not what is kept"),
        (lambda x, p, t: drop(x, p, t, always=True), "With training=False"),
        (lambda x, p, t: x if t else drop(x, p, True), "With training=False"),
        (lambda x, p, t: x, "of the maps are 0"),
        (lambda x, p, t: F.dropout2d(x, p, t) * (1 - p) ** t * 3**t, "times as large as before"),
        (lambda x, p, t: F.dropout2d(x, p, t)[0], "and gave the shape"),
        (lambda x, p, t: None, "and gave None"),
        (lambda x, p, t: ..., "the three dots"),
        (lambda x, p: x, "raised TypeError"),
    ],
)
def test_6_4_names_the_mistake(answer, words, capsys):
    assert not check("6.4", answer)
    assert words in capsys.readouterr().out


def test_6_4_wants_other_maps_in_each_call(capsys):
    def always_the_same(x, p, training):
        torch.manual_seed(0)
        return drop(x, p, training)

    assert not check("6.4", always_the_same)
    assert "draw the lots in each call" in capsys.readouterr().out


# ---------------------------------------------------------------------- 6.5, running statistics


def layer(running_mean, running_var, x, momentum):
    F.batch_norm(x, running_mean, running_var, training=True, momentum=momentum)
    return torch.stack([running_mean, running_var])


def move(running_mean, running_var, x, momentum, correction=1):
    var = x.var((0, 2, 3), correction=correction)
    return torch.stack(
        [torch.lerp(running_mean, x.mean((0, 2, 3)), momentum), running_var.lerp(var, momentum)]
    )


def test_6_5_takes_what_the_layer_does():
    assert check("6.5", move)
    assert check("6.5", layer)  # which writes into what it is given


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda m, v, x, a: move(m, v, x, a, correction=0), "n − 1"),
        (lambda m, v, x, a: move(m, v, x, 1 - a), "the part that is new"),
        (lambda m, v, x, a: move(m, v, x, a).flip(0), "The mean comes first"),
        (lambda m, v, x, a: move(m, v, x, 1.0), "by a part only"),
        (lambda m, v, x, a: torch.stack([m, v]), "should give"),
    ],
)
def test_6_5_names_the_mistake(answer, words, capsys):
    assert not check("6.5", answer)
    assert words in capsys.readouterr().out


# ------------------------------------------------------------------------------ 6.6, one key a row


def changed(full, row):
    return sum((k in full) != (k in row) or full[k] != row[k] for k in set(full) | set(row))


def unfair(full, rows):
    return [name for name, row in rows.items() if changed(full, row) != 1]


@pytest.mark.parametrize(
    "answer", [unfair, lambda f, r: set(unfair(f, r)), lambda f, r: tuple(reversed(unfair(f, r)))]
)
def test_6_6_takes_every_order(answer):
    assert check("6.6", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda f, r: [n for n in r if n not in unfair(f, r)], "These are the fair rows"),
        (lambda f, r: [n for n in r if sum(f[k] != r[n].get(k) for k in f) > 1], "no ablation"),
        (lambda f, r: [n for n in r if sum(f[k] != r[n].get(k) for k in f) != 1], "only one of"),
        (lambda f, r: [n for n in r if sum(f.get(k) != r[n][k] for k in r[n]) != 1], "only one of"),
        (
            lambda f, r: [n for n in r if sum(f.get(k) != r[n].get(k) for k in f | r[n]) != 1],
            "only one of the two has is a difference",
        ),
        (lambda f, r: len(unfair(f, r)), "a list of names and gave"),
        (lambda f, r: [n for n in r if sum(f[k] != r[n][k] for k in f) != 1], "raised KeyError"),
    ],
)
def test_6_6_names_the_mistake(answer, words, capsys):
    assert not check("6.6", answer)
    assert words in capsys.readouterr().out


# ------------------------------------------------------------------------------------- 6.7, design


def test_6_7_counts_and_measures(capsys):
    assert not check("6.7", nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    assert "at least 93 % are asked for" in capsys.readouterr().out
    big = nn.Sequential(nn.Flatten(), nn.Linear(784, 130), nn.Linear(130, 10))
    assert not check("6.7", big)
    assert "100,000 are allowed" in capsys.readouterr().out
    assert not check("6.7", 94)


@pytest.mark.parametrize("number", ["6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7"])
@pytest.mark.parametrize(
    "answer", [None, 0, "x", [], {}, lambda *a: None, lambda: 1, object, torch.zeros(3), ...]
)
def test_nothing_strange_passes_or_raises(number, answer):
    assert not check(number, answer)
