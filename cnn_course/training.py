"""The training loop of the course: `fit` a model, `evaluate` it, keep the `History`."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn_course.arithmetic import whole
from cnn_course.checkpoints import TrainingState
from cnn_course.data import ImageSet
from cnn_course.devices import choose_device, on_device
from cnn_course.distributed import Ranks
from cnn_course.history import History
from cnn_course.models import Normalize
from cnn_course.models.arguments import forward
from cnn_course.names import MOST_RATE
from cnn_course.progress import progress_bar


class Evaluation(NamedTuple):
    """Mean cross-entropy in nats, and the fraction of images classified correctly."""

    loss: float
    accuracy: float


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
    label_smoothing: float = 0.0,
    average: float = 0.0,
    augment: Callable[[Tensor], Tensor] | None = None,
    bf16: bool = False,
    seed: int = 0,
    device: str | torch.device | None = None,
    checkpoint: Path | str | None = None,
    report: Callable[[int, int, float, History], None] | None = None,
    progress: bool = False,
) -> History:
    """Train `model` in place on `train`, and look at `validation` after each epoch.

    Stochastic gradient descent with Nesterov momentum; the learning rate rises to `lr` and falls
    to nearly 0 again (`one_cycle`). `weight_decay` spares biases and normalizations. The images
    stay in memory as bytes, on `device`, and the model goes there for as long as it is trained;
    `augment` turns a batch of them into floats in [0, 1], for example
    `cnn_course.augmentation.Augment`. A `Normalize` layer takes over the statistics of
    `train`. `label_smoothing` moves so much of each label's certainty to all classes alike (Szegedy
    et al. 2016). With `average` the model ends as a running average of its weights, which keeps so
    much of the old at each step, and less in the first ones. `bf16` computes in bfloat16 where that
    is safe. All that is random depends on `seed` alone; `torch.manual_seed` before building the
    model fixes its first weights too. The model ends in evaluation mode.

    `checkpoint` names a file that is written after each epoch; where it exists, training goes on
    from it and ends, on the CPU, with the weights of an undisturbed run. `report` is called after
    each step with its number, the number of all steps, the loss and the history, and once more
    after each epoch, when the history has grown. `progress` shows a bar.

    A step takes `batch_size` images, the last one of an epoch what is left. A single image that is
    left joins the step before it, since batch normalization cannot learn from one alone.

    Several processes that `torchrun` started share each step, whose size, rate and gradient stay
    those of one process, and all begin with the first one's weights and end with the same. Each of
    them calls `fit` with the same settings and images; the first one writes the checkpoint. See
    `cnn_course.distributed`.

    Raises ValueError for settings that cannot be, or that are not those of the checkpoint or of the
    first process, and for a model that does not take these images or cannot learn; TypeError for
    what is no number; ConnectionError where another process says why it cannot go on; and
    FloatingPointError when the loss is no longer finite.
    """
    _check_given(model, train)
    if validation is not None:
        _check_given(model, validation)
    settings = _checked(
        epochs, batch_size, lr, momentum, weight_decay, label_smoothing, average, bf16, seed
    )
    epochs, batch_size, lr, momentum, weight_decay, label_smoothing, average, bf16, seed = (
        settings.values()
    )
    ranks = Ranks(device)  # this process alone, but for torchrun
    device = ranks.device
    check_parts(batch_size, ranks.count)
    torch.manual_seed(seed)
    for layer in model.modules():
        if isinstance(layer, Normalize):
            layer.set_from(train)
    with on_device(model, device):
        images, labels = train.images.to(device), train.labels.to(device)
        _channels_last(model, images[:2].float() / 255)

        optimizer = torch.optim.SGD(
            _groups(model, weight_decay), lr=lr, momentum=momentum, nesterov=momentum > 0
        )
        classes = int(train.labels.max()) + 1  # how many logits there have to be
        sizes = _batch_sizes(len(train), batch_size)
        steps = len(sizes)
        # Takes a moment for many images.
        data = train.sha256 if checkpoint or ranks.count > 1 else None
        settings = {"data": data, "augment": repr(augment)} | settings
        if ranks.count > 1:
            ranks.check_same(settings | _also_alike(model, validation))
        network = ranks.wrap(model)  # which has the weights of rank 0 from here on
        averaged = copy.deepcopy(model) if average else model
        run = TrainingState(model, averaged, optimizer, settings, checkpoint, ranks)
        history = History(**run.restore(validated=validation is not None))
        done = len(history.train_loss)
        shown = progress and ranks.rank == 0
        bar = progress_bar(shown, total=epochs * steps, initial=done * steps, unit="step")

        for epoch in range(done, epochs):
            start, total = time.perf_counter(), 0.0
            model.train()
            order = ranks.order(len(train), seed, epoch).to(device)
            for i, batch in enumerate(order.split(sizes)):
                own, weight = ranks.part(batch)  # of one process: all, and 1
                step = epoch * steps + i
                for group in optimizer.param_groups:
                    group["lr"] = one_cycle(step, epochs * steps, lr)
                x = augment(images[own]) if augment else images[own].float() / 255
                with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    logits = _to_learn_from(network, x, len(own), classes)
                    loss = weight * F.cross_entropy(
                        logits, labels[own], label_smoothing=label_smoothing
                    )
                value = ranks.mean(loss.item())  # once: on a GPU each call waits for it
                _check_finite(value, f"at step {i + 1} of epoch {epoch + 1}", lr)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if average:
                    _move_towards(averaged, model, 1 - min(average, (1 + step) / (10 + step)))
                total += value * len(batch)
                bar.update()
                if report:
                    report(step + 1, epochs * steps, value, history)
            history.seconds.append(time.perf_counter() - start)
            history.train_loss.append(total / len(train))
            ranks.average_statistics(model, averaged)
            if validation is not None:
                result = _evaluate_in_parts(averaged, validation, ranks)
                _check_finite(result.loss, f"on validation after epoch {epoch + 1}", lr)
                history.validation_loss.append(result.loss)
                history.validation_accuracy.append(result.accuracy)
                bar.set_postfix(accuracy=f"{result.accuracy:.1%}")
            run.save(asdict(history))
            if report:
                report((epoch + 1) * steps, epochs * steps, value, history)
        bar.close()
        if average:
            model.load_state_dict(averaged.state_dict())
        model.eval()
        return history


def count_steps(images: int, batch_size: int) -> int:
    """How many steps of `fit` an epoch of so many images has."""
    return len(_batch_sizes(whole("images", images, 0), whole("batch_size", batch_size, 1)))


def one_cycle(step: int, steps: int, peak: float) -> float:
    """The learning rate of a step, counted from 0: up to `peak` in 30 % of the steps, then down.

    From peak / 25 up and down to peak / 250,000, each along half a cosine (Smith & Topin 2018).
    """
    top = 0.3 * steps - 1
    if step <= top:
        low, high, part = peak / 25, peak, step / max(top, 1)
    else:
        low, high, part = peak / 250_000, peak, 1 - (step - top) / max(steps - 1 - top, 1)
    return low + (high - low) * (1 - math.cos(math.pi * part)) / 2


def _batch_sizes(images: int, batch_size: int) -> list[int]:
    full, left = divmod(images, batch_size)
    sizes = [batch_size] * full + [left] * (left > 0)
    if left == 1 < batch_size and full:
        sizes[-2:] = [batch_size + 1]
    return sizes


def _also_alike(model: nn.Module, validation: ImageSet | None) -> dict:
    """What all ranks must have alike, beside the settings."""
    shapes = [list(p.shape) for p in model.parameters()]
    return {"model": f"{model} {shapes}", "validation": validation and validation.sha256}


@torch.no_grad()
def _channels_last(model: nn.Module, x: Tensor) -> None:
    """Put the channels side by side in memory, with which convolutions run faster.

    Results keep their shapes, but `x.view` of them fails: a model that is not up to it is left as
    it is. Lazy layers get their shapes here, from the images `x`.
    """
    model.eval()
    try:
        model(x)
        model.to(memory_format=torch.channels_last)
        model(x)
    except RuntimeError:  # what is wrong with the images themselves, the first step says
        model.to(memory_format=torch.contiguous_format)


def _to_learn_from(model: nn.Module, x: Tensor, count: int, classes: int) -> Tensor:
    """The logits of `count` images `x`, from which there is a way back to weights."""
    if not (isinstance(x, Tensor) and x.is_floating_point()):
        what = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"augment gives {what}; let it give floats in [0, 1], a tensor of them")
    try:
        logits = forward(model, x)
    except ValueError as error:
        if len(x) > 1 or "more than 1 value" not in str(error):
            raise
        raise ValueError(
            f"the model cannot learn from one image at a time ({error.__cause__}); "
            f"give two images or more, and batch_size=2 or more"
        ) from error
    _check_logits(logits, count, classes)
    if not logits.requires_grad:
        raise ValueError(
            "no weight of the model can learn: give one requires_grad=True, and call fit outside "
            "of torch.no_grad()"
        )
    return logits


def _check_logits(logits: Tensor, images: int, classes: int = 1) -> None:
    shape = tuple(getattr(logits, "shape", ()))
    if len(shape) != 2 or shape[0] != images or shape[1] < classes:
        raise ValueError(
            f"for {images} images the model gives the shape {shape}; give one whose logits are "
            f"({images}, classes), with {classes} classes or more"
        )


def _check_finite(loss: float, where: str, lr: float) -> None:
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss} {where}; try a learning rate below lr={lr}")


def _groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Weights that multiply decay; biases, and normalizations, which are vectors, do not."""
    weights, rest = [], []
    for name, p in model.named_parameters():
        (rest if p.dim() <= 1 or name.endswith("bias") else weights).append(p)
    groups = [{"params": weights, "weight_decay": weight_decay}, {"params": rest}]
    if not (weights or rest):
        raise ValueError("the model has no weights, and nothing to learn; give another")
    return [group for group in groups if group["params"]]


