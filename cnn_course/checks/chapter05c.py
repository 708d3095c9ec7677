"""The checks of chapter 05c's exercises."""

import copy

import torch
from torch import Tensor, nn

from cnn_course.checks.answers import attempt, cases_of, first_line, hinted, kind
from cnn_course.models import ModernCNN


def _named(logits: Tensor, least: float, of=lambda z: z.softmax(1), keep=torch.ge) -> Tensor:
    value, answer = of(logits).max(1)
    return torch.where(keep(value, torch.tensor(least)), answer, -1)


def _name_or_none(answer) -> str | None:
    generator = torch.Generator().manual_seed(8)
    cases = [(torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.1, 0.2], [-9.0, -3.0, -9.0]]), 0.6)]
    for shape, least in [((1, 4), 0.3), ((5, 3), 0.5), ((8, 10), 0.4)]:
        cases.append((3 * torch.randn(shape, generator=generator), least))
    cases.append((torch.tensor([[0.3]]), 1.0))  # as sure as is asked for, and no less
    mistakes = [
        (
            lambda z, p: _named(z, p, of=lambda z: z),
            "`least` is a probability: compare it with the softmax, and not with the logits.",
        ),
        (
            lambda z, p: _named(z, p, of=lambda z: z.softmax(0)),
            "The softmax runs over the classes of an image, which lie along axis 1.",
        ),
        (
            lambda z, p: _named(z, p, keep=torch.lt),
            "It is the other way round: unsure answers become −1.",
        ),
    ]
    return hinted(answer, cases_of(_named, *cases), mistakes)


def _heat(
    head: nn.Module, maps: Tensor, target: int, pool=lambda g: g.mean((1, 2), keepdim=True)
) -> Tensor:
    """Equation (5c.3) before its ReLU."""
    maps = maps.clone().requires_grad_()
    logits = head(maps[None])[0]
    (gradient,) = torch.autograd.grad(logits[target], maps)
    return (pool(gradient) * maps.detach()).sum(0)


