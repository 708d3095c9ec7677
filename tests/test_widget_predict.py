"""A guess before the answer, as a reader makes it: by pointer, by touch and by keys."""

import re
from functools import partial

import numpy as np
import pytest
import widget_pages
from measured import _settle

from cnn_course.tables import Table
from cnn_course.widgets import predict

READ = np.array([[92, 69, 28, 10], [97, 88, 47, 16]])  # per cent, by pixels
NETWORKS = ("MLP", "CNN")
SHIFTS = Table(
    ("moved by (pixels)", "0", "2", "4", "6"),
    [(name, *(f"≈ {v}%" for v in row)) for name, row in zip(NETWORKS, READ, strict=True)],
)
ORDERS = Table(
    ("network", "weights", "read right"),
    [
        ("sigmoid", "1", "≈ 10.0 %"),
        ("MLP", "2", "≈ 92.3 %"),
        ("tanh", "3", "≈ 10.0 %"),
        ("CNN", "4", "≈ 97.1 %"),
    ],
)
dead = partial(predict.number, "How many channels are dead?", "≈ 42", 0, 96)
arrives = partial(predict.number, "How much arrives?", "≈ 2.7e-05", 1e-10, 1, log=True)
moved = partial(predict.curve, "How many are read?", SHIFTS, 0, 100)
ranked = partial(predict.order, "Which reads most?", ORDERS)


class Figure:
    """One copy on a page, by what a reader sees of it."""

    def __init__(self, page, number=0):
        self.page = page
        self.root = page.locator(".cnn-widget").nth(number)
        self.field = self.root.locator("input[type=text]")
        self.slider = self.root.get_by_role("slider")
        self.plot = self.root.locator("svg.cnn-plot")

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def compare(self):
        self.button("Show the answer").click()
        return self.said

    @property
    def said(self):
        return self.root.get_by_role("status").inner_text().replace("−", "-")

    @property
    def rows(self):
        return self.root.locator(".cnn-rows:visible .cnn-name").all_inner_texts()

    def points(self):
        """Of each point of the axes, from left to right, its place on the page; and 0 and 100."""
        box = self.plot.bounding_box()
        ticks = self.plot.locator(".cnn-grid")
        lines = [re.match(r"M([\d.]+) ([\d.]+)([hv])", p.get_attribute("d")) for p in ticks.all()]
        across = [box["x"] + float(m[1]) for m in lines if m[3] == "v"]
        down = [box["y"] + float(m[2]) for m in lines if m[3] == "h"]
        return across, down[0], down[-1]

    def draw(self, values):
        """A stroke of the mouse from point to point, with moves between them."""
        self.plot.scroll_into_view_if_needed()
        across, zero, hundred = self.points()
        heights = [zero + (hundred - zero) * v / 100 for v in values]
        steps = np.linspace(0, len(values) - 1, 4 * len(values))
        for n, step in enumerate(steps):
            x = np.interp(step, range(len(values)), across[-len(values) :])
            self.page.mouse.move(x, np.interp(step, range(len(values)), heights))
            if n == 0:
                self.page.mouse.down()
        self.page.mouse.up()


@pytest.fixture
def show(browser, tmp_path):
    """Opens a page with these figures, and gives the first."""
    opened = []

    def pages(*widgets, **settings):
        text = widget_pages.html(*widgets)
        opened.append(widget_pages.opened(browser, tmp_path, text, **settings))
        return Figure(opened[-1].__enter__())

    yield pages
    for page in opened:
        page.__exit__(None, None, None)


# --- A number


