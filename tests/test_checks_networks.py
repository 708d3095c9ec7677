"""A network that is handed in is judged by what it does, told what it lacks, and left as it was."""

import copy

import pytest
import torch
from failing_answers import leaves, throws
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import check
from cnn_course.data import load


class Knowing(nn.Module):
    """It knows so many of the validation digits by the sum of their pixels, and guesses the rest.

    `steady` is whether it knows them where they were moved, too.
    """

    def __init__(self, percent=100, steady=True, dtype=torch.float32):
        super().__init__()
        digits = load("mnist-sample", "validation")
        sums = digits.images.flatten(1).sum(1)
        self.register_buffer("known", sums)
        self.register_buffer("labels", digits.labels.clone())
        # A sum that two digits share may be answered wrongly; there are few.
        self.labels[5 * percent :] = (self.labels[5 * percent :] + 1) % 10
        self.steady = steady
        self.weight = nn.Parameter(torch.ones(1, dtype=dtype))

    def forward(self, x):
        assert x.dtype == self.weight.dtype
        sums = (255 * x.double()).round().flatten(1).sum(1).round().long()
        near = (sums[:, None] - self.known).abs().argmin(1)
        answers = self.labels[near]
        moved = not (x[..., :4].any() and x[..., -4:].any())  # as some digit of many reaches there
        if moved and not self.steady:
            answers = (answers + 1) % 10
        return F.one_hot(answers, 10).to(x) * self.weight


@pytest.mark.parametrize(
    ("percent", "words"),
    [
        (
            75,
            "may be enough. One that is steady learns slowly: try batch_size=32",
        ),
        (5, "That is guessing: was it trained"),
    ],
)
def test_1_6_tells_a_network_that_falls_short_what_to_try(percent, words, capsys):
    assert not check("1.6", Knowing(percent))
    said = capsys.readouterr().out
    assert "at least 85 % are asked for" in said
    assert words in said


def test_1_6_tells_a_network_that_is_not_steady_so(capsys):
    assert check("1.6", Knowing())
    assert not check("1.6", Knowing(steady=False))
    said = capsys.readouterr().out
    assert "Moved by -4 pixels" in said
    assert "Which of its layers know where a pixel is?" in said


def test_no_accuracy_is_rounded_to_the_one_asked_for(capsys):
    assert not check("4.9", Knowing(95))
    said = capsys.readouterr().out
    assert "96.0 %" not in said.split("at least")[0]
    assert "more epochs" in said


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_networks_of_other_types_are_given_what_they_take(dtype):
    assert check("4.9", Knowing(dtype=dtype))
    narrow = nn.Sequential(nn.Conv2d(1, 4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
    assert not check("4.9", narrow.to(dtype))


class Gives(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, x):
        return self.output(x)


TAKES = "A network gets floats in [0, 1] of shape (N, 1, 28, 28) and gives logits (N, 10). "


@pytest.mark.parametrize("number", ["1.6", "3.6", "4.9"])
@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Linear(784, 10), TAKES + "Given that, yours raised RuntimeError: mat1 and mat2"),
        (nn.Conv2d(3, 4, 3), TAKES + "Given that, yours raised RuntimeError"),
        (nn.Linear(28, 10), TAKES + "Yours gives the shape (2, 1, 28, 10) for (2, 1, 28, 28)."),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 5)), "the shape (2, 5) for (2, 1, 28, 28)"),
        (Gives(lambda x: x.sum()), "Yours gives the shape () for (2, 1, 28, 28)"),
        (Gives(lambda x: (x, x)), TAKES + "Yours gives a tuple and no tensor"),
        (Gives(lambda x: {"logits": x}), "a dict and no tensor"),
        (Gives(lambda x: None), "a NoneType and no tensor"),
        (Gives(leaves), "yours raised SystemExit: 3"),
        (Gives(throws), "yours raised UnspeakableError: (no readable message)"),
        (nn.Linear, "A trained model is asked for; this is the class Linear itself"),
        (3, "A trained model is asked for"),
    ],
)
def test_a_network_that_does_not_fit_is_told_what_does(number, model, words, capsys):
    assert not check(number, model)
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("number", ["1.6", "4.9"])
def test_a_network_that_ran_away_is_told_so(number, capsys):
    assert not check(number, Gives(lambda x: torch.full((len(x), 10), torch.nan)))
    assert (
        "not numbers (nan): train it anew, with a smaller learning rate" in capsys.readouterr().out
    )


class Restless(nn.Module):
    """Draws random numbers, keeps count of its calls, and writes into its input."""

    def __init__(self, classes=10):
        super().__init__()
        self.norm, self.drop = nn.BatchNorm2d(1), nn.Dropout()
        self.last = nn.Linear(784, classes)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        x.sub_(torch.rand(1).to(x))
        return self.last(self.drop(self.norm(x)).flatten(1))


@pytest.mark.parametrize("number", ["1.6", "3.6", "4.9"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("classes", [10, 7])
def test_the_model_is_left_as_it_was(number, dtype, classes):
    model = Restless(classes).to(dtype)
    model.drop.eval()
    model.last.weight.grad = torch.ones_like(model.last.weight)
    hook = model.last.register_forward_hook(lambda *arguments: None)
    before = copy.deepcopy(model)
    state = torch.get_rng_state()
    assert not check(number, model)
    assert torch.equal(torch.get_rng_state(), state)
    assert [layer.training for layer in model.modules()] == [True, True, False, True]
    for name, value in before.state_dict().items():
        assert model.state_dict()[name].dtype == value.dtype
        assert torch.equal(model.state_dict()[name], value), name
    assert all(p.requires_grad for p in model.parameters())
    assert torch.equal(model.last.weight.grad, torch.ones_like(model.last.weight))
    assert model.norm.weight.grad is None
    assert list(model.last._forward_hooks) == [hook.id]
    assert not model._forward_hooks
    assert torch.is_grad_enabled()
