"""Chapter 07: a CNN and a Vision Transformer of one size, on `mnist-m`, in order and shuffled.

Both have some 26,000 parameters, and as many epochs as take about the same processor time, which is
recorded. Each has the optimizer, SGD or AdamW, and the rate that three seeds find on validation
after a third of the epochs; five fresh seeds give the figure. In order, both are also given ten
times the images for as many steps, at the same optimizer and rate.
The test digits are 10,000 others of MNIST's training split in `mnist-m`'s form, over the
photographs' test bands: on its own 1,000 one standard error is a point.
Run from the project's root: python benchmarks/chapter07.py FOLDER (some hour and a half on one
thread; two processes share the work, and what was stopped goes on), where FOLDER/train/<digit>/
holds MNIST's 60,000 training images.
"""

import math
import sys
import time
from dataclasses import asdict
from functools import cache, partial

import torch
from digits import FEW, mnist
from photos import STATE
from recording import once, record
from searching import SEARCH_SEEDS, accuracy, beaten, climb, rate
from torch import Tensor, nn
from torch.nn import functional as F
from vit import ViT

from cnn_course.augmentation import Augment
from cnn_course.data import ImageSet, load
from cnn_course.data.blended import build_mnist_m
from cnn_course.data.images import hold_out
from cnn_course.devices import choose_device, on_device
from cnn_course.history import History
from cnn_course.inspection import layer_table
from cnn_course.models import ModernCNN, Normalize
from cnn_course.training import evaluate, one_cycle