@pytest.mark.parametrize(
    ("answer", "low", "high", "log", "guess", "said"),
    [
        ("≈ 61.3 %", 0, 100, False, "70", "You said 70 %; measured ≈ 61.3 %: 8.7 points too high."),
        ("≈ 61%", 0, 100, False, "60 %", "You said 60%; measured ≈ 61%: 1 point too low."),
        ("≈ 42", 0, 96, False, "42", "You said 42; measured ≈ 42: the same."),
        ("432", 0, 1000, False, "1/2", "You said 0.5; it is 432: 431.5 too low."),
        ("97.31 ± 0.12 %", 0, 100, False, "97.5", "You said 97.5 %; it is 97.31 ± 0.12 %: 0.19 po"),
        (
            "≈ 8 pixels",
            -9,
            9,
            False,
            "−2",
            "You said -2 pixels; measured ≈ 8 pixels: 10 pixels too",
        ),
        ("≈ 2.7e-05", 1e-9, 1, True, "1e-3", "You said 1.0e-03; measured ≈ 2.7e-05: 37 times too"),
        (
            "3,145,728,000",
            1,
            1e12,
            True,
            "3 million",
            "You said 3,000,000; it is 3,145,728,000: 1,0",
        ),
        ("432", 1, 1e6, True, "440", "You said 440; it is 432: less than 5 % away."),
    ],
)
def test_what_is_said_of_a_number(show, answer, low, high, log, guess, said):
    figure = show(predict.number("How many?", answer, low, high, log=log))
    assert figure.button("Show the answer").is_disabled()
    figure.field.fill(guess)
    assert figure.compare().startswith(said)
    marks = figure.root.locator(".cnn-axis text:not(.cnn-tick)").all_text_contents()
    assert len(marks) == 2
    assert answer in marks[1]


def test_a_number_by_the_slider_alone_and_again(show):
    figure = show(dead(then=ORDERS))
    assert "42" not in figure.root.inner_text()
    figure.slider.focus()
    figure.press("ArrowRight")
    assert figure.said == "Your guess: 49"
    assert figure.field.input_value() == "49"
    figure.press("Tab", "Enter")
    assert figure.said == "You said 49; measured ≈ 42: 7 too high."
    assert figure.root.locator("table").is_visible()
    assert figure.button("Guess again").evaluate("e => e === document.activeElement")
    figure.press("Enter")
    assert "42" not in figure.root.inner_text()
    assert figure.slider.evaluate("e => e === document.activeElement")
    assert figure.button("Show the answer").is_disabled()


def test_what_is_no_number_is_said(show):
    figure = show(arrives())
    for text in ("many", "2", "0", "-1", "1/0", "nan"):
        figure.field.fill(text)
        assert figure.said == f"“{text}” is no guess: give a number from 1.0e-10 to 1.0e+00."
        assert figure.button("Show the answer").is_disabled()
    figure.slider.fill("100")
    assert figure.said == "Your guess: 1.0e-05"
    assert figure.field.get_attribute("aria-invalid") is None


def test_the_answer_is_shown_without_a_guess(show):
    figure = show(dead(), ranked(), moved())
    wanted = ["Measured ≈ 42.", "At the top: CNN, ≈ 97.1 %.", "The numbers stand below."]
    for number, said in enumerate(wanted):
        figure = Figure(figure.page, number)
        figure.button("Skip the guess").click()
        assert figure.said == said
        assert not figure.root.locator("svg .cnn-yours:visible").count()
    assert figure.root.locator("svg path.cnn-true").count() == 2


# --- An order


def test_an_order_by_buttons(show):
    figure = show(ranked())
    assert figure.rows == ["sigmoid", "MLP", "tanh", "CNN"]
    figure.button("move CNN up").focus()
    figure.press("Enter", "Enter", "Enter", "Enter")
    assert figure.said == "CNN: number 1 of 4."
    assert figure.rows == ["CNN", "sigmoid", "MLP", "tanh"]
    said = "2 of 4 stand in the place where you put them. Furthest off: sigmoid, one place too high"
    assert figure.compare().startswith(said)
    assert figure.rows[:4] == ["CNN", "sigmoid", "MLP", "tanh"]
    answer = [" ".join(text.split()) for text in figure.rows[4:]]
    # Of two with the same number, the order is the reader's.
    assert answer == ["CNN ≈ 97.1 %", "MLP ≈ 92.3 %", "sigmoid ≈ 10.0 %", "tanh ≈ 10.0 %"]
    assert figure.root.locator(".cnn-level").count() == figure.root.locator(".cnn-crossing").count()


