"""Pages with interactive figures, opened in Chromium without building the book."""

import base64
import functools
import inspect
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import page_visits
import torch
from torch import nn

from cnn_course import widgets
from cnn_course.models import ModernCNN, save_model
from cnn_course.tables import Table

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"

TABLE = """Table(("moved by (pixels)", "0", "2", "4"), [
    ("MLP", "≈ 92.3 %", "≈ 69.1 %", "≈ 28.4 %"),
    ("CNN, flatten", "≈ 97.1 %", "≈ 88.0 %", "≈ 47.2 %"),
    ("CNN, pooling", "≈ 90.5 %", "≈ 90.0 %", "≈ 88.3 %"),
])"""
# The arguments of those figures that can not do without.
ARGUMENTS = {
    "predict.number": f"'How many channels are dead before training?', '≈ 42', 0, 96, then={TABLE}",
    "predict.order": f"'Which of them reads most digits?', {TABLE}",
    "predict.curve": f"'How many of them will be read right?', {TABLE}, 0, 100, known=1",
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Trial</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 1rem; }}
html[data-theme="dark"] body {{ background: #14181e; color: #e6edf3; }}</style>
</head><body><h1>Trial</h1>
{body}
</body></html>"""


def html(*widgets) -> str:
    return PAGE.format(body="\n".join(widget._repr_html_() for widget in widgets))


@contextmanager
def opened(browser, folder, text, *, theme="light", width=1280):
    """The page with this text, from a file; what it asks for and complains of must be nothing."""
    (folder / "trial.html").write_text(text, encoding="utf-8")
    seen = page_visits.Visit(f"{folder.as_uri()}/trial.html", theme)
    page = page_visits.open_page(browser, f"{folder.as_uri()}/", theme, seen, width)
    page.goto(seen.url)
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    yield page
    page.context.close()
    complaints = seen.requests + seen.messages
    assert not complaints, complaints


def pixels(canvas):
    """What is drawn on a canvas: uint8 (height, width, 4), in device pixels."""
    shape = canvas.evaluate("canvas => [canvas.height, canvas.width]")
    values = canvas.evaluate("""canvas => {
        const copy = document.createElement("canvas");  // Chromium warns of reading the first one
        copy.width = canvas.width;
        copy.height = canvas.height;
        const context = copy.getContext("2d", {willReadFrequently: true});
        context.drawImage(canvas, 0, 0);
        const {data} = context.getImageData(0, 0, copy.width, copy.height);
        let text = "";
        for (const value of data) text += String.fromCharCode(value);
        return btoa(text);
    }""")
    return np.frombuffer(base64.b64decode(values), np.uint8).reshape(*shape, 4)


def classify_picture(*arguments):
    """The figure of this name, with a network that nobody has trained."""
    return widgets.classify_picture(*arguments, weights=untrained())


@functools.cache
def untrained() -> Path:
    """A file of 8-bit weights of a ModernCNN, drawn by lot, with a name for each CIFAR-10 class."""
    folder = Path(FILES.name)
    about = {"in_channels": 3, "input_size": 32, "classes": CLASSES.split()}
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = stirred(ModernCNN())
        with torch.no_grad():
            model.layers[-1].weight *= 12  # so that it is not equally unsure of everything
    save_model(folder / "untrained.safetensors", model, "modern_cnn", about, int8=True)
    return folder / "untrained.safetensors"


FILES = tempfile.TemporaryDirectory(prefix="cnn-course-")


def stirred(model: nn.Module) -> nn.Module:
    """A network whose normalizations are none of 0 and 1, in evaluation mode."""
    model.layers[0].mean += torch.rand_like(model.layers[0].mean)
    model.layers[0].sd -= torch.rand_like(model.layers[0].sd) / 2
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.2)
            layer.momentum = None  # the averages over all batches so far
    with torch.no_grad():
        model.train()(torch.rand(16, 3, 32, 32))
    return model.eval()


def calls() -> dict[str, str]:
    """Every public figure of the package, with the Python that makes one."""
    found = {}
    for name in widgets.__all__:
        entry = getattr(widgets, name)
        inside = [f"{name}.{each}" for each in entry.__all__] if inspect.ismodule(entry) else [name]
        found |= {each: f"widgets.{each}({ARGUMENTS.get(each, '')})" for each in inside}
    return found


CALLS = calls()


def make(name: str):
    """The figure, from a call of `CALLS`."""
    return eval(CALLS[name], {"widgets": widgets, "Table": Table})
