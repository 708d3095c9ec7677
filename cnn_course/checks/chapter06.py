"""The checks of chapter 06's exercises."""

import math

import torch
from torch import Tensor

from cnn_course.checks.answers import attempt, cases_of, hinted
from cnn_course.checks.networks import network, reads_digits
from cnn_course.checks.values import show, tensor


def _statistics(images: Tensor, correction: int = 0, scale: int = 255) -> Tensor:
    x = images.double() / scale
    return torch.stack([x.mean((0, 2, 3)), x.std((0, 2, 3), correction=correction)])


def _within(images: Tensor) -> Tensor:
    x = images.double() / 255
    return torch.stack([x.mean((0, 2, 3)), x.std((2, 3), correction=0).mean(0)])


def _mean_and_sd(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    images = []
    for shape in [(2, 3, 4, 5), (5, 1, 3, 3), (3, 2, 6, 4)]:
        levels = torch.randint(40, 160, (*shape[:2], 1, 1), generator=generator)
        noise = torch.randint(0, 90, shape, generator=generator)
        images.append(((levels + noise).byte(),))
    mistakes = [
        (_within, "That is the mean of each image's own deviation; take all pixels together."),
        (lambda x: _statistics(x, scale=1), "Scale the pixels to [0, 1] first."),
        (lambda x: _statistics(x, correction=1), "Divide by n, not by n − 1: `correction=0`."),
        (lambda x: _statistics(x).square(), "The second row is asked for as a deviation."),
        (
            lambda x: torch.stack([_statistics(x)[0], _statistics(x)[1].square()]),
            "That is the variance; its square root is asked for.",
        ),
        (lambda x: _statistics(x).flip(0), "The mean comes first."),
        (lambda x: _statistics(x).T, "One row for the means, one for the deviations: (2, C)."),
    ]
    return hinted(answer, cases_of(_statistics, *images), mistakes)


def _kept(losses, patience, strict: bool = True) -> int:
    best = 0
    for epoch, loss in enumerate(losses):
        if epoch and (loss < losses[best] if strict else loss <= losses[best]):
            best = epoch
        if epoch - best == patience:
            break
    return best + 1


def _stopped(losses, patience) -> int:
    return min(_kept(losses, patience) + patience, len(losses))


def _kept_epoch(answer) -> str | None:
    arguments = [
        ([3.0, 2.0, 1.0, 2.0, 3.0, 0.5], 2),
        ([5.0, 4.0, 3.0], 2),
        ([1.0, 1.0, 1.0, 0.5], 2),
        ([2.0, 1.0, 1.5, 0.9, 1.0, 0.95, 1.0, 0.1], 3),
        ([2.0, 3.0, 1.0], 1),
        ([3.0, 2.0, 4.0, 4.0, 1.0, 5.0, 5.0, 5.0, 0.5], 2),
        ([1.0], 4),
    ]
    mistakes = [
        (_stopped, "That is where the training stops; the weights of the best epoch are kept."),
        (lambda losses, patience: _kept(losses, patience) - 1, "Epochs count from 1."),
        (
            lambda losses, patience: losses.index(min(losses)) + 1,
            "That is the best of all epochs; the training would have stopped before.",
        ),
        (
            lambda losses, patience: _kept(losses, patience, strict=False),
            "A loss that equals the best one is not below it.",
        ),
        (
            lambda losses, patience: _kept(losses, patience + 1),
            "It waits one epoch too long.",
        ),
        (
            lambda losses, patience: losses[_kept(losses, patience) - 1],
            "That is the loss; the number of its epoch is asked for.",
        ),
    ]
    return hinted(answer, cases_of(_kept, *arguments), mistakes)


CHANGES = ("flip", "half turn")


def _allowed(answer) -> str | None:
    right = {
        "cells": ({"flip", "half turn"}, "does a cell lie differently if it is sick?"),
        "left or right": (set(), "where does the arrow point after each of the two?"),
        "up or down": ({"flip"}, "where does the arrow point after each of the two?"),
        "S or Z": ({"half turn"}, "write an S, look at it in a mirror, and turn the paper around."),
    }
    if not isinstance(answer, dict) or set(answer) != set(right):
        return f"A dictionary with the keys {', '.join(map(repr, right))} is asked for."
    for task, (expected, hint) in right.items():
        given = answer[task]
        if given is ...:
            return f"Put a set for {task!r} in the place of the three dots."
        given = () if given is None or given == {} else given
        given = (given,) if isinstance(given, str) else given
        listed = isinstance(given, set | frozenset | list | tuple)
        if not listed or any(change not in CHANGES for change in given):
            known = " and ".join(map(repr, CHANGES))
            return f"{task!r}: give a set of {known}, or an empty one, and not {show(given)}."
        if set(given) != expected:
            return f"{task!r}: {hint}"
    return None


def _drop_maps(answer) -> str | None:
    """By its laws, since which maps are dropped is a lot: whole ones, one by one, and scaled."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(4, 300, 2, 3, generator=generator)
    x = x + x.sign()  # nothing near 0
    for p, training in [(0.3, False), (0.3, True), (0.75, True), (0.0, True)]:
        call = f"drop_maps(x, {p}, {training}) for x of shape {tuple(x.shape)}"
        given = []
        for _ in range(2):
            value, problem = attempt(answer, call, x.clone(), p, training)
            if problem:
                return problem
            given.append(value)
        found = [tensor(value) for value in given]
        if any(f is None or f.shape != x.shape for f in found):
            wrong = show(given[0]) if found[0] is None else f"the shape {tuple(found[0].shape)}"
            return f"{call} should give a tensor of that shape and gave {wrong}."
        found = [f.double() for f in found]
        if not training:
            if not all(torch.allclose(f, x.double()) for f in found):
                return "With training=False nothing is dropped or scaled: give x as it is."
            continue
        if problem := _dropped_maps(x.double(), found[0], p):
            return problem
        if p and torch.equal(found[0] == 0, found[1] == 0):
            return "Two calls drop the same maps: draw the lots in each call."
    return None


def _dropped_maps(x: Tensor, found: Tensor, p: float) -> str | None:
    zero = found == 0
    whole = zero.flatten(2).all(2)  # (N, C)
    if not torch.equal(whole, zero.flatten(2).any(2)):
        return "Within a map some numbers are 0 and others not: one lot for each map, (N, C, 1, 1)."
    if whole.any() and (whole == whole[0]).all():
        return "All images lose the same maps: one lot for each map of each image, (N, C, 1, 1)."
    if whole.any() and (whole == whole[:, :1]).all():
        return "An image loses all of its maps or none: one lot for each map, (N, C, 1, 1)."
    share, count = whole.double().mean().item(), whole.numel()
    off = 5 * math.sqrt(p * (1 - p) / count)
    if abs(share - p) > off:
        problem = f"With p = {p} about {p:.0%} of the maps are 0; of yours {share:.0%} are."
        swapped = abs(share - (1 - p)) <= off
        return f"{problem} The p is what is dropped, not what is kept." if swapped else problem
    kept = ~zero
    if torch.allclose(found[kept], x[kept] / (1 - p), rtol=1e-4):
        return None
    if torch.allclose(found[kept], x[kept], rtol=1e-4):
        return "What is kept must be divided by 1 − p, else the mean over the lots is too small."
    return f"With p = {p} a map that is kept should be {1 / (1 - p):.4g} times as large as before."


def _move(running_mean, running_var, x, momentum, correction: int = 1) -> Tensor:
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=correction)
    old = torch.stack([running_mean, running_var])
    return (1 - momentum) * old + momentum * torch.stack([mean, var])


def _moved(answer) -> str | None:
    generator = torch.Generator().manual_seed(3)
    arguments = []
    for shape, momentum in [((2, 3, 2, 2), 0.1), ((3, 1, 1, 2), 0.5), ((4, 2, 3, 1), 0.25)]:
        x = 1 + 2 * torch.randn(shape, generator=generator)
        start = torch.rand(2, shape[1], generator=generator)
        arguments.append((start[0], start[1], x, momentum))
    mistakes = [
        (lambda *a: _move(*a, correction=0), "The variance that is kept has n − 1 below."),
        (
            lambda mean, var, x, momentum: _move(mean, var, x, 1 - momentum),
            "`momentum` is the part that is new, not the part that stays.",
        ),
        (lambda *a: _move(*a).flip(0), "The mean comes first."),
        (
            lambda mean, var, x, momentum: _move(mean, var, x, 1.0),
            "These are the minibatch's own; the running ones move there by a part only.",
        ),
    ]
    return hinted(answer, cases_of(_move, *arguments), mistakes)


def _unfair(full: dict, rows: dict) -> list[str]:
    def differing(row):
        keys = full.keys() | row.keys()
        return [k for k in keys if (k in full, full.get(k)) != (k in row, row.get(k))]

    return [name for name, row in rows.items() if len(differing(row)) != 1]


def _unfair_rows(answer) -> str | None:
    full = {"crop": 4, "flip": True, "decay": 5e-4}
    cases = [
        {"no crop": full | {"crop": 0}, "no flip": full | {"flip": False}},
        {"again": dict(full), "no flip": full | {"flip": False}},
        {"two at once": full | {"crop": 0, "flip": False}, "all": {"crop": 1, "flip": 0}},
        {"flip is gone": {"crop": 4, "decay": 5e-4}, "dropout": full | {"p": 0.2}},
        {"added and changed": full | {"p": 0.2, "crop": 0}, "renamed": {**full, "Flip": True}},
        {"None for nothing": {"crop": 4, "flip": True, "decay": None}},
        {"other key": {"crop": 4, "flip": True, "wd": 5e-4}},
        {
            "None is new": full | {"p": None},
            "and a change": full | {"p": None, "crop": 0},
            "no crop": full | {"crop": 0},
        },
    ]
    for rows in cases:
        expected = _unfair(full, rows)
        call = f"unfair_rows({full}, {rows})"
        copies = {name: dict(row) for name, row in rows.items()}
        found, problem = attempt(answer, call, dict(full), copies)
        if problem:
            return problem
        if not isinstance(found, list | tuple | set | frozenset):
            return f"{call} should give a list of names and gave {show(found)}."
        names = list(found)
        if sorted(map(str, names)) != sorted(expected) or len(names) != len(expected):
            hint = ""
            if sorted(map(str, names)) == sorted(set(rows) - set(expected)):
                hint = " These are the fair rows."
            elif any(row.keys() != full.keys() for row in rows.values()):
                hint = " A key that only one of the two has is a difference, too."
            elif any(row == full for row in rows.values()):
                hint = " A row that differs in nothing is no ablation."
            return f"{call} should give {expected} and gave {names}.{hint}"
    return None


def _frugal(answer) -> str | None:
    return network(answer, most=100_000) or reads_digits(answer, percent=93)


CHECKS = {
    "6.1": _mean_and_sd,
    "6.2": _kept_epoch,
    "6.3": _allowed,
    "6.4": _drop_maps,
    "6.5": _moved,
    "6.6": _unfair_rows,
    "6.7": _frugal,
}
