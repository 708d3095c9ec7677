"""The HTML of the interactive figures, and what all of them do in a browser."""

import base64
import io
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import widget_pages
from PIL import Image

from cnn_course.widgets.base import FOLDER, Widget, encode, picture

ROOT = Path(__file__).parents[1]
MOST_BYTES = 40_000  # that one figure adds to a page, beside its data and its still picture
MOST_LINES = 250
NARROWEST_TARGET = 24  # pixels

make = widget_pages.make
each = pytest.mark.parametrize("name", widget_pages.CALLS)


def own_bytes(html):
    """The HTML without what is data: the still picture, and the JSON."""
    html = re.sub(r'<div class="cnn-still">.*?</div>\n<script', "<script", html, flags=re.S)
    return len(re.sub(r'(?s)<script type="application/json">.*?</script>', "", html).encode())


@each
def test_the_same_call_gives_the_same_html(name):
    assert make(name)._repr_html_() == make(name)._repr_html_()
    assert repr(make(name)) == repr(make(name))
    assert re.fullmatch("<interactive figure “[a-z-]+”>", repr(make(name)))


@each
def test_the_html_brings_along_all_that_it_needs(name):
    html = make(name)._repr_html_()
    assert f'data-widget="{name.split(".")[0].replace("_", "-")}"' in html
    assert own_bytes(html) <= MOST_BYTES
    for foreign in (r"https?:", r"\burl\(", r"@import", r"\bimport\b", r"\bfetch\b", "XMLHttp"):
        assert not re.search(foreign, html), foreign
    assert not re.search(r'\b(src|href)="(?!data:)', html)
    assert not re.search(r"\bid=|Math\.random|Date\b", html)
    assert html.count("</script>") == html.count("<script") == 2


@each
def test_without_scripts_there_is_a_picture_and_a_sentence(name):
    html = make(name)._repr_html_()
    still = re.search(r'(?s)<div class="cnn-still">(.*?)</div>\n<script', html)[1]
    assert "Run this cell to use it." in still
    described = re.search(r'(?:alt="|aria-label="|class="cnn-question">)([^"<]+)', still)[1]
    assert len(described.split()) >= 5


def test_files_are_short_and_are_installed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["cnn_course.widgets"]
    for path in FOLDER.glob("*.*"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, path.name
        assert path.suffix == ".py" or any(path.match(pattern) for pattern in patterns)


def test_no_template_holds_another():
    """What makes the scripts small takes the second grave accent for the end of the first one."""
    for path in FOLDER.glob("*.js"):
        assert not re.findall(r"\$\{[^}]*`.*", path.read_text(encoding="utf-8")), path.name


def test_no_selector_begins_with_a_colon():
    """What makes the sheets small takes the space before it away, within a block."""
    for path in FOLDER.glob("*.css"):
        assert not re.findall(r"[\w)\]] :[a-z].*", path.read_text(encoding="utf-8")), path.name


def test_data_cannot_end_its_script():
    html = Widget("convolution", {"text": "</script><b>"}, "")._repr_html_()
    assert '{"text":"\\u003c/script>\\u003cb>"}' in html
    with pytest.raises(ValueError, match="JSON"):
        Widget("convolution", {"number": float("nan")}, "")._repr_html_()


def test_arrays_are_encoded_row_by_row():
    values = np.arange(6, dtype=">f4").reshape(2, 3).T
    read = np.frombuffer(base64.b64decode(encode(values)), "<f4")
    np.testing.assert_array_equal(read, [0, 3, 1, 4, 2, 5])


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (200, 400)])
def test_a_picture_is_a_png_of_the_pixels(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    html = picture(pixels, 'a "noise" & more')
    assert 'alt="a &quot;noise&quot; &amp; more"' in html
    image = Image.open(io.BytesIO(base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])))
    np.testing.assert_array_equal(np.asarray(image), pixels)


# --- In a browser


NAMES = "Object.getOwnPropertyNames(window).sort()"


@pytest.fixture(scope="module")
def before(browser, tmp_path_factory):
    """The names that a page without figures has."""
    folder = tmp_path_factory.mktemp("empty")
    with widget_pages.opened(browser, folder, widget_pages.html()) as page:
        return page.evaluate(NAMES)


