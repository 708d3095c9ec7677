"""What the commands of `cnn_course.cli` do. Each gives what is to be printed: a text, or JSON.

`predict` prints itself, so that the answers are out when it complains of an image.
"""

import math
import os
from contextlib import suppress
from dataclasses import replace
from json import dumps
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.augmentation import Augment
from cnn_course.console import complain, say
from cnn_course.data import ImageSet, load, read_digit, read_image
from cnn_course.devices import choose_device
from cnn_course.distributed import Ranks
from cnn_course.inspection import layer_table
from cnn_course.models import build, load_model, save_model
from cnn_course.models.pretrained import load_shipped, shipped
from cnn_course.names import LARGEST, MODELS
from cnn_course.progress import Progress
from cnn_course.running import RunFolder
from cnn_course.training import RECIPES, count_steps, fit
from cnn_course.training import predict as predict_logits
from cnn_course.verdict import failure

# Below so many multiply–accumulates a step, threads wait for each other longer than they save.
SMALL_STEP = 100e6
NOT_FINITE = "{} gives numbers that are not finite: its training failed, or it is damaged"
MNIST = ("mnist", "mnist-sample")  # networks trained on these get digits prepared as MNIST's were


def train(
    model, data, epochs, batch_size, lr, flip, seed, device, out, resume, limit, start, download
):
    ranks = Ranks(device)
    device = ranks.device
    folder = RunFolder(out or Path("runs") / _default_name(model, data), model)
    if ranks.rank == 0:
        folder.check_free(resume)
    with ranks.first_on_each_machine():
        train_set, validation = _training_data(data, limit, seed, download)
    _, channels, side, _ = train_set.images.shape
    torch.manual_seed(seed)
    network = build(model, channels, side, len(train_set.classes))
    if start is not None:
        _take_weights(network, start)

    options = {"lr": 0.05, "batch_size": 64} | RECIPES.get(model, {})
    asked = {"lr": lr, "batch_size": batch_size}
    options |= {name: value for name, value in asked.items() if value is not None}
    if flip or (flip is None and (model, data) == ("modern_cnn", "cifar10")):
        options["augment"] = replace(options.get("augment", Augment()), flip=True)
    macs = layer_table(network, (channels, side, side)).macs * options["batch_size"]
    if macs < SMALL_STEP and not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(1)
    options |= {"epochs": epochs, "seed": seed, "device": device, "checkpoint": folder.checkpoint}
    if ranks.rank > 0:  # the first process prints and saves
        with suppress(FloatingPointError):  # which all of them raise, and the first one tells
            fit(network, train_set, validation, **options)
        return None
    progress = Progress(train_set, epochs, options["batch_size"])
    with folder.claimed():
        say(f"{train_set}; {model} on {device}, into {folder.path}")
        _say_who_trains(ranks.count, folder.processes(), options["batch_size"], options["lr"])
        try:
            with progress:
                history = fit(network, train_set, validation, report=progress, **options)
            steps = epochs * count_steps(len(train_set), options["batch_size"])
            if failed := failure(history, train_set, validation, steps):
                raise FloatingPointError(f"{failed} (the learning rate was {options['lr']:g})")
            classes = list(train_set.classes)
            about = {"in_channels": channels, "input_size": side, "classes": classes}
            if not data.startswith("folder:"):
                about["data"] = data
            folder.save_history(history)
            save_model(folder.weights, network, model, about)
            folder.finish()
        except FloatingPointError as error:
            folder.save_history(progress.history, failure=str(error))
            raise FloatingPointError(
                f"{error}; no weights are saved, and {folder.history} shows how it went"
            ) from error
        except KeyboardInterrupt:
            if folder.checkpoint.exists() and not folder.weights.exists():
                raise KeyboardInterrupt("add --resume to go on after the last epoch") from None
            raise
    return f"saved {folder.weights}"


def evaluate(model, data, split, device, json, download):
    device = choose_device(device)
    network, about = _find(model)
    images = _fitting(data, split, about, download)
    logits = predict_logits(network, images, device=device)
    loss = F.cross_entropy(logits, images.labels).item()
    if not math.isfinite(loss):
        raise ValueError(NOT_FINITE.format(model))
    answers, count = logits.argmax(1), len(about["classes"])
    confusion = torch.bincount(images.labels * count + answers, minlength=count**2)
    result = {
        "accuracy": (answers == images.labels).sum().item() / len(images),
        "loss": loss,
        "count": len(images),
        "confusion": confusion.view(count, count).tolist(),  # a row for each true class
    }
    if json:
        return result
    width = max(len(name) for name in about["classes"])
    rows = [
        f"{name:>{width}}  " + " ".join(f"{n:5}" for n in row)
        for name, row in zip(about["classes"], result["confusion"], strict=True)
    ]
    head = f"{result['accuracy']:.2%} of {len(images):,} images right, loss {result['loss']:.4f}"
    return "\n".join([head, "true class, and how often each class was the answer:", *rows])


def predict(model, images, json, raw):
    network, about = _first_a_network(model, images)
    sizes = about["in_channels"], about["input_size"]
    prepares = about.get("data") in MNIST and sizes == (1, 28) and not raw
    results, errors = [], []
    for path in images:
        try:
            pixels, did = _picture(path, about, prepares)
        except (ValueError, OSError) as error:
            errors.append(error)
            continue
        with torch.no_grad():
            share, label = network(pixels[None].float() / 255).softmax(1)[0].max(0)
        if not share.isfinite():
            raise ValueError(NOT_FINITE.format(model))
        found = {"image": str(path), "class": about["classes"][label], "probability": share.item()}
        results.append(found | ({"prepared": did} if prepares else {}))
    if len(images) == len(errors) == 1:
        raise errors[0]
    for error in errors:
        complain(str(error))
    if json:
        say(dumps(results, allow_nan=False))
    for found in [] if json else results:
        did = f" (prepared: {found['prepared']})" if prepares else ""
        say(f"{found['image']}: {found['class']} {found['probability']:.1%}{did}")
    if errors:
        raise ValueError(f"{len(errors)} of {len(images)} images could not be used")


