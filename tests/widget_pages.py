"""A page with two copies of an interactive figure, opened in Chromium without building the book."""

from contextlib import contextmanager

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
    assert not seen.requests + seen.messages
