"""What the commands of `cnn_course.cli` do. Each gives what is to be printed: a text, or JSON."""

import json
import shutil
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from cnn_course.data import ImageSet, load, read_image
from cnn_course.inspection import layer_table
from cnn_course.models import MODELS, build, load_model, save_model
from cnn_course.models.pretrained import WEIGHTS
from cnn_course.training import RECIPES, choose_device, fit
from cnn_course.training import predict as predict_logits

LARGEST = 64  # pixels: images of a folder that are larger are made so small for training


def train(model, data, epochs, batch_size, lr, seed, device, out, resume, limit, start):
    train_set, validation = _training_data(data, limit, seed)
    _, channels, side, _ = train_set.images.shape
    torch.manual_seed(seed)
    network = build(model, channels, side, len(train_set.classes))
    if start is not None:
        _take_weights(network, start)
    device = choose_device(device)

    out = out or Path("runs") / f"{model}-{data.replace(':', '-').strip('/').replace('/', '-')}"
    weights, checkpoint = out / f"{model}.safetensors", out / "checkpoint" / "state.safetensors"
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; give a folder")
    if list(out.glob("*.safetensors")):
        raise ValueError(f"{out} holds a finished run; give another --out")
    if checkpoint.exists() and not resume:
        raise ValueError(f"{out} holds an unfinished run; add --resume, or give another --out")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)

    options = {"lr": 0.05, "batch_size": 64} | RECIPES.get(model, {})
    asked = {"lr": lr, "batch_size": batch_size}
    options |= {name: value for name, value in asked.items() if value is not None}
    print(f"{train_set}; {model} on {device}, into {out}")
    with _Progress(train_set, epochs, options["batch_size"]) as progress:
        history = fit(
            network,
            train_set,
            validation,
            epochs=epochs,
            seed=seed,
            device=device,
            checkpoint=checkpoint,
            report=progress,
            **options,
        )
    about = {"in_channels": channels, "input_size": side, "classes": list(train_set.classes)}
    (out / "history.json").write_text(json.dumps(vars(history), indent=1) + "\n")
    save_model(weights, network, model, about)
    shutil.rmtree(checkpoint.parent)  # only now: the weights are safe
    return f"saved {weights}"


def evaluate(model, data, split, device, json):
    network, about = _find(model)
    images = _fitting(data, split, about)
    logits = predict_logits(network, images, device=device)
    answers, count = logits.argmax(1), len(about["classes"])
    confusion = torch.bincount(images.labels * count + answers, minlength=count**2)
    result = {
        "accuracy": (answers == images.labels).sum().item() / len(images),
        "loss": F.cross_entropy(logits, images.labels).item(),
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


def predict(model, images, json):
    network, about = _find(model)
    side, channels = about["input_size"], about["in_channels"]
    pixels = torch.stack([read_image(path, side, side, channels) for path in images])
    with torch.no_grad():
        shares, labels = network(pixels.float() / 255).softmax(1).max(1)
    results = [
        {"image": str(path), "class": about["classes"][label], "probability": share}
        for path, label, share in zip(images, labels.tolist(), shares.tolist(), strict=True)
    ]
    if json:
        return results
    return "\n".join(f"{r['image']}: {r['class']} {r['probability']:.1%}" for r in results)


def export(model, out):
    from cnn_course.exporting import to_onnx  # its packages are large, and few need them

    network, about = _find(model)
    to_onnx(network, (about["in_channels"], about["input_size"], about["input_size"]), out)
    return f"wrote {out}; onnxruntime gives the same logits"


def summary(model, input_shape):
    try:
        channels, height, width = map(int, input_shape.split(","))
    except ValueError:
        raise ValueError(
            f"--input-shape {input_shape}: give channels,height,width, such as 1,28,28"
        ) from None
    if height != width:
        raise ValueError(f"--input-shape {input_shape}: the networks take square images")
    return repr(layer_table(build(model, channels, height), (channels, height, width)))


def _training_data(data: str, limit: int | None, seed: int) -> tuple[ImageSet, ImageSet]:
    train_set = load(data, "train", largest=LARGEST)
    if limit is not None:
        if limit < 1:
            raise ValueError(f"--limit {limit}: give 1 or more")
        order = torch.randperm(len(train_set), generator=torch.Generator().manual_seed(seed))
        train_set = train_set.subset(order[:limit].sort().values)
    return train_set, load(data, "validation", largest=LARGEST)


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
        return load_model(files[0])
    if path.is_file():
        return load_model(path)
    if model not in MODELS:
        raise ValueError(f"{model!r} is neither a file nor a folder nor one of {', '.join(MODELS)}")
    file = WEIGHTS / f"{model}.safetensors"
    if not file.exists():
        raise ValueError(f"no weights come with the course for {model}; give a run's folder")
    return load_model(file)


def _fitting(data: str, split: str, about: dict) -> ImageSet:
    """The data in the size, with the channels and in the order of the classes of a network."""
    side, channels, classes = about["input_size"], about["in_channels"], about["classes"]
    folder = data.startswith("folder:")
    images = load(data, split, **({"size": side, "channels": channels} if folder else {}))
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


class _Progress:
    """A row an epoch, and on a terminal a bar with loss, accuracy, images a second, time left."""

    def __init__(self, images: ImageSet, epochs: int, batch_size: int):
        self.images, self.epochs, self.batch_size, self.rows = len(images), epochs, batch_size, None

    def __enter__(self):
        total = max(self.epochs, 0) * self.images
        self.bar = tqdm(total=total, unit=" images", disable=not sys.stderr.isatty(), leave=False)
        return self

    def __exit__(self, *error):
        self.bar.close()

    def __call__(self, step, steps, loss, history):
        done = len(history.train_loss)
        if self.rows is None:
            self.rows = done  # of a resumed run: shown before
            self.bar.update(done * self.images)
        accuracy = history.validation_accuracy[-1] if history.validation_accuracy else None
        if done > self.rows:
            self.rows = done
            with tqdm.external_write_mode():
                print(
                    f"epoch {done:3}/{self.epochs}  loss {history.train_loss[-1]:.4f}  "
                    f"validation accuracy {accuracy:.2%}  {history.seconds[-1]:.1f} s",
                    flush=True,
                )
            return
        in_epoch = (step - done * (steps // self.epochs)) * self.batch_size
        self.bar.update(done * self.images + min(in_epoch, self.images) - self.bar.n)
        shown = {"loss": f"{loss:.3f}"}
        if accuracy is not None:
            shown["accuracy"] = f"{accuracy:.1%}"
        self.bar.set_postfix(shown, refresh=False)