def test_an_order_by_dragging_the_smallest_first(show):
    figure = show(ranked(column=1, rising=True), width=390)
    assert "smallest" in figure.said
    handle = figure.root.locator(".cnn-handle").nth(0).bounding_box()
    last = figure.root.locator("li").nth(3).bounding_box()
    figure.page.mouse.move(handle["x"] + 9, handle["y"] + 9)
    figure.page.mouse.down()
    figure.page.mouse.move(handle["x"] + 9, last["y"] + last["height"] - 2, steps=8)
    figure.page.mouse.up()
    assert figure.rows == ["MLP", "tanh", "CNN", "sigmoid"]
    assert figure.said == "sigmoid: number 4 of 4."
    said = "0 of 4 stand in the place where you put them. Furthest off: sigmoid, 3 places too low."
    assert figure.compare() == said
    figure.button("Guess again").click()
    assert figure.rows == ["sigmoid", "MLP", "tanh", "CNN"]


# --- A curve


def test_a_curve_by_the_mouse(show):
    figure = show(moved(known=1))
    for n, guess in enumerate([[90, 80, 70], [85, 60, 20]]):
        figure.button(NETWORKS[n]).click()
        assert figure.said == f"Draw the curve of {NETWORKS[n]}."
        figure.draw(guess)
        assert figure.said.startswith("Drawn.")
    said = re.findall(
        r"(\w+): (\d+) points away on average; furthest off, at (\d) you said (\d+)%, measured ≈ "
        r"(\d+)%: (\d+) points too (high|low)\.",
        figure.compare(),
    )
    assert [each[0] for each in said] == list(NETWORKS)
    drawn = np.array([[90, 80, 70], [85, 60, 20]])
    for away, guess, truth, (_, mean, at, you, it, by, side) in zip(
        abs(drawn - READ[:, 1:]), drawn, READ[:, 1:], said, strict=True
    ):
        worst = away.argmax()
        assert float(mean) == pytest.approx(away.mean(), abs=1.5)
        assert int(at) == 2 * worst + 2
        assert int(you) == pytest.approx(guess[worst], abs=1)
        assert int(it) == truth[worst]
        assert int(by) == abs(int(you) - int(it))
        assert side == ("high" if int(you) > int(it) else "low")


def test_a_curve_by_keys_alone(show):
    figure = show(moved(known=1, drawn=1))
    assert figure.plot.locator("path.cnn-beside").count() == 1  # the one that is not asked for
    figure.plot.focus()
    figure.press("ArrowUp")  # as high as the point before
    assert figure.said == "moved by (pixels) 2: 92%"
    figure.press("ArrowDown", "PageDown", "ArrowLeft")
    assert figure.said == "moved by (pixels) 2: 80%"
    figure.press("End")
    assert figure.said == "moved by (pixels) 6: no guess yet"
    figure.press("ArrowUp", *["PageDown"] * 8)
    assert figure.said == "moved by (pixels) 6: 0%"
    figure.press("Home", "Tab", "Enter")
    said = "11 points away on average; furthest off, at 2 you said 80%, measured ≈ 69%: 11 points"
    assert figure.said.startswith(said)


def test_a_curve_down_a_table(show):
    table = Table(("prepared", "read right"), [("as drawn", "≈ 9 %"), ("inverted", "≈ 60 %")])
    figure = show(predict.curve("How many?", table, 0, 100, down=True))
    figure.plot.focus()
    figure.press("End", "ArrowUp")
    assert figure.said == "prepared inverted: 50 %"
    assert figure.compare() == "At inverted you said 50 %, measured ≈ 60 %: 10 points too low."


