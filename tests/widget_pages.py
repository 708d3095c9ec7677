"""Pages with interactive figures, opened in Chromium without building the book."""

import base64
import inspect
from contextlib import contextmanager

import numpy as np
import page_visits

from cnn_course import widgets
from cnn_course.tables import Table

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
