"""A digit is drawn by pointer, finger and keys, and read as the package and PyTorch read it."""

import json
import re

import numpy as np
import pytest
import torch
import widget_pages
from handwriting import FORMS, smooth, strokes
from javascript import passes_by_node, run_node

from cnn_course.data import load, prepare_digit
from cnn_course.inspection import occlusion
from cnn_course.models import load_pretrained
from cnn_course.widgets import draw_digit
from cnn_course.widgets.base import encode
from cnn_course.widgets.draw_digit import EXAMPLES

LAYERS = {"C1": 3, "S2": 4, "C3": 6, "S4": 7, "C5": 10, "F6": 12, "logits": 13, "softmax": 13}
# Every form of every digit, upright; slim or wide, small or large, in the middle or off it.
PLACES = [(0.5, 0.5, 0.7, 0.65), (0.3, 0.35, 0.3, 0.8), (0.65, 0.7, 0.45, 0.5)]  # x, y, high, wide


def placed(stroke, x, y, high, wide):
    return (smooth(np.array(stroke), 5) - 0.5) * [high * wide, high] + [x, y]


def drawing(digit, form, place=PLACES[0]):
    """Strokes, each (N, 2), in shares of the sheet's side."""
    return [placed(stroke, *place) for stroke in FORMS[digit][form]]


# --- What is computed


def drawings():
    for digit in range(10):
        for form, place in zip((0, 1, 2), PLACES, strict=True):
            yield drawing(digit, form, place)
        yield [s * 0.7 + 0.5 for s in strokes(digit, np.random.RandomState(digit))]
    line = np.array([[0.5, 0.2], [0.5, 0.8]])
    yield [line]  # symmetric, so that rounding could move it
    yield [line + np.array([k / 50, 0]) for k in range(8)]  # thick
    yield [line[:1]]  # a point
    yield [line * 1.5 - 0.9]  # beyond the sheet
    yield [line, line - [0.4, 0.1]]  # the second is no part of the digit, or the first
    yield []


def state():
    return load_pretrained("lenet5").state_dict().items()


