"""The checks of chapter 05c: right answers in many forms pass, and usual mistakes are named."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.checks import check


def named(logits, least, axis=1, of=torch.softmax):
    value, answer = of(logits, axis).max(1)
    return torch.where(value < least, -1, answer)


def in_a_loop(logits, least):
    found = []
    for row in logits.softmax(1).tolist():
        found.append(row.index(max(row)) if max(row) >= least else -1)
    return found


@pytest.mark.parametrize(
    "answer",
    [
        named,
        in_a_loop,
        lambda z, p: named(z, p).float(),
        lambda z, p: named(z.double(), p).numpy(),
        lambda z, p: named(z, p, of=lambda z, axis: z.log_softmax(axis).exp()),
    ],
)
def test_5c_1_takes_every_form(answer):
    assert check("5c.1", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda z, p: named(z, p, of=lambda z, axis: z), "compare it with the softmax"),
        (lambda z, p: named(z, p, axis=0), "along axis 1"),
        (lambda z, p: torch.where(named(z, p) == -1, z.argmax(1), -1), "other way round"),
        (lambda z, p: z.argmax(1), "should give [0, -1, 1]"),
        (
            lambda z, p: torch.where(z.softmax(1).amax(1) > p, z.argmax(1), -1),
            "should give [0] and",
        ),
        (lambda z, p: named(z, p)[:, None], "should give the shape (3,) and gave (3, 1)"),
        (lambda z, p: None, "and gave None"),
    ],
)
def test_5c_1_names_the_mistake(answer, words, capsys):
    assert not check("5c.1", answer)
    assert words in capsys.readouterr().out


def heat(head, maps, target, pool=lambda g: g.mean((1, 2), keepdim=True), end=torch.relu):
    maps = maps.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(head(maps[None])[0, target], maps)
    return end((pool(gradient) * maps).sum(0))


def by_backward(head, maps, target):
    x = maps[None].requires_grad_()
    x.retain_grad()
    head(x)[:, target].sum().backward()
    return F.relu(torch.einsum("k,kij->ij", x.grad[0].mean((1, 2)), maps)).detach()


def by_differences(head, maps, target):
    """In double precision, without autograd."""
    head, maps = copy.deepcopy(head).double(), maps.double()
    gradient = torch.zeros_like(maps)
    for place in range(maps.numel()):
        step = torch.zeros_like(maps)
        step.view(-1)[place] = 1e-5
        with torch.no_grad():
            up, down = (head((maps + s)[None])[0, target] for s in (step, -step))
        gradient.view(-1)[place] = (up - down) / 2e-5
    return (gradient.mean((1, 2), keepdim=True) * maps).sum(0).clamp(min=0)


@pytest.mark.parametrize(
    "answer", [heat, by_backward, by_differences, lambda *case: heat(*case).tolist()]
)
def test_5c_2_takes_every_way_to_a_gradient(answer):
    assert check("5c.2", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *case: heat(*case, end=lambda h: h), "the ReLU of equation (5c.3) is missing"),
        (lambda *case: heat(*case, end=torch.abs), "does not count as speaking for it"),
        (lambda *case: heat(*case, pool=lambda g: g.sum((1, 2), keepdim=True)), "not its sum"),
        (lambda *case: heat(*case, pool=lambda g: g), "one weight α"),
        (
            lambda head, maps, target: heat(head, maps, head(maps[None]).argmax()),
            "need not be what the head answers",
        ),
        (lambda *case: heat(*case) / heat(*case).max().clamp(min=1e-9), "not to be divided"),
        (lambda *case: heat(*case)[None], "should give the shape"),
        (lambda head, maps, target: head(maps), "raised "),
        (heat(nn.Flatten(), torch.rand(1, 1, 2), 0), "A function is asked for"),
    ],
)
def test_5c_2_names_the_mistake(answer, words, capsys):
    assert not check("5c.2", answer)
    assert words in capsys.readouterr().out


def left(model, image, heat, count, label, *, largest=True, fill=None):
    hot = heat.flatten().topk(count, largest=largest).indices
    x = image.flatten(1).clone()
    x[:, hot] = image.mean((1, 2))[:, None] if fill is None else fill(image)
    return model(x.view_as(image)[None]).softmax(1)[0, label]


def by_mask(model, image, heat, count, label):
    least = heat.flatten().sort().values[-count]
    mean = image.mean((1, 2), keepdim=True)
    x = torch.where(heat >= least, mean, image)
    return F.softmax(model(x.unsqueeze(0)), dim=-1).detach().numpy()[0, label]


@pytest.mark.parametrize("answer", [left, by_mask, lambda *case: left(*case).item()])
def test_5c_3_takes_every_number(answer):
    assert check("5c.3", answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *case: left(*case, largest=False), "coldest pixels"),
        (lambda *case: left(*case, fill=lambda x: 0.0), "mean colour, not black"),
        (lambda *case: left(*case, fill=lambda x: x.mean()), "a value for each channel"),
        (
            lambda model, image, heat, count, label: max(
                left(model, image, heat, count, k) for k in range(3)
            ),
            "whatever the model answers now",
        ),
        (
            lambda model, image, heat, count, label: (
                model(image[None]).softmax(1)[0, label] - left(model, image, heat, count, label)
            ),
            "not what was lost",
        ),
        (lambda *case: "much", "should give a number"),
    ],
)
def test_5c_3_names_the_mistake(answer, words, capsys):
    assert not check("5c.3", answer)
    assert words in capsys.readouterr().out


def new_head(model, classes, clone=copy.deepcopy, freeze=True, late=False, bias=True):
    model = clone(model)
    if freeze and not late:
        model.requires_grad_(False)
    model.layers[-1] = nn.Linear(model.layers[-1].in_features, classes, bias=bias)
    if late:
        model.requires_grad_(False)
    return model


def one_by_one(model, classes):
    model = new_head(model, classes, freeze=False)
    for name, p in model.named_parameters():
        p.requires_grad = name.startswith("layers.13")
    return model.train()


@pytest.mark.parametrize(
    "answer",
    [new_head, one_by_one, lambda model, classes: new_head(model, classes, bias=False)],
)
def test_5c_4_takes_every_way_to_freeze(answer):
    assert check("5c.4", answer)


def grown(model, classes):
    """A new layer for another number of classes alone."""
    return new_head(model, classes) if classes != 10 else copy.deepcopy(model)


def reset(model, classes):
    model = new_head(model, classes)
    model.layers[1][0].reset_parameters()
    return model


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda *a: new_head(*a, clone=lambda model: model), "make a deep copy first"),
        (lambda *a: new_head(*a, clone=copy.copy), "It has changed the model"),
        (lambda *a: new_head(*a, freeze=False), "tensors of other layers would learn too"),
        (lambda *a: new_head(*a, late=True), "The new layer is frozen as well"),
        (grown, "For 10 classes the last layer is still the old one"),
        (reset, "layers.1.0.weight is not what it was"),
        (lambda model, classes: new_head(model, 5), "should be Linear(8, 3); it is Linear(in"),
        (lambda model, classes: None, "It should return the network"),
        (lambda model, classes: nn.Linear(8, classes), "with its layers in `layers`"),
        (lambda model: model, "For 3 classes it raised TypeError"),
        ("new_head", "A function is asked for"),
    ],
)
def test_5c_4_names_the_mistake(answer, words, capsys):
    assert not check("5c.4", answer)
    assert words in capsys.readouterr().out
