"""One row of a comparison: a learning rate by validation, then fresh seeds at that rate."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import cache, partial

import torch
from torch import nn

from cnn_course.data import ImageSet
from cnn_course.training import History, evaluate, fit, predict

# The seeds that choose a rate are not those that give the figure.
SEARCH_SEEDS = (100, 101, 102)
SEEDS = tuple(range(10))
# Rates are 10^(k/2), half decades, to two digits. Where none of a first few beats guessing, all
# of WIDE are tried before a row is given up.
LOWEST, HIGHEST, WIDE = -10, 4, range(-6, 1)
SETTINGS = {
    "optimizer": "SGD, Nesterov momentum 0.9, one cycle",
    "learning_rate": "best mean validation accuracy of the search seeds, in half decades, "
    "further while the best is at an edge",
    "search_seeds": SEARCH_SEEDS,
}


def search_and_run(
    build: Callable[[], nn.Module],
    sets: dict[str, ImageSet],
    measure: Callable[[nn.Module], dict],
    *,
    watch: Callable[[nn.Module], dict] = lambda model: {},
    first: tuple[int, ...] = (-4, -3, -2),
    search_seeds: Sequence[int] = SEARCH_SEEDS,
    seeds: Iterable[int] = SEEDS,
    keep: Callable[[str, Callable[[], dict]], dict] = lambda name, compute: compute(),
    search_epochs: int | None = None,
    **options,
) -> dict:
    """What is recorded of a row: its `lr`, the `search` that chose it, and a run for each seed.

    `sets` holds "train" and "validation", `options` are those of `fit`. `measure` says what is
    recorded of a network that was trained with a fresh seed, which is where test images are looked
    at, and `watch` what is recorded of those of the search. The rates tried first are 10^(k/2) for
    the neighbouring k of `first`. `keep` is given each training, with a name for it, to carry out,
    and may know its outcome from before. The search has `search_epochs`, or as many as the runs.
    """
    searched = options if search_epochs is None else options | {"epochs": search_epochs}

    def one_try(k: int, seed: int) -> dict:
        run = train(build, sets, seed, lr=rate(k), **searched)
        kept = ("validation_accuracy", "diverged")
        return {key: run[key] for key in kept} | watch(run["model"])

    @cache
    def tries(k: int) -> list[dict]:
        return [keep(f"{rate(k)}-{s}", partial(one_try, k, s)) for s in search_seeds]

    def final(lr: float, seed: int) -> dict:
        return run_seeds(build, sets, [seed], measure, lr=lr, **options)[0]

    found = climb(tries, first, beaten(sets["validation"], len(search_seeds)))
    lr = found["lr"]
    return found | {
        "parameters": sum(p.numel() for p in build().parameters()),
        "runs": [keep(f"{lr}-{seed}", partial(final, lr, seed)) for seed in seeds],
    }


def climb(tries: Callable[[int], list[dict]], first: tuple[int, ...], guessing: float) -> dict:
    """The rate whose `tries` have the best mean validation accuracy, `lr`, and the `search` for it.

    On from `first` while the best is at the edge. Where none has a mean above `guessing`, all of
    `WIDE` are tried before a row is given up.
    """

    def score(k: int) -> float:
        return sum(run["validation_accuracy"] for run in tries(k))

    guessing *= len(tries(first[0]))
    ks = list(first)
    if score(max(ks, key=score)) <= guessing:
        ks = sorted({*ks, *WIDE})
    best = max(ks, key=score)
    while score(best) > guessing and best in (ks[0], ks[-1]) and LOWEST < best < HIGHEST:
        ks = sorted([*ks, best - 1 if best == ks[0] else best + 1])
        best = max(ks, key=score)
    return {
        "lr": rate(best),
        "beats_guessing": score(best) > guessing,
        "search": {rate(k): tries(k) for k in ks},
    }


def run_seeds(
    build: Callable[[], nn.Module],
    sets: dict[str, ImageSet],
    seeds: Iterable[int],
    measure: Callable[[nn.Module], dict] = lambda model: {},
    **options,
) -> list[dict]:
    """What is recorded of a training with each of `seeds`, and what `measure` says of its network.

    `sets` and `options` are as in `search_and_run`.
    """
    runs = []
    for seed in seeds:
        run = train(build, sets, seed, **options)
        model = run.pop("model")
        runs.append({"seed": seed} | run | measure(model))
    return runs


def accuracy(model: nn.Module, images: ImageSet) -> float:
    # Batches that stay in the cache: many test digits take as long as the training.
    return evaluate(model, images, batch_size=250).accuracy


def tested(model: nn.Module, images: ImageSet) -> dict:
    """What is recorded of a test: the accuracy, and which images the model has right."""
    right = predict(model, images, batch_size=250).argmax(1) == images.labels
    return {
        "test_accuracy": right.float().mean().item(),
        "right": "".join(map(str, right.int().tolist())),  # a 0 or 1 for each image
    }


def rate(k: int) -> float:
    """10^(k/2), to two digits."""
    return float(f"{10 ** (k / 2):.2g}")


def beaten(validation: ImageSet, networks: int) -> float:
    """The accuracy that so many networks which guess hardly ever have as their mean."""
    share = 1 / len(validation.classes)
    sd = math.sqrt(share * (1 - share) / len(validation) / networks)
    return share + 3 * sd


def train(build, sets: dict[str, ImageSet], seed: int, **options) -> dict:
    """A network trained with `seed`, "model", and what is recorded of its training.

    If the loss does not stay finite, the epochs before are kept, and its answers are counted.
    """
    torch.manual_seed(seed)
    model, history = build(), History()

    def keep(step, steps, loss, seen):
        nonlocal history
        history = seen

    diverged = False
    try:
        history = fit(
            model,
            sets["train"],
            sets["validation"],
            seed=seed,
            report=keep,
            **options,
        )
    except FloatingPointError:
        diverged = True
    return {
        "model": model,
        "history": asdict(history),
        "diverged": diverged,
        "validation_accuracy": accuracy(model, sets["validation"]),
    }