def test_node_finds_the_numbers_of_the_package(node, tmp_path):
    fixtures = {"drawings": [[s.tolist() for s in strokes] for strokes in drawings()]}
    out = tmp_path / "sheets.json"
    run = run_node(node, "digit.test.js", fixtures, tmp_path, OUT=str(out))
    assert run.returncode == 0, run.stderr
    drawn = json.loads(out.read_text(encoding="utf-8"))
    sheets = [np.array(ink, np.uint8).reshape(drawn["side"], -1) for ink in drawn["sheets"]]
    tiny = np.zeros((40, 60), np.uint8)
    tiny[20:23, 30:34] = 255
    faint = np.pad(load("mnist-sample", "test").images[16, 0].numpy() // 8, 20)
    pictures = [prepared_by_python(sheet) for sheet in (*sheets, tiny, faint, 0 * tiny)]
    assert sum(picture["expected"] is None for picture in pictures) >= 3

    net = load_pretrained("lenet5").double()
    images = torch.tensor(
        [*[p["expected"] for p in pictures if p["expected"]][:6], [0] * 784], dtype=torch.uint8
    ).view(-1, 1, 28, 28)
    digits = []
    for image in images:
        with torch.no_grad():
            maps = {name: net.layers[:n](image[None].double() / 255) for name, n in LAYERS.items()}
        maps["softmax"] = maps["softmax"].softmax(1)
        values = {name: map.flatten().tolist() for name, map in maps.items()}
        digits.append({"pixels": image.flatten().tolist(), "maps": values})

    best = int(torch.tensor(digits[0]["maps"]["logits"]).argmax())
    lost = occlusion(net, images[:1].double() / 255, side=7, target=best).flatten().tolist()
    cases = {
        "drawings": [],
        "pictures": pictures,
        "digits": digits,
        "weights": {
            name: {"shape": list(values.shape), "data": encode(values.numpy())}
            for name, values in state()
        },
        "occluded": {"pixels": digits[0]["pixels"], "best": best, "expected": lost},
    }
    passes_by_node(node, "digit.test.js", cases, tmp_path, len(pictures) + len(digits) + 2)


def prepared_by_python(pixels):
    try:
        expected = prepare_digit(pixels)[0].flatten().tolist()
    except ValueError:
        expected = None
    return {"pixels": pixels.flatten().tolist(), "shape": pixels.shape, "expected": expected}


def test_the_examples_are_digits_that_the_network_has_not_seen():
    examples = load("mnist-sample", "test").subset(EXAMPLES)
    assert examples.labels.tolist() == [*range(10), 2, 8]
    inner = examples.images[:, :, 1:-1, 1:-1]
    assert inner.sum() == examples.images.sum()  # the ink of a sheet touches no edge


# --- In a browser


class Figure:
    """One copy on a page, by what a reader sees of it."""

    def __init__(self, page, number=0):
        self.page = page
        self.root = page.locator(".cnn-widget").nth(number)
        self.sheet = self.root.locator("canvas").first
        self.layers = self.root.locator(".cnn-layer canvas")

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    @property
    def status(self):
        return self.root.get_by_role("status").inner_text()

    def draw(self, strokes):
        box = self.sheet.bounding_box()
        for stroke in strokes:
            spots = (stroke * box["width"] + [box["x"], box["y"]]).tolist()
            self.page.mouse.move(*spots[0])
            self.page.mouse.down()
            for spot in spots[1:]:
                self.page.mouse.move(*spot)
            self.page.mouse.up()

    def fast(self, strokes):
        """As `draw`, by events that a script sends; the milliseconds that each one took."""
        return self.sheet.evaluate(
            """(canvas, strokes) => {
                const box = canvas.getBoundingClientRect(), times = [];
                const send = (type, [x, y]) => {
                    const place = {
                        clientX: box.left + x * box.width, clientY: box.top + y * box.height,
                    };
                    const begin = performance.now();
                    canvas.dispatchEvent(new PointerEvent(type, {pointerId: 1, ...place}));
                    times.push(performance.now() - begin);
                };
                for (const stroke of strokes) {
                    stroke.forEach((point, n) => send(n ? "pointermove" : "pointerdown", point));
                    send("pointerup", stroke[stroke.length - 1]);
                }
                return times;
            }""",
            [stroke.tolist() for stroke in strokes],
        )

    def read(self):
        return int(re.match(r"(\d) \(\d+ %\)", self.status)[1])

    def text(self, selector):
        return self.root.locator(selector).inner_text().replace("−", "-")

    def table(self):
        """The rows of what the number in the title is made of: {label: number}."""
        rows = self.root.locator(".cnn-table > *").all_inner_texts()
        return {label: float(n.replace("−", "-")) for label, n in (r.split("\n") for r in rows)}


@pytest.fixture
def figure(browser, tmp_path):
    with widget_pages.opened(browser, tmp_path, widget_pages.html(draw_digit())) as page:
        yield Figure(page)


def test_ten_digits_are_drawn_and_read(figure):
    assert figure.status.startswith("The sheet is empty")
    assert not figure.button("Undo").is_enabled()
    for digit in range(10):
        figure.draw(drawing(digit, digit % 3))
        assert figure.read() == digit
        figure.button("Clear").click()
        assert figure.status.startswith("The sheet is empty")


# Each form in one place, the next one in another; where there is time, in every place.
@pytest.mark.parametrize("places", [1, pytest.param(len(PLACES), marks=pytest.mark.slow)])
def test_every_form_is_read_wherever_it_stands_in_good_time(figure, places):
    times, read = [], {}
    drawn = [(digit, form) for digit, forms in FORMS.items() for form in range(len(forms))]
    for number, (digit, form) in enumerate(drawn):
        for place in (PLACES * 2)[number % len(PLACES) :][:places]:
            times += figure.fast(drawing(digit, form, place))
            read[digit, form, place] = figure.read()
            figure.button("Clear").evaluate("button => button.click()")
    wrong = {key: answer for key, answer in read.items() if answer != key[0]}
    assert len(wrong) <= (places > 1), wrong  # one, of all of them
    print(f"milliseconds an event: {np.min(times):.1f} least, {np.median(times):.1f} median")
    assert np.quantile(times, 0.1) < 50  # 4 where nothing else runs


def test_undo_examples_and_the_occlusion_map(figure):
    figure.draw(drawing(4, 1)[:1])
    before = figure.status
    figure.draw(drawing(4, 1)[1:])
    assert figure.read() == 4
    figure.button("Undo").click()
    assert figure.status == before
    figure.button("Clear").click()
    figure.button("Undo").click()
    assert figure.status == before
    for digit in range(10):
        figure.button(f"example {digit + 1}, a {digit}").click()
        assert figure.read() == digit
    figure.button("Occlusion map").click()
    figure.root.get_by_text(re.compile(r"of 784 squares change the answer")).wait_for()
    orange = widget_pages.pixels(figure.root.locator(".cnn-input canvas")).astype(int)
    assert (orange[..., 0] - orange[..., 2] > 60).any()
    figure.button("Uncover").click()
    assert "squares" not in figure.status
    grey = widget_pages.pixels(figure.root.locator(".cnn-input canvas")).astype(int)
    assert (grey[..., 0] == grey[..., 2]).all()


def test_a_number_is_taken_apart(figure):
    figure.button("example 5, a 4").click()
    shapes = {"C1": 6, "S2": 6, "C3": 16, "S4": 16}
    for n, (name, columns) in enumerate(shapes.items()):
        box = figure.layers.nth(n).bounding_box()
        spot = {"x": (2 + 0.45) * box["width"] / columns, "y": box["height"] / 2}
        figure.layers.nth(n).click(position=spot)
        title = re.fullmatch(
            rf"{name}, map 2, row (\d+), column (\d+): (\S+)", figure.text(".cnn-said")
        )
        rows = list(figure.table().values())
        if name[0] == "S":
            assert len(rows) == 5
            assert rows[-1] == max(rows[:-1])
        else:
            *parts, total, after = rows
            assert sum(parts) == pytest.approx(total, abs=0.05)
            assert after == max(0, total)
        assert float(title[3]) == rows[-1]
    board = figure.root.locator(".cnn-apart canvas").nth(1)
    figure.layers.nth(2).focus()
    for key in ("ArrowRight", "Enter", "Home", "PageUp", "ArrowDown"):
        figure.page.keyboard.press(key)
    assert board.evaluate("board => board === document.activeElement")
    assert figure.text(".cnn-said").startswith("C3, map 1, row 1, column 0: ")
    *parts, _, _, _ = figure.table().items()
    figure.root.get_by_role("button", name="S2, map 5").click()
    sum_ = float(figure.text(".cnn-sum output"))
    assert sum_ == dict(parts)["S2, map 5"]
    figure.layers.nth(5).focus()
    figure.page.keyboard.press("ArrowRight")
    assert figure.text(".cnn-said").startswith("F6, unit 1: ")
    *parts, total, _ = figure.table().values()
    assert sum(parts) == pytest.approx(total, abs=0.03)


def test_keys_draw(figure):
    figure.sheet.focus()
    blank = widget_pages.pixels(figure.sheet)
    press = figure.page.keyboard.press
    for key in ["ArrowUp"] * 8 + ["Space"] + ["ArrowDown"] * 17 + ["Enter", "ArrowLeft"]:
        press(key)
    assert (widget_pages.pixels(figure.sheet) != blank).any()
    assert figure.read() == 1
    press("Tab")
    press("Enter")  # Undo
    assert figure.status.startswith("The sheet is empty")


def test_a_finger_draws_and_the_page_stays(browser, tmp_path):
    with widget_pages.opened(browser, tmp_path, widget_pages.html(draw_digit()), width=390) as page:
        figure = Figure(page)
        box = figure.sheet.bounding_box()
        touch = page.context.new_cdp_session(page)
        touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        (stroke,) = drawing(7, 0)
        spots = (stroke * box["width"] + [box["x"], box["y"]]).tolist()
        for n, (x, y) in enumerate(spots):
            kind = "touchMove" if n else "touchStart"
            point = {"x": x, "y": y}
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert figure.read() == 7
        assert page.evaluate("scrollY") == 0


def test_copies_and_themes(browser, tmp_path):
    text = widget_pages.html(draw_digit(), draw_digit())
    with widget_pages.opened(browser, tmp_path, text) as page:
        one, two = Figure(page), Figure(page, 1)
        two.fast(drawing(8, 0))
        before = two.root.inner_text()
        one.fast(drawing(3, 0))
        one.layers.nth(0).click()
        assert (one.read(), two.read()) == (3, 8)
        one.button("Clear").click()
        assert two.root.inner_text() == before
        light = widget_pages.pixels(two.sheet)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        dark = widget_pages.pixels(two.sheet)
        inked = light[..., 3] == 255
        assert light[inked][:, :3].max() < 60
        assert dark[inked][:, :3].min() > 200
