"""A page with two copies of an interactive figure, opened in Chromium without building the book."""

import base64
from contextlib import contextmanager

import numpy as np
import page_visits

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Trial</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ margin: 1rem; }} html[data-theme="dark"] body {{ background: #14181e; }}</style>
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