def _heat_of(answer) -> str | None:
    with torch.random.fork_rng():
        torch.manual_seed(9)
        by_hand = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
        by_hand[-1].weight.data = torch.tensor([[2.0, -1.0], [-1.0, 3.0]])
        flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 2 * 4, 5))
        deep = nn.Sequential(
            *(nn.Conv2d(4, 6, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            nn.Linear(6, 3),
        )
        corner = torch.tensor([[[4.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [2.0, 2.0]]])
        cases = [(by_hand, corner, 0), (by_hand, corner, 1)]
        cases += [(flat, torch.rand(3, 2, 4), k) for k in (0, 3)]
        cases += [(deep, torch.rand(4, 5, 6), k) for k in (0, 1, 2)]

    def right(head, maps, target):
        return _heat(head, maps, target).relu()

    def of_the_answer(head, maps, target):
        return right(head, maps, head(maps[None])[0].argmax())

    def divided(head, maps, target):
        found = right(head, maps, target)
        return found / found.max().clamp(min=1e-9)

    def elementwise(head, maps, target):
        return _heat(head, maps, target, pool=lambda g: g).relu()

    def summed(head, maps, target):
        return _heat(head, maps, target, pool=lambda g: g.sum((1, 2), keepdim=True)).relu()

    mistakes = [
        (_heat, "What speaks against the class becomes 0: the ReLU of equation (5c.3) is missing."),
        (
            lambda *case: _heat(*case).abs(),
            "What speaks against the class becomes 0; it does not count as speaking for it.",
        ),
        (summed, "α is the mean of the gradient over the positions, and not its sum."),
        (elementwise, "A map has one weight α, the mean of its gradient over all positions."),
        (of_the_answer, "It is asked about `target`, which need not be what the head answers."),
        (divided, "The map is not to be divided by its largest value."),
    ]
    return hinted(answer, cases_of(right, *cases), mistakes)


def _left(
    model: nn.Module, image: Tensor, heat: Tensor, count: int, label: int, *, hot=True, fill=None
) -> float:
    chosen = heat.flatten().topk(count, largest=hot).indices
    covered = image.flatten(1).clone()
    covered[:, chosen] = covered.mean(1, keepdim=True) if fill is None else fill(image)
    with torch.no_grad():
        return model(covered.view_as(image)[None]).softmax(1)[0, label].item()


def _probability_left(answer) -> str | None:
    cases = []
    with torch.random.fork_rng():
        torch.manual_seed(10)
        for channels, height, width, count, label in [
            (1, 2, 2, 1, 0),
            (3, 4, 4, 5, 2),
            (3, 5, 3, 7, 1),
            (2, 6, 6, 18, 0),
        ]:
            model = nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, 3))
            model[1].weight.data = torch.randn_like(model[1].weight)
            heat = torch.randperm(height * width).view(height, width) / (height * width)
            cases.append((model.eval(), torch.rand(channels, height, width), heat, count, label))

    def of_the_answer(model, image, heat, count, label):
        return max(_left(model, image, heat, count, k) for k in range(3))

    def lost(model, image, heat, count, label):
        before = _left(model, image, heat, 0, label)
        return before - _left(model, image, heat, count, label)

    mistakes = [
        (lambda *case: _left(*case, hot=False), "These are the coldest pixels."),
        (lambda *case: _left(*case, fill=lambda x: 0.0), "Fill with the mean colour, not black."),
        (
            lambda *case: _left(*case, fill=lambda x: x.mean()),
            "The mean colour has a value for each channel, the mean of its own pixels.",
        ),
        (of_the_answer, "It is asked about `label`, whatever the model answers now."),
        (lost, "What is left is asked for, and not what was lost."),
    ]
    return hinted(answer, cases_of(_left, *cases), mistakes)


def _for_new_classes(answer) -> str | None:
    for classes in (3, 10):
        with torch.random.fork_rng():
            torch.manual_seed(11)
            model = ModernCNN(stem=4, widths=(6, 8), depths=(1, 1)).eval()
        before = copy.deepcopy(model.state_dict())
        found, problem = attempt(answer, f"For {classes} classes it", model, classes)
        if problem:
            return problem
        if problem := _changed(model, before) or _new_head(found, model, classes, before):
            return problem
    return None


def _changed(model: nn.Module, before: dict[str, Tensor]) -> str | None:
    after = model.state_dict()
    same = after.keys() == before.keys() and all(
        after[name].shape == value.shape and torch.equal(after[name], value)
        for name, value in before.items()
    )
    if same and all(p.requires_grad for p in model.parameters()):
        return None
    return "It has changed the model that it was given: make a deep copy first, and change that."


def _new_head(found, model: nn.Module, classes: int, before: dict[str, Tensor]) -> str | None:
    """What is wrong with the network that was returned for the model."""
    if not isinstance(found, nn.Module):
        return f"It should return the network; {kind(found)}."
    try:
        last = found.layers[-1]
        state, parameters = found.state_dict(), dict(found.named_parameters())
    except Exception as error:
        return f"It should return a network with its layers in `layers`: {first_line(error)}"
    if not isinstance(last, nn.Linear) or (last.in_features, last.out_features) != (8, classes):
        return (
            f"For {classes} classes and 8 maps the last layer should be Linear(8, {classes}); it "
            f"is {str(last).splitlines()[0]}."
        )
    own = {id(p) for p in model.parameters()}
    if any(id(p) in own for p in parameters.values()):
        return "It shares weights with the model that it was given: make a deep copy."
    head = {name for name, p in parameters.items() if any(p is q for q in last.parameters())}
    old_head = f"layers.{len(model.layers) - 1}."
    for name, value in before.items():
        kept = (
            name in state and state[name].shape == value.shape and torch.equal(state[name], value)
        )
        if not (kept or name.startswith(old_head)):
            return f"{name} is not what it was in the model: all but the last layer must stay."
        if kept and name == f"{old_head}weight":
            return "For 10 classes the last layer is still the old one: it must be new there, too."
    learns = {name for name, p in parameters.items() if p.requires_grad}
    if learns - head:
        return (
            f"{len(learns - head)} tensors of other layers would learn too: freeze them with "
            "`requires_grad_(False)`."
        )
    if head - learns:
        return "The new layer is frozen as well: put it in after the others are frozen."
    return None


CHECKS = {
    "5c.1": _name_or_none,
    "5c.2": _heat_of,
    "5c.3": _probability_left,
    "5c.4": _for_new_classes,
}
