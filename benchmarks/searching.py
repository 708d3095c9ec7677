"""Find a learning rate for one row of a comparison: several rates, several seeds, validation."""

from collections.abc import Callable
from dataclasses import asdict

import torch
from torch import nn

from cnn_course.data import ImageSet
from cnn_course.training import History, fit


def search(
    build: Callable[[], nn.Module],
    sets: dict[str, ImageSet],
    rates,
    seeds,
    measure: Callable[[nn.Module, ImageSet], object] | None = None,
    **options,
) -> list[dict]:
    """One dictionary for each seed, at the rate with the best mean validation accuracy.

    `options` are those of `fit`. The accuracies at the other rates are kept as well, and what
    `measure` says of each trained network and the training images. A run whose loss does not stay
    finite counts as accuracy 0. The trained network is the entry "model".
    """
    tries = {}
    for lr in rates:
        for seed in seeds:
            torch.manual_seed(seed)
            model = build()
            history = _train(model, sets, lr=lr, seed=seed, **options)
            accuracy = history.validation_accuracy[-1] if history else 0.0
            measured = measure(model, sets["train"]) if measure and history else None
            tries[lr, seed] = model, history, accuracy, measured
    best = max(rates, key=lambda lr: sum(tries[lr, seed][2] for seed in seeds))
    rows = []
    for seed in seeds:
        model, history, *_ = tries[best, seed]
        row = {
            "seed": seed,
            "lr": best,
            "parameters": sum(p.numel() for p in model.parameters()),
            "validation_accuracy_by_lr": {lr: tries[lr, seed][2] for lr in rates},
            "history": asdict(history),
            "model": model,
        }
        if measure:
            row[f"{measure.__name__}_by_lr"] = {lr: tries[lr, seed][3] for lr in rates}
        rows.append(row)
    return rows


def _train(model: nn.Module, sets: dict[str, ImageSet], **options) -> History | None:
    try:
        return fit(model, sets["train"], sets["validation"], device="cpu", **options)
    except FloatingPointError:
        return None
