"""The training loop of the course: `fit` a model, `evaluate` it, keep the `History`."""

import math
import os
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.data import ImageSet
from cnn_course.models import Normalize


class Evaluation(NamedTuple):
    """Mean cross-entropy in nats, and the fraction of images classified correctly."""

    loss: float
    accuracy: float


@dataclass
class History:
    """What `fit` saw, one entry an epoch in each list; without a validation set two stay empty."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, else CNN_COURSE_DEVICE, else CUDA where there is one, else the CPU."""
    name = device or os.environ.get("CNN_COURSE_DEVICE")
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"device {name!r} cannot be used here; try 'cpu'") from error
    return device


def fit(
    model: nn.Module,
    train: ImageSet,
    validation: ImageSet | None = None,
    *,
    epochs: int = 8,
    batch_size: int = 64,
    lr: float = 0.05,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> History:
    """Train `model` in place on `train`, and look at `validation` after each epoch.

    Stochastic gradient descent with Nesterov momentum; the learning rate rises to `lr` and falls
    to nearly 0 again (one cycle, Smith & Topin 2018). The images stay in memory as bytes, on the
    device; the model is handed batches (N, C, H, W) of floats in [0, 1], and its `Normalize`
    layer, where it has one, takes over the statistics of `train`. The order of the images depends
    on `seed` alone; `torch.manual_seed` before building the model fixes its first weights too.

    Raises ValueError for settings that cannot be, and FloatingPointError when the loss is no
    longer finite.
    """
    _check_not_empty(train)
    _check_settings(epochs, batch_size, lr)
    device = choose_device(device)
    torch.manual_seed(seed)
    for layer in model.modules():
        if isinstance(layer, Normalize):
            layer.set_from(train)
    # Convolutions run faster with the channels side by side in memory; results keep their shapes.
    model.to(device, memory_format=torch.channels_last)
    images, labels = train.images.to(device), train.labels.to(device)

    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=lr,
        momentum=momentum,
        nesterov=momentum > 0,
        weight_decay=weight_decay,
    )
    steps = math.ceil(len(train) / batch_size)
    # Two steps are the fewest that a cycle can have.
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=lr, total_steps=max(2, epochs * steps), cycle_momentum=False
    )

    history = History()
    for epoch in range(epochs):
        start, total = time.perf_counter(), 0.0
        model.train()
        for step, batch in enumerate(torch.randperm(len(train)).to(device).split(batch_size)):
            loss = F.cross_entropy(model(images[batch].float() / 255), labels[batch])
            value = loss.item()  # once: on a GPU each call waits for it
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"the loss is {value} at step {step + 1} of epoch {epoch + 1}; "
                    f"try a learning rate below lr={lr}"
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += value * len(batch)
        history.seconds.append(time.perf_counter() - start)
        history.train_loss.append(total / len(train))
        if validation is not None:
            result = evaluate(model, validation, device=device)
            history.validation_loss.append(result.loss)
            history.validation_accuracy.append(result.accuracy)
    return history


@torch.no_grad()
def predict(
    model: nn.Module,
    data: ImageSet,
    *,
    batch_size: int = 500,
    device: str | torch.device | None = None,
) -> torch.Tensor:
    """Logits (N, classes) of all images of `data`, on the CPU; the model is in evaluation mode."""
    _check_not_empty(data)
    device = choose_device(device)
    model.to(device).eval()
    return torch.cat(
        [model(x.to(device).float() / 255).cpu() for x in data.images.split(batch_size)]
    )


def evaluate(
    model: nn.Module,
    data: ImageSet,
    *,
    batch_size: int = 500,
    device: str | torch.device | None = None,
) -> Evaluation:
    """Loss and accuracy of `model` on all images of `data`."""
    logits = predict(model, data, batch_size=batch_size, device=device)
    right = (logits.argmax(1) == data.labels).sum().item()
    return Evaluation(F.cross_entropy(logits, data.labels).item(), right / len(data))


def _check_not_empty(data: ImageSet) -> None:
    if len(data) == 0:
        raise ValueError(f"{data.name} has no image; give a set with one or more")


def _check_settings(epochs: int, batch_size: int, lr: float) -> None:
    if epochs < 0:
        raise ValueError(f"epochs={epochs}: give 0 or more")
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: give 1 or more")
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f"lr={lr}: give a finite learning rate above 0")
