"""The checks of chapter 04's exercises."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn_course.checks.answers import attempt, function, whole_number
from cnn_course.checks.networks import network, reads_digits
from cnn_course.checks.values import show, tensor, truth
from cnn_course.data import load
from cnn_course.models import MLP


def _lenet5_in_colour(answer) -> str | None:
    expected = 83_126
    hints = {
        61_706: "That is for grey images of 28×28.",
        62_006: "C1 sees three channels; but C5 sees 16 maps of 6×6 now.",
        82_826: "C1 sees three channels.",
    }
    return whole_number(answer, expected, hints)


def _cross_entropy(answer) -> str | None:
    cases = [([2, 1, 0], 0), ([2, 1, 0], 2), ([0, 0], 1), ([-3, 5, 1, 1], 3), ([1000, 999], 1)]
    return function(
        answer,
        [
            (
                (torch.tensor(z).float(), y),
                F.cross_entropy(torch.tensor(z).float(), torch.tensor(y)).item(),
            )
            for z, y in cases
        ],
    )


def _confusion_matrix(answer) -> str | None:
    cases = []
    for labels, answers, classes in [
        ([0, 1, 1], [0, 1, 0], 2),
        ([0], [2], 3),
        ([2, 2, 2, 0], [2, 2, 1, 0], 3),
    ]:
        expected = torch.zeros(classes, classes, dtype=torch.int64)
        for label, given in zip(labels, answers, strict=True):
            expected[label, given] += 1
        cases.append(((torch.tensor(labels), torch.tensor(answers), classes), expected))
    return function(answer, cases)


def _momentum_step(answer) -> str | None:
    cases = []
    for w, v, g, lr, mu in [
        ([1.0, 2.0], [0.0, 0.0], [1.0, -1.0], 0.5, 0.9),
        ([1.0], [2.0], [3.0], 0.1, 0.5),
        ([0.0, 1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], 1.0, 0.9),
    ]:
        w, v, g = map(torch.tensor, (w, v, g))
        velocity = mu * v + g
        cases.append(((w, v, g, lr, mu), torch.stack([w - lr * velocity, velocity])))
    return function(answer, cases)


def _step_in_parts(answer) -> str | None:
    """Two calls, of three parts and of two, beside two steps on the whole; then usual mistakes."""
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(12, 1, 28, 28, generator=generator)
    y = torch.randint(10, (12,), generator=generator)
    minibatches = [list(zip(x.split(n), y.split(n), strict=True)) for n in (4, 6)]
    start, _ = _ready()
    found, optimizer = _ready()
    moves = _count_moves(optimizer)
    for call, parts in enumerate(minibatches, 1):
        copies = [(a.clone(), b.clone()) for a, b in parts]
        where = f"On {len(parts)} parts of {len(x) // len(parts)} images each it"
        if problem := attempt(answer, where, found, optimizer, copies)[1]:
            return problem
        if len(moves) == 0:
            return "The optimizer has not moved: call `optimizer.step()` once."
        if len(moves) != call:
            return (
                "A call moves the optimizer more than once, or not each time; let the gradients "
                "of all parts add up first, and then move."
            )
    if _same(found, start):
        return "The model is as it was: do the losses go `backward` before the optimizer moves?"
    for hint, way in _WAYS:
        model, optimizer = _ready()
        for parts in minibatches:
            way(model, optimizer, parts)
        if _same(found, model):
            return hint or None
    return "After two calls the weights are not those of two steps on the whole minibatch."


def _ready() -> tuple[nn.Module, torch.optim.Optimizer]:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = MLP((8,))
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def _count_moves(optimizer) -> list:
    moves, move = [], optimizer.step

    def step(*arguments, **named):
        moves.append(1)
        return move(*arguments, **named)

    optimizer.step = step
    return moves


def _same(model: nn.Module, other: nn.Module) -> bool:
    return all(
        torch.allclose(a, b, rtol=1e-4, atol=1e-6)
        for a, b in zip(model.parameters(), other.parameters(), strict=True)
    )


def _parts(mean: bool = True, clear_first: bool = True, clear_each: bool = False):
    def step(model, optimizer, parts):
        if clear_first:
            optimizer.zero_grad()
        for x, y in parts:
            if clear_each:
                optimizer.zero_grad()
            (F.cross_entropy(model(x), y) / (len(parts) if mean else 1)).backward()
        optimizer.step()

    return step


_LAST_ONLY = "Only the last part counts: clear the gradients before the loop, and not in it."
# What is said of a function that leaves the weights as this one does; nothing of the right one.
_WAYS = [
    ("", _parts()),
    ("The loss of a part is a mean already: divide it by the number of parts.", _parts(mean=False)),
    ("In the second call the first one's gradients are still there.", _parts(clear_first=False)),
    (
        "In the second call the first one's gradients are still there, and each loss is a mean "
        "already: divide it by the number of parts.",
        _parts(mean=False, clear_first=False),
    ),
    (_LAST_ONLY, _parts(clear_each=True)),
    (_LAST_ONLY, _parts(mean=False, clear_each=True)),
]


class _Deaf(nn.Module):
    """Gives the same logits for every image, whatever it learns."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(10))

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), 10)