@torch.no_grad()
def _move_towards(averaged: nn.Module, model: nn.Module, share: float) -> None:
    """Move the average by `share` of the way to the model; whole numbers are taken over."""
    # Not the state's, where weights that layers share stand more than once.
    values = (chain(network.parameters(), network.buffers()) for network in (averaged, model))
    for old, new in zip(*values, strict=True):
        if old.is_floating_point():
            old.lerp_(new, share)
        else:
            old.copy_(new)


@torch.no_grad()
def predict(
    model: nn.Module,
    data: ImageSet,
    *,
    batch_size: int = 500,
    device: str | torch.device | None = None,
) -> torch.Tensor:
    """Logits (N, classes) of all images of `data`, on the CPU, computed on `device`.

    The model ends in evaluation mode, and on the device where it was. Raises ValueError for images
    that it does not take.
    """
    _check_given(model, data)
    batch_size = whole("batch_size", batch_size, 1)
    device = choose_device(device)
    model.eval()
    with on_device(model, device):
        found = []
        for x in data.images.split(batch_size):
            logits = forward(model, x.to(device).float() / 255)
            _check_logits(logits, len(x))
            found.append(logits.cpu())
        return torch.cat(found)


def evaluate(
    model: nn.Module,
    data: ImageSet,
    *,
    batch_size: int = 500,
    device: str | torch.device | None = None,
) -> Evaluation:
    """Loss and accuracy of `model` on all images of `data`.

    Raises ValueError for images and labels that do not fit the model.
    """
    logits = predict(model, data, batch_size=batch_size, device=device)
    _check_logits(logits, len(data), int(data.labels.max()) + 1)
    right = (logits.argmax(1) == data.labels).sum().item()
    return Evaluation(F.cross_entropy(logits, data.labels).item(), right / len(data))