def export(model, out):
    from cnn_course.exporting import to_onnx  # its packages are large, and few need them

    network, about = _find(model)
    to_onnx(network, (about["in_channels"], about["input_size"], about["input_size"]), out)
    return f"wrote {out}; onnxruntime gives the same logits"


def summary(model, input_shape):
    channels, height, _ = input_shape
    with torch.device("meta"):  # shapes without values: images of any size take no memory
        network = build(model, channels, height)
    return repr(layer_table(network, input_shape))


def _default_name(model: str, data: str) -> str:
    """Of the folder of a run; the end of a path that is too long for a name."""
    name = data.replace(":", "-").replace("\\", "-").strip("/").replace("/", "-")
    return f"{model}-{name[-50:]}"


def _training_data(data: str, limit: int | None, seed: int, download: bool):
    """The images to train on, and those for validation."""
    train_set = load(data, "train", largest=LARGEST, download=download)
    if limit is not None:
        order = torch.randperm(len(train_set), generator=torch.Generator().manual_seed(seed))
        train_set = train_set.subset(order[:limit].sort().values)
    return train_set, load(data, "validation", largest=LARGEST, download=download)


def _say_who_trains(count: int, before: int | None, batch_size: int, lr: float) -> None:
    """What several processes do in a step, and what changes where there were more or fewer."""
    if count > 1:
        least, more = divmod(batch_size, count)
        each = f"{least} or {least + 1}" if more else f"{least}"
        say(
            f"{count} processes share each step of {batch_size} images, {each} each; "
            f"the peak learning rate is {lr:g}, as for one process"
        )
    if before not in (None, count):
        say(
            f"processes: {before} up to here, and now {count}; steps and learning rates stay the "
            "same, while random draws and batch normalization go another way from here on"
        )


def _take_weights(network: nn.Module, start: str) -> None:
    """Start from trained weights; the last layer stays fresh where the classes are others."""
    state = _find(start)[0].state_dict()
    own = network.state_dict()
    last = list(own)[-2:]  # weight and bias of the last layer
    for name in last:
        if name in state and state[name].shape != own[name].shape:
            state[name] = own[name]
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise ValueError(
            f"--from {start} is another network, or for images of another size or number of "
            "channels; give one of the same kind"
        ) from None


def _find(model: str) -> tuple[nn.Module, dict]:
    """The trained network that a name, a folder or a file stands for, and what it knows."""
    path = Path(model)
    if path.is_dir():
        files = sorted(path.glob("*.safetensors"))
        if not files:
            raise ValueError(f"{path} holds no trained network; train one, or give another folder")
        if len(files) > 1:
            files = ", ".join(file.name for file in files)
            raise ValueError(f"{path} holds several networks; give one of its files: {files}")
        return load_model(files[0])
    if path.is_file():
        return load_model(path)
    if model in shipped():
        return load_shipped(model)
    if model not in MODELS:
        raise ValueError(f"{model!r} is neither a file nor a folder nor one of {', '.join(MODELS)}")
    raise ValueError(f"no weights come with the course for {model}; give a run's folder")


def _first_a_network(model: str, images: list[Path]) -> tuple[nn.Module, dict]:
    """`_find`, with a word where the network was given after the images."""
    try:
        return _find(model)
    except (ValueError, OSError) as error:
        networks = [
            p for p in images if p.is_dir() or p.suffix == ".safetensors" or str(p) in MODELS
        ]
        if networks and Path(model).is_file():
            raise ValueError(
                f"{model} is no trained network; give the network first and then the images, as in "
                f"cnn-course predict {networks[0]} {model}"
            ) from error
        raise


def _picture(path: Path, about: dict, prepares: bool) -> tuple[torch.Tensor, str]:
    """An image as the network takes it, uint8 (C, H, W), and what was done to a digit."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give its images, as in {path / '*.png'}")
    if prepares:
        return read_digit(path)
    return read_image(path, about["input_size"], about["input_size"], about["in_channels"]), ""


def _fitting(data: str, split: str, about: dict, download: bool = False) -> ImageSet:
    """The data in the size, with the channels and in the order of the classes of a network."""
    side, channels, classes = about["input_size"], about["in_channels"], about["classes"]
    folder = data.startswith("folder:")
    shape = {"size": side, "channels": channels} if folder else {}
    images = load(data, split, download=download, **shape)
    unknown = sorted(set(images.classes) - set(classes))
    if unknown:
        raise ValueError(
            f"{data} has the class {unknown[0]!r}, which the network does not know; "
            f"it knows {', '.join(classes)}"
        )
    pixels = images.images
    if pixels.shape[1] > channels:  # colour to grey, as Pillow does it
        weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
        pixels = (pixels * weights).sum(1, keepdim=True).round().byte()
    elif pixels.shape[1] < channels:
        pixels = pixels.expand(-1, channels, -1, -1)
    if pixels.shape[2:] != (side, side):
        resized = F.interpolate(pixels.float(), (side, side), mode="bilinear", antialias=True)
        pixels = resized.round().clamp(0, 255).byte()
    labels = torch.tensor([classes.index(name) for name in images.classes])[images.labels]
    return ImageSet(images.name, pixels, labels, tuple(classes))