@each
def test_copies_start_in_silence_and_leave_no_names(name, browser, before, tmp_path):
    with widget_pages.opened(browser, tmp_path, widget_pages.html(make(name), make(name))) as page:
        assert page.locator(".cnn-widget[data-live]").count() == 2
        assert page.locator(".cnn-still").count() == 0
        assert page.evaluate(NAMES) == before


@each
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_legible_and_wide_enough_to_touch(name, browser, tmp_path, theme):
    text = widget_pages.html(make(name))
    with widget_pages.opened(browser, tmp_path, text, theme=theme, width=390) as page:
        facts = page.evaluate(widget_pages.page_visits.LOOK.replace("article, ", ".cnn-widget, "))
        low = [(text, ratio) for text, ratio in facts["texts"] if ratio < 4.5]
        assert facts["texts"]
        assert not low
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for control in page.locator("button:visible, select, input:visible").all():
            box = control.bounding_box()
            assert min(box["width"], box["height"]) >= NARROWEST_TARGET, control


@each
def test_what_is_not_drawn_yet_makes_no_page_wider(name, browser, tmp_path):
    """Canvases are 300 pixels wide until they are drawn, which may be after a picture is opened."""
    with widget_pages.opened(browser, tmp_path, widget_pages.html(make(name)), width=390) as page:
        page.evaluate("""() => document.querySelectorAll("canvas").forEach(canvas => {
            canvas.width = 900;
            canvas.style.width = "";
        })""")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@each
def test_keys_with_a_modifier_are_left_alone(name, browser, tmp_path):
    """Ctrl+S saves, in a browser as in JupyterLab, where a figure keeps all other keys."""
    with widget_pages.opened(browser, tmp_path, widget_pages.html(make(name))) as page:
        # What it says at first, it says when its picture is there.
        page.locator(".cnn-widget [role='status']", has_text=re.compile(".")).first.wait_for()
        taken = page.evaluate("""() => {
            const taken = [], shields = e => e.hasAttribute("data-lm-suppress-shortcuts");
            const controls = "button:enabled, input, select, [tabindex]";
            const KEYS = ["ArrowDown", "ArrowLeft", "End", "PageUp", "Enter", " ", "+", "s"];
            for (const e of document.querySelectorAll(`.cnn-widget :is(${controls})`)) {
                const say = (type, how) => e.dispatchEvent(
                    new KeyboardEvent(type, {...how, bubbles: true, cancelable: true}));
                e.focus();
                if (e !== document.activeElement) continue;
                const name = e.outerHTML.slice(0, 100);
                if (!shields(e)) taken.push(`shortcuts of one key, at ${name}`);
                for (const modifier of ["ctrlKey", "metaKey", "altKey"])
                    for (const key of KEYS) {
                        const left = say("keydown", {key, [modifier]: true});
                        if (!left || shields(e)) taken.push(`${modifier} ${key}, at ${name}`);
                    }
                say("keyup", {key: "Control"});
                if (!shields(e)) taken.push(`shortcuts of one key afterwards, at ${name}`);
            }
            return taken;
        }""")
        assert not taken


@each
def test_the_themes_of_every_place_are_followed(name, browser, tmp_path):
    ground = "getComputedStyle(document.querySelector('.cnn-widget')).backgroundColor"
    with widget_pages.opened(browser, tmp_path, widget_pages.html(make(name))) as page:
        light = page.evaluate(ground)
        for place in (
            "document.documentElement.dataset.theme = 'dark'",  # the book
            "document.documentElement.setAttribute('theme', 'dark')",  # Colab
            "document.body.dataset.jpThemeLight = 'false'",  # JupyterLab
        ):
            page.evaluate("""() => {
                document.documentElement.removeAttribute("data-theme");
                document.documentElement.removeAttribute("theme");
                document.body.removeAttribute("data-jp-theme-light");
            }""")
            assert page.evaluate(ground) == light
            page.evaluate(place)
            assert page.evaluate(ground) != light, place
        page.evaluate("""() => {
            document.documentElement.removeAttribute("theme");
            document.body.removeAttribute("data-jp-theme-light");
        }""")
        page.emulate_media(color_scheme="dark")
        assert page.evaluate(ground) != light
