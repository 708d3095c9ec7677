"""The checks of chapter 04: right answers in many forms pass, and usual mistakes are named."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import check
from cnn_course.models import LeNet5


def test_4_1_knows_what_changes_with_colour(capsys):
    answers = (83_126, 61_706, 82_826)
    assert [bool(check("4.1", answer)) for answer in answers] == [True, False, False]
    said = capsys.readouterr().out
    assert "grey images" in said
    assert "three channels" in said


def test_4_2_wants_large_logits_to_survive(capsys):
    assert check("4.2", lambda z, y: F.cross_entropy(z, torch.tensor(y)).item())
    assert check("4.2", lambda z, y: -z.log_softmax(0)[y])
    assert not check("4.2", lambda z, y: (z.exp().sum().log() - z[y]).item())
    assert "1000" in capsys.readouterr().out


def float32_steps(z, y):
    z = z.numpy()
    return z.max() + np.log(np.exp(z - z.max()).sum()) - z[y]


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: torch.logsumexp(z, 0) - z[y],
        lambda z, y: z.max() + (z - z.max()).exp().sum().log() - z[y],
        lambda z, y: torch.logsumexp(z, 0, keepdim=True) - z[y : y + 1],
        lambda z, y: F.nll_loss(z.log_softmax(0), torch.tensor(y)),
        lambda z, y: F.cross_entropy(z.double(), torch.tensor(y)).numpy(),
        lambda z, y: F.cross_entropy(z.clone().requires_grad_(), torch.tensor(y)),
        float32_steps,
    ],
)
def test_4_2_forgives_float32_its_rounding(loss):
    assert check("4.2", loss)


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: torch.logsumexp(z, 0) - z[y] + 0.01,
        lambda z, y: z.max() - z[y],
        lambda z, y: torch.logsumexp(z, 0),
        lambda z, y: z[y] - torch.logsumexp(z, 0),
        lambda z, y: (torch.logsumexp(z, 0) - z[y]) / len(z),
        lambda z, y: -(z.softmax(0)[y] + 1e-9).log2(),
        lambda z, y: z.log_softmax(0),
    ],
)
def test_4_2_forgives_nothing_else(loss):
    assert not check("4.2", loss)


def test_4_3_wants_rows_for_the_truth():
    def confusion(labels, answers, classes):
        return torch.bincount(labels * classes + answers, minlength=classes**2).view(classes, -1)

    assert check("4.3", confusion)
    assert not check("4.3", lambda labels, answers, classes: confusion(answers, labels, classes))


def test_4_4_wants_plain_momentum():
    def step(w, v, g, lr, mu, nesterov=False):
        v = mu * v + g
        return torch.stack([w - lr * (g + mu * v if nesterov else v), v])

    assert check("4.4", step)
    assert not check("4.4", lambda *arguments: step(*arguments, nesterov=True))


def test_4_9_counts_and_measures(capsys):
    assert not check("4.9", LeNet5())
    assert "61,706 parameters; 20,000 are allowed" in capsys.readouterr().out
    assert not check("4.9", nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
    assert "at least 96 % are asked for" in capsys.readouterr().out


def parts_step(scale=None, clear="before", moves=1):
    """A step in parts, with or without a usual mistake."""

    def step_in_parts(model, optimizer, parts):
        if clear == "before":
            optimizer.zero_grad()
        for x, y in parts:
            if clear == "each":
                optimizer.zero_grad()
            factor = scale or 1 / len(parts)
            (factor * F.cross_entropy(model(x), y)).backward()
        for _ in range(moves):
            optimizer.step()
        if clear == "behind":
            optimizer.zero_grad()

    return step_in_parts


def whole_step(model, optimizer, parts):
    x, y = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


def summed_step(model, optimizer, parts):
    optimizer.zero_grad()
    loss = sum(F.cross_entropy(model(x), y, reduction="sum") for x, y in parts)
    (loss / sum(len(y) for _, y in parts)).backward()
    optimizer.step()


@pytest.mark.parametrize(
    "answer", [parts_step(), parts_step(clear="behind"), whole_step, summed_step]
)
def test_4_5_takes_every_step_that_leaves_the_right_weights(answer):
    assert check("4.5", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (parts_step(scale=1), "divide it by the number of parts"),
        (parts_step(clear=None), "first one's gradients are still there."),
        (parts_step(scale=1, clear=None), "still there, and each loss is a mean already"),
        (parts_step(clear="each"), "Only the last part counts"),
        (parts_step(scale=1, clear="each"), "Only the last part counts"),
        (parts_step(moves=3), "moves the optimizer more than once"),
        (parts_step(moves=0), "The optimizer has not moved"),
        (lambda model, optimizer, parts: optimizer.step(), "do the losses go `backward`"),
        (parts_step(scale=0.1), "are not those of two steps on the whole minibatch"),
        (parts_step(scale=1 / 3), "are not those of two steps on the whole minibatch"),
        (lambda model, optimizer, parts: model(parts), "raised ValueError: images are list"),
        (3, "A function is asked for"),
    ],
)
def test_4_5_names_the_mistake(answer, words, capsys):
    assert not check("4.5", answer)
    assert words in capsys.readouterr().out


def by_heart(model, x, y, kind=torch.optim.SGD, clone=copy.deepcopy, enough=1, **settings):
    model = clone(model)
    optimizer = kind(model.parameters(), **settings)
    for _ in range(200):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = (model(x).argmax(1) == y).float().mean()
    return bool(right >= enough)


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.01, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"lr": 0.2},
        {"kind": torch.optim.Adam},
        {"kind": torch.optim.AdamW, "lr": 0.01},
    ],
)
def test_4_6_takes_every_usual_optimizer(settings):
    assert check("4.6", lambda *arguments: by_heart(*arguments, **settings))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *a: by_heart(*a, lr=0.1, clone=lambda model: model), "train a deep copy"),
        (lambda *a: True, "the same logits for every image it should give False and gave True"),
        (lambda *a: False, "For a sound network it should give True and gave False"),
        (lambda *a: 1.0, "should give True or False and gave 1.0"),
        (lambda *a: by_heart(*a, lr=1e-4), "For a sound network it should give True"),
        (lambda model, x, y: model.layers(y), "For a sound network it raised"),
        ("True", "A function is asked for"),
        (
            lambda *a: by_heart(*a, enough=0.9, lr=0.1),
            "one image of 16 that occurs twice, with different labels, it should give False",
        ),
    ],
)
def test_4_6_names_the_mistake(answer, words, capsys):
    assert not check("4.6", answer)
    assert words in capsys.readouterr().out


DIAGNOSIS = {
    "A": "rate too small",
    "B": "rate too large",
    "C": "too few digits",
    "D": "validation digits prepared otherwise",
}


def test_4_7_asks_back_about_the_first_wrong_panel(capsys):
    assert check("4.7", DIAGNOSIS)
    for panel, word in [("A", "how high"), ("B", "guesses"), ("C", "nearly 0"), ("D", "ever")]:
        wrong = next(text for text in DIAGNOSIS.values() if text != DIAGNOSIS[panel])
        assert not check("4.7", DIAGNOSIS | {panel: wrong})
        said = capsys.readouterr().out
        assert f"Panel {panel}: " in said
        assert word in said
        assert not check("4.7", DIAGNOSIS | {panel: ...})
        assert f"panel {panel} in the place of the three dots" in capsys.readouterr().out
        assert not check("4.7", DIAGNOSIS | {panel: "overfitting"})
        assert "'overfitting' is none of rate too small, " in capsys.readouterr().out
    assert not check("4.7", {"A": "rate too small"})
    assert "the keys A, B, C, D" in capsys.readouterr().out


def spot(model, image, label, side, by=torch.softmax, pick=torch.argmin, value=0.0, more=0):
    """With `more` squares at each side than fit, or fewer."""
    more = min(more, side - 1)
    height, width = (length - side + 1 + more for length in image.shape[1:])
    covered = image.repeat(height * width, 1, 1, 1)
    for n in range(height * width):
        i, j = divmod(n, width)
        covered[n, :, i : i + side, j : j + side] = value
    return divmod(pick(by(model(covered), 1)[:, label]).item(), width)


def test_4_8_takes_a_pair_of_any_kind():
    assert check("4.8", spot)
    for of_kind in (list, torch.tensor, np.array):
        assert check("4.8", lambda *arguments: of_kind(spot(*arguments)))  # noqa: B023


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *arguments: spot(*arguments)[::-1], "The row comes first, then the column"),
        (lambda *arguments: spot(*arguments, pick=torch.argmax), "should give"),
        (lambda *arguments: spot(*arguments, value=1.0), "should give"),
        (lambda model, image, label, side: spot(model, image, 0, side), "1, 2) should give"),
        (lambda *arguments: spot(*arguments)[0], "should give the shape (2,) and gave ()"),
        (lambda *arguments: None, "and gave None"),
        (lambda *arguments: arguments[9], "raised IndexError"),
        (lambda *arguments: spot(*arguments, more=2), ", 0, 3) should give [2, 3] and gave [4, 5]"),
        (lambda *arguments: spot(*arguments, more=-1), "should give"),
    ],
)
def test_4_8_names_the_mistake(answer, words, capsys):
    assert not check("4.8", answer)
    assert words in capsys.readouterr().out