def confusion(answers: torch.Tensor, labels: torch.Tensor, classes: int) -> torch.Tensor:
    """How often each class, a row, got each answer, a column: (N,), (N,) → (classes, classes).

    Raises ValueError for what are no whole numbers from 0 to classes − 1, or not as many of both.
    """
    classes = whole("classes", classes, 1)
    for name, found in (("answers", answers), ("labels", labels)):
        fits = isinstance(found, Tensor) and not found.is_floating_point() and found.dim() == 1
        if not fits or len(answers) != len(labels):
            raise ValueError(f"{name}: give two tensors (N,) of whole numbers, as many of both")
        if len(found) and not 0 <= int(found.min()) <= int(found.max()) < classes:
            raise ValueError(f"{name} are not all from 0 to {classes - 1}; give such numbers")
    answers, labels = answers.long(), labels.long()
    return torch.bincount(labels * classes + answers, minlength=classes**2).view(classes, classes)


def _evaluate_in_parts(model: nn.Module, data: ImageSet, ranks: Ranks) -> Evaluation:
    """`evaluate`, of which each rank does its part."""
    own, weight = ranks.part(torch.arange(len(data)))
    result = evaluate(model, data.subset(own), device=ranks.device)
    return Evaluation(*(ranks.mean(weight * value) for value in result))