def _learns_by_heart(answer) -> str | None:
    digits = load("mnist-sample", "validation")
    x, y = digits.images[:16].float() / 255, digits.labels[:16]
    with torch.random.fork_rng():
        torch.manual_seed(6)
        healthy, dead = MLP((32,)), MLP((32,))
        mixed = torch.randint(10, (16,))
    with torch.no_grad():
        dead.layers[2].bias.fill_(-1e3)  # whose ReLUs are closed for every image
    twice = torch.cat([x[:4], x[:4]]), torch.cat([y[:4], (y[:4] + 1) % 10])
    one_pair = torch.cat([x[:15], x[:1]]), torch.cat([y[:15], (y[:1] + 1) % 10])
    for name, model, images, labels, expected in [
        ("a sound network", healthy, x, y, True),
        ("a network that gives the same logits for every image", _Deaf(), x, y, False),
        ("a network whose ReLUs are all dead", dead, x, y, False),
        (
            "a sound network and labels drawn by lot, which it can learn too,",
            healthy,
            x,
            mixed,
            True,
        ),
        ("images that occur twice, with different labels,", healthy, *twice, False),
        ("one image of 16 that occurs twice, with different labels,", healthy, *one_pair, False),
    ]:
        before = copy.deepcopy(model.state_dict())
        found, problem = attempt(answer, f"For {name} it", model, images.clone(), labels.clone())
        if problem:
            return problem
        for key, value in model.state_dict().items():
            if not torch.equal(value, before[key]):
                return "It has changed the model that it was given; train a deep copy."
        if truth(found) is None:
            return f"For {name} it should give True or False and gave {show(found)}."
        if truth(found) is not expected:
            return f"For {name} it should give {expected} and gave {truth(found)}."
    return None


def _diagnosis(answer) -> str | None:
    right = {
        "A": (
            "rate too small",
            "its losses fall late and together; how high are they when the training is over?",
        ),
        "B": ("rate too large", "what does a network that guesses have for a loss?"),
        "C": ("too few digits", "which of its two losses is nearly 0, and when does the gap open?"),
        "D": (
            "validation digits prepared otherwise",
            "is its validation loss ever lower than a guesser's, as in C before one overfits?",
        ),
    }
    if not isinstance(answer, dict) or set(answer) != set(right):
        return f"A dictionary with the keys {', '.join(right)} is asked for."
    known = [name for name, _ in right.values()]
    for panel, (name, hint) in right.items():
        given = answer[panel]
        if given is ...:
            return f"Put your answer for panel {panel} in the place of the three dots."
        if not isinstance(given, str) or given not in known:
            return f"Panel {panel}: {show(given)} is none of {', '.join(known)}."
        if given != name:
            return f"Panel {panel}: {hint}"
    return None


class _Looks(nn.Module):
    """Two classes; the first one's logit is the weighted sum of all pixels."""

    def __init__(self, weights: Tensor):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x: Tensor) -> Tensor:
        logit = (x[:, 0] * self.weights).sum((1, 2))
        return torch.stack([logit, torch.zeros_like(logit)], 1)


def _weakest_spot(answer) -> str | None:
    generator = torch.Generator().manual_seed(7)
    cases = []
    for height, width, side, label in [(5, 7, 1, 0), (6, 6, 3, 0), (8, 5, 2, 1), (4, 9, 4, 0)]:
        weights = torch.randn(height, width, generator=generator) / 2
        image = torch.rand(1, height, width, generator=generator)
        sums = F.avg_pool2d((image * weights)[None], side, stride=1)[0, 0]
        # The share of class 0 falls with what is taken from its logit, and that of class 1 rises.
        spot = (sums if label == 0 else -sums).argmax().item()
        expected = torch.tensor(divmod(spot, sums.shape[1]))
        cases.append(((_Looks(weights), image, label, side), expected))
    # The last pixel matters most, and all others speak against it: less of a square that reached
    # over the border would cost more.
    weights = torch.full((5, 6), -3.0)
    weights[-1, -1] = 10
    cases.append(((_Looks(weights), torch.ones(1, 5, 6), 0, 3), torch.tensor([2, 3])))
    problem = function(answer, cases)
    if problem is None or "raised" in problem or not callable(answer):
        return problem
    for (model, image, label, side), expected in cases:
        found = tensor(attempt(answer, "", copy.deepcopy(model), image.clone(), label, side)[0])
        if found is not None and found.tolist() == expected.flip(0).tolist():
            return f"{problem} The row comes first, then the column."
    return problem


def _slim(answer) -> str | None:
    return network(answer, most=20_000) or reads_digits(answer, percent=96)


CHECKS = {
    "4.1": _lenet5_in_colour,
    "4.2": _cross_entropy,
    "4.3": _confusion_matrix,
    "4.4": _momentum_step,
    "4.5": _step_in_parts,
    "4.6": _learns_by_heart,
    "4.7": _diagnosis,
    "4.8": _weakest_spot,
    "4.9": _slim,
}