def test_a_finger_draws_and_the_page_stays(show):
    figure = show(moved(), moved(), width=390)
    across, zero, hundred = figure.points()
    touch = figure.page.context.new_cdp_session(figure.page)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    spots = [(across[0], zero - 9), (across[1], hundred + 30), (across[3], hundred + 20)]
    for kind, spot in zip(("touchStart", "touchMove", "touchMove"), spots, strict=True):
        points = [{"x": spot[0], "y": spot[1]}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert figure.page.evaluate("scrollY") == 0
    assert figure.said.startswith("Drawn.")
    assert figure.plot.locator("circle.cnn-yours").count() == 4
    other = Figure(figure.page, 1)
    assert other.plot.locator("circle.cnn-yours").count() == 0
    assert other.button("Show the answer").is_disabled()


# --- In every kind


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_answer_is_legible_and_narrow_enough(show, theme):
    figure = show(dead(then=ORDERS), ranked(), moved(), theme=theme, width=390)
    page = figure.page
    for button in page.get_by_role("button", name="Skip the guess").all()[::-1]:
        button.click()
    look = widget_pages.page_visits.LOOK.replace("article, ", ".cnn-widget, ")
    low = [(text, ratio) for text, ratio in page.evaluate(look)["texts"] if ratio < 4.5]
    assert not low
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_scripts_the_answer_stands_folded(browser, tmp_path):
    (tmp_path / "page.html").write_text(widget_pages.html(dead(then=ORDERS)), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.get_by_text("How many channels are dead?").is_visible()
    assert not page.get_by_text("≈ 42").is_visible()
    page.get_by_text("The answer").click()
    assert page.get_by_text("≈ 42").is_visible()
    assert page.get_by_text("≈ 97.1 %").is_visible()
    context.close()


def html(mlp, cnn="97.1"):
    """Of all three kinds together, from a table in which two numbers may differ."""
    table = Table(("", "a", "b"), [("MLP", f"≈ {mlp}%", "≈ 3%"), ("CNN", f"≈ {cnn}%", "≈ 2%")])
    figures = [
        predict.number("How many?", f"≈ {mlp}%", 0, 100, then=table),
        predict.order("Which?", table, column=1),
        predict.curve("How?", table, 0, 100),
    ]
    return "".join(figure._repr_html_() for figure in figures)


def test_numbers_are_compared_by_tolerance_and_all_else_to_the_letter():
    stored = html("92.3")
    assert "≈ 92.3%" in stored
    assert _settle(stored, html("92.9"), True, 1) == (stored, [])
    assert _settle(stored, html("92.9", "91.9"), True, 1)[1]  # far off; and in another order
    _text, misses = _settle(stored, html("80.0"), True, 1)
    assert len(misses) == 4  # the answer, and once in each table
    assert "stored ≈ 92.3 %, now ≈ 80.0 %" in misses[0]
    changed = stored.replace("How many?", "How much?")
    assert _settle(stored, changed, True, 1)[0] != stored


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: predict.number("?", "many", 0, 1), "the answer is 'many': give a number as a tex"),
        (lambda: predict.number("?", "3", 1, 1), "a guess from 1 to 1: give two numbers, the low"),
        (lambda: predict.number("?", "3", 0, 9, log=True), "two numbers above 0"),
        (lambda: predict.number("?", "3", 0, float("inf")), "a guess from 0 to inf"),
        (lambda: predict.order("?", ORDERS, column=0), "“network” of “sigmoid” is 'sigmoid'"),
        (lambda: predict.order("?", Table(("a", "b"), [("c", "1")])), "an order of 1 rows"),
        (lambda: moved(drawn=3), "drawn=3 of 2 curves: give 1 to 2"),
        (lambda: moved(known=4), "known=4 of 4 points leaves none"),
        (lambda: predict.curve("?", ORDERS, 0, 1, down=True, drawn=0), "drawn=0"),
        (
            lambda: predict.curve("?", Table(("a", "b", "c"), [("d", "1", "e")]), 0, 1),
            "point of “d",
        ),
    ],
)
def test_what_cannot_be_asked_is_said(call, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        call()