def _check_given(model: nn.Module, data: ImageSet) -> None:
    """TypeError for what is no network or no `ImageSet`, ValueError for one without images."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"the model is {model!r:.60}; give a network, such as LeNet5()")
    if not isinstance(data, ImageSet):
        raise TypeError(
            f"the images are a {type(data).__name__}; give an ImageSet: that of `load`, or "
            "ImageSet(name, images, labels, classes)"
        )
    if len(data) == 0:
        raise ValueError(f"{data.name} has no image; give a set with one or more")


def check_parts(batch_size: int, count: int) -> None:
    """ValueError where a step has not two images for each of so many processes."""
    if batch_size < 2 * count and count > 1:
        raise ValueError(
            f"batch_size={batch_size}: give {2 * count} or more, two images for each of the "
            f"{count} processes, or start fewer"
        )


def _checked(
    epochs, batch_size, lr, momentum, weight_decay, label_smoothing, average, bf16, seed
) -> dict:
    """The settings of `fit` by name, as numbers that a checkpoint can hold."""
    settings = {
        "epochs": whole("epochs", epochs, 0),
        "batch_size": whole("batch_size", batch_size, 1),
        "lr": _number("lr", lr),
        "momentum": _number("momentum", momentum),
        "weight_decay": _number("weight_decay", weight_decay),
        "label_smoothing": _number("label_smoothing", label_smoothing),
        "average": _number("average", average),
        "bf16": _flag("bf16", bf16),
        "seed": whole("seed", seed, 0),
    }
    if not 0 < settings["lr"] <= MOST_RATE:
        raise ValueError(f"lr={lr}: give a learning rate above 0, and {MOST_RATE:g} at most")
    if not 0 <= settings["weight_decay"] <= MOST_RATE:
        raise ValueError(f"weight_decay={weight_decay}: give 0 to {MOST_RATE:g}")
    if settings["seed"] >= 2**64:
        raise ValueError(f"seed={seed}: give a whole number from 0 to 2**64 - 1")
    for name in ("momentum", "label_smoothing", "average"):
        if not 0 <= settings[name] < 1:
            raise ValueError(f"{name}={settings[name]}: give 0 or more, and less than 1")
    return settings


def _flag(name: str, value) -> bool:
    if value not in (True, False):  # NumPy's are, too
        raise TypeError(f"{name}={value!r}: give True or False")
    return bool(value)


def _number(name: str, value) -> float:
    try:
        if isinstance(value, str | bytes | bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise TypeError(f"{name}={value!r}: give a number") from None