NETWORKS = {
    "CNN": partial(ModernCNN, stem=8, widths=(16, 32), depths=(1, 2)),  # 26,002 parameters
    "ViT": ViT,  # 25,258
}
EPOCHS = {"CNN": 30, "ViT": 60}  # about the same processor time
SEARCH_EPOCHS = {network: epochs // 3 for network, epochs in EPOCHS.items()}
BATCH, AUGMENT, SEEDS = 32, Augment(crop=2), range(5)
# Each with the weight decay that is usual for it, and the rates that are tried first.
OPTIMIZERS = {
    "SGD": (partial(torch.optim.SGD, momentum=0.9, nesterov=True), 5e-4, (-3, -2, -1)),
    "AdamW": (torch.optim.AdamW, 0.05, (-6, -5, -4)),
}
DECAYS = {name: decay for name, (_, decay, _) in OPTIMIZERS.items()}
SQUARES = {"patches shuffled": 4, "pixels shuffled": 1}  # their sides
MORE = 10  # times the images
LEARNED = {1: "train", MORE: "more"}  # the sets by how many times the images they have


class Shuffle(nn.Module):
    """Squares of `side` pixels in another order, the same for all images: (N, 3, 32, 32)."""

    def __init__(self, side: int):
        super().__init__()
        self.side = side
        count, generator = (32 // side) ** 2, torch.Generator().manual_seed(0)
        self.register_buffer("order", torch.randperm(count, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        squares = F.unfold(x, self.side, stride=self.side)  # (N, 3·side², count)
        return F.fold(squares[:, :, self.order], x.shape[2:], self.side, stride=self.side)


def build(network: str, order: str) -> nn.Sequential:
    first = Shuffle(SQUARES[order]) if order in SQUARES else nn.Identity()
    return nn.Sequential(first, NETWORKS[network]())


def train(
    model: nn.Module,
    images: ImageSet,
    validation: ImageSet,
    *,
    epochs: int,
    optimizer: str,
    lr: float,
    seed: int,
    device: torch.device,
) -> History:
    """What `fit` does, with a choice of the optimizer. It ends where the loss is not finite."""
    make, decay, _ = OPTIMIZERS[optimizer]
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0}]
    moves = make(groups, lr=lr)
    pixels, labels = images.images.to(device), images.labels.to(device)
    steps, step = epochs * math.ceil(len(images) / BATCH), 0
    history = History()
    torch.manual_seed(seed)
    for _ in range(epochs):
        model.train()
        start, total = time.process_time(), 0.0  # of the processor, in this one thread
        for batch in torch.randperm(len(images)).to(device).split(BATCH):
            for group in moves.param_groups:
                group["lr"] = one_cycle(step, steps, lr)
            loss = F.cross_entropy(model(AUGMENT(pixels[batch])), labels[batch])
            if not loss.isfinite():
                return history
            moves.zero_grad()
            loss.backward()
            moves.step()
            step, total = step + 1, total + loss.item() * len(batch)
        history.seconds.append(time.process_time() - start)
        history.train_loss.append(total / len(images))
        result = evaluate(model, validation, batch_size=250, device=device)
        history.validation_loss.append(result.loss)
        history.validation_accuracy.append(result.accuracy)
    return history


def trained(network: str, order: str, sets: dict, images: str, device: str | None, **options):
    """A network that learned from the set `images`, and what is recorded of it."""
    device = choose_device(device)
    torch.manual_seed(options["seed"])
    model = build(network, order).to(memory_format=torch.channels_last)
    for layer in model.modules():
        if isinstance(layer, Normalize):
            layer.set_from(sets[images])
    with on_device(model, device):
        history = train(model, sets[images], sets["validation"], **options, device=device)
    return model, {
        "seed": options["seed"],
        "history": asdict(history),
        "diverged": len(history.train_loss) < options["epochs"],
        "validation_accuracy": accuracy(model, sets["validation"]),
    }


def kept(name: str, compute) -> dict:
    """What `compute` gave, now or before a recording was stopped."""
    return once(STATE / "chapter07", name.replace(" ", "-"), compute)


def search(network: str, order: str, sets: dict[str, ImageSet]) -> dict:
    """The optimizer and the rate that validation prefers, and all that was tried."""

    def one_try(optimizer: str, k: int, seed: int) -> dict:
        options = {"epochs": SEARCH_EPOCHS[network], "optimizer": optimizer, "lr": rate(k)}
        _, run = trained(network, order, sets, "train", "cpu", **options, seed=seed)
        return {key: run[key] for key in ("validation_accuracy", "diverged")}

    @cache
    def tries(optimizer: str, k: int) -> list[dict]:
        name = f"{network} {order} {optimizer} {rate(k)}"
        return [kept(f"{name} {s}", partial(one_try, optimizer, k, s)) for s in SEARCH_SEEDS]

    def score(optimizer: str) -> float:
        runs = found[optimizer]["search"][found[optimizer]["lr"]]
        return sum(run["validation_accuracy"] for run in runs)

    guessing = beaten(sets["validation"], len(SEARCH_SEEDS))
    found = {
        name: climb(partial(tries, name), first, guessing)
        for name, (_, _, first) in OPTIMIZERS.items()
    }
    best = max(found, key=score)
    searches = {name: one["search"] for name, one in found.items()}
    return {"optimizer": best, "lr": found[best]["lr"], "search": searches}


def data(folder: str) -> dict[str, ImageSet]:
    """ "train" and "validation" as they are, "more", which has ten times "train", and "test"."""
    sets = {split: load("mnist-m", split) for split in ("train", "validation")}
    rest, _ = mnist(folder)  # the 55,000 digits that are not in the sample
    others, tested = hold_out(rest.labels, FEW / len(rest))
    wanted = (MORE - 1) * len(sets["train"])
    _, chosen = hold_out(rest.labels[others], wanted / len(others))
    new = build_mnist_m("train", rest.subset(others[chosen]))
    images = torch.cat([sets["train"].images, new.images])
    labels = torch.cat([sets["train"].labels, new.labels])
    test = build_mnist_m("test", rest.subset(tested))
    return sets | {
        "more": ImageSet("mnist-m train, and more", images, labels, rest.classes),
        "test": ImageSet("mnist-m of other digits", test.images, test.labels, rest.classes),
    }


def main(folder: str):
    sets = data(folder)
    find = cache(partial(search, sets=sets))

    def run(network: str, order: str, more: int) -> dict:
        found, images = find(network, order), LEARNED[more]
        epochs = EPOCHS[network] // more
        options = {"epochs": epochs, "optimizer": found["optimizer"], "lr": found["lr"]}

        def final(seed: int) -> dict:
            # On the CPU, where the times of the two are compared.
            model, run = trained(network, order, sets, images, "cpu", **options, seed=seed)
            return run | {"test_accuracy": accuracy(model, sets["test"])}

        runs = [kept(f"{network} {order} {more} {seed}", partial(final, seed)) for seed in SEEDS]
        table = layer_table(build(network, order), (3, 32, 32))
        sizes = {"parameters": table.parameters, "macs": table.macs}
        return sizes | {"images": len(sets[images]), "epochs": epochs} | found | {"runs": runs}

    cases = [(order, 1) for order in ("in order", *SQUARES)] + [("in order", MORE)]
    rows = [
        {"network": network, "order": order, "more": more}
        for order, more in cases
        for network in NETWORKS
    ]
    settings = {
        "batch_size": BATCH,
        "augment": repr(AUGMENT),
        "schedule": "one cycle",
        "epochs": EPOCHS,
        "search_epochs": SEARCH_EPOCHS,
        "search_seeds": SEARCH_SEEDS,
        "weight_decay": DECAYS,
        "learning_rate": "optimizer and rate of the best mean validation accuracy of the search "
        "seeds, in half decades, further while the best is at an edge",
    }
    record("chapter07", list(sets.values()), settings, rows, run)


if __name__ == "__main__":
    main(sys.argv[1])
