"""Max against average pooling in the browser: the numbers are PyTorch's, whatever the shift."""

import re

import numpy as np
import pytest
import torch
import widget_pages
from torch.nn import functional as F

from cnn_course.data import load
from cnn_course.widgets import pooling
from cnn_course.widgets.pooling import EDGES, ROWS, SOBEL

DIGIT = load("mnist-sample", "test").images[494:495].double() / 255  # (1, 1, 28, 28)
DOT = torch.zeros(1, 1, 8, 8).double()
DOT[0, 0, 2, 2] = 8
MAPS = {
    EDGES: F.relu(F.conv2d(DIGIT, torch.tensor(SOBEL)[None, None].double(), padding=1)),
    "a 7": DIGIT,
    "a dot": DOT,
} | {name: torch.tensor(row).double().expand(1, 1, 8, 8) for name, row in ROWS.items()}
POOLS = [lambda x, k: x, F.max_pool2d, F.avg_pool2d]


class Figure:
    """One copy on a page, by what a reader sees of it."""

    def __init__(self, page, number=0):
        self.page = page
        self.root = page.locator(".cnn-widget").nth(number)
        self.boards = self.root.locator(".cnn-column canvas")  # each map, and its change

    def choose(self, label, text):
        self.root.get_by_label(label, exact=True).select_option(label=text)

    def move(self, *ways):
        for way in ways:
            self.root.get_by_role("button", name=f"move {way}").click()

    def back(self):
        self.root.get_by_role("button", name="Back").click()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def texts(self, selector):
        return [text.replace("−", "-") for text in self.root.locator(selector).all_inner_texts()]

    @property
    def summary(self):
        return self.texts(".cnn-summary")[0]

    @property
    def said(self):
        return self.texts(".cnn-said")[0]

    @property
    def window(self):
        """Row and column, the maximum before and after, the mean before and after."""
        goes = r"(-?[\d.]+) → (-?[\d.]+)"
        pattern = rf"Window in row (\d+), column (\d+): max {goes}, average {goes}"
        row, column, *numbers = re.fullmatch(pattern, self.said).groups()
        return int(row), int(column), *map(float, numbers)

    def changes(self):
        """Of the map, the maxima, the means: how many numbers changed, of how many, by how much."""
        counts = [re.fullmatch(r"(\d+) of (\d+) changed", t) for t in self.texts(".cnn-caption")
                  if "changed" in t]  # fmt: skip
        ratios = [float(text.split("=")[1]) for text in self.texts(".cnn-change p")]
        return [(*map(int, c.groups()), r) for c, r in zip(counts, ratios, strict=True)]

    def spot(self, board, row, column, side):
        """Where a cell of a board with `side` of them in a row lies on the page."""
        box = self.boards.nth(board).bounding_box()
        return [box[k] + (n + 0.5) * box["width"] / side for k, n in (("x", column), ("y", row))]


@pytest.fixture
def figure(browser, tmp_path):
    with widget_pages.opened(browser, tmp_path, widget_pages.html(pooling())) as page:
        yield Figure(page)


def expected(x, k, shift):
    rows = []
    for pool in POOLS:
        before, after = pool(x, k), pool(x.roll(shift, (2, 3)), k)
        difference = (after - before).where((after - before).abs() > 1e-6, 0)
        ratio = (difference.norm() / before.norm()).item()
        rows.append(
            (int((difference != 0).sum()), before.numel(), pytest.approx(ratio, abs=0.0051))
        )
    return rows


def test_every_number_is_that_of_pytorch(figure):
    ways = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
    rng = np.random.default_rng(0)
    for name, x in MAPS.items():
        figure.choose("feature map", name)
        side = x.shape[-1]
        for k in (2, 4, 7, side):
            if side % k:
                continue
            figure.choose("window", f"{k} × {k}" if k < side else "the whole map")
            figure.back()
            assert [change[0] for change in figure.changes()] == [0, 0, 0]
            taken = [str(rng.choice(list(ways))) for _ in range(3)]
            figure.move(*taken)
            shift = tuple(sum(ways[way][axis] for way in taken) for axis in (0, 1))
            assert figure.changes() == expected(x, k, shift)
            row, column, *numbers = figure.window
            pooled = [
                pool(moved, k)[0, 0, row, column].item()
                for pool in POOLS[1:]
                for moved in (x, x.roll(shift, (2, 3)))
            ]
            assert numbers == pytest.approx(pooled, abs=0.0051)


SENTENCES = [  # map, window, what is pressed, what is said of it
    ("a dot", "2 × 2", [], "The map is where it was. Move it by a pixel."),
    ("a dot", "2 × 2", ["right"], "Moved by 1 to the right, the map changes by 1.41, its maxima by "
     "0.00, its means by 0.00. Both poolings forgive it."),
    ("a dot", "2 × 2", ["left"], "the map changes by 1.41, its maxima by 1.41, its means by 1.41."),
    ("a dot", "2 × 2", ["right", "right", "down", "down"],
     "Both pooled maps are what they were, moved by 1 to the right and 1 down."),
    ("a dot", "4 × 4", ["up"] * 4,
     "Moved by 4 up, the map changes by 1.41, its maxima by 1.41, its means by 1.41. "
     "Both pooled maps are what they were, moved by 1 up."),
    ("stripes of 2", "2 × 2", ["right"], "its maxima by 1.00, its means by 0.71."),
    ("stripes of 2", "4 × 4", ["left"], "Both poolings forgive it."),
    ("stripes of 1", "2 × 2", ["right"], "the map changes by 1.41, its maxima by 0.00, its means"),
    ("stripes of 1", "2 × 2", ["down", "right", "right"],
     "The map repeats itself: moved by 2 to the right and 1 down it is what it was."),
    ("a 7", "the whole map", ["left"], "its maxima by 0.00, its means by 0.00. Both poolings for"),
]  # fmt: skip


def test_what_is_forgiven_is_said(figure):
    for name, window, ways, sentence in SENTENCES:
        figure.choose("feature map", name)
        figure.choose("window", window)
        figure.back()
        figure.move(*ways)
        assert sentence in figure.summary
        assert sentence[-1] != "." or figure.summary.endswith(sentence)
    figure.choose("feature map", "a dot")  # its windows are the whole map, too
    assert figure.window == (0, 0, 8, 8, 0.13, 0.13)


def test_a_shift_that_one_pooling_forgives(figure):
    # The largest number of each quarter of the 7 stays in it, and not all of the ink does.
    figure.choose("feature map", "a 7")
    figure.choose("window", "14 × 14")
    for way in ("left", "right", "up", "down"):
        figure.back()
        figure.move(way)
        maxima, means = (change[0] for change in figure.changes()[1:])
        assert maxima == 0 < means
        assert figure.summary.endswith(" Max pooling forgives it.")


def test_the_window_is_taken_apart(figure):
    figure.choose("feature map", "a dot")
    assert figure.window == (1, 1, 8, 8, 2, 2)
    assert figure.texts(".cnn-sums p") == [
        "max(8, 0, 0, 0) = 8", "(8 + 0 + 0 + 0) / 4 = 2",
        "max(0, 8, 0, 0) = 8", "(0 + 8 + 0 + 0) / 4 = 2",
    ]  # fmt: skip
    figure.move("right")
    assert figure.texts(".cnn-sums p")[2:] == ["max(0, 0, 0, 0) = 0", "(0 + 0 + 0 + 0) / 4 = 0"]
    figure.choose("window", "4 × 4")
    assert figure.texts(".cnn-sums p")[:2] == ["max of 16 = 8", "mean of 16 = 0.5"]


def test_pointer_and_arrow_keys_choose_a_window_on_every_board(figure):
    for board in range(6):
        figure.page.mouse.move(*figure.spot(board, 9, 1 + board, 14))
        assert figure.window[:2] == (9, 1 + board)
    for board in (0, 2, 4):
        figure.boards.nth(board).focus()
        figure.press(
            "Home", "PageUp", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowLeft"
        )
        assert figure.window[:2] == (2, 0)
        figure.press("End", "PageDown", "ArrowUp")
        assert figure.window[:2] == (12, 13)


def test_the_map_is_moved_by_keys_and_around_the_ring(figure):
    button = figure.root.get_by_role("button", name="move right")
    button.focus()
    figure.press("Enter", "Space")
    assert figure.summary.startswith("Moved by 3 to the right, the map changes")
    for _ in range(12):
        figure.press("Enter")
    assert figure.summary.startswith("Moved by 13 to the left, the map changes")
    assert button.evaluate("button => button === document.activeElement")


def test_the_map_is_dragged(figure):
    figure.back()
    figure.page.mouse.move(*figure.spot(0, 10, 10, 28))
    figure.page.mouse.down()
    figure.page.mouse.move(*figure.spot(0, 14, 7, 28))
    figure.page.mouse.up()
    assert figure.summary.startswith("Moved by 3 to the left and 4 down, the map changes")
    assert figure.changes() == expected(MAPS[EDGES], 2, (4, -3))
    figure.page.mouse.move(*figure.spot(0, 3, 27, 28))  # it is let go: this chooses a window
    assert figure.summary.startswith("Moved by 3 to the left and 4 down")
    assert figure.window[:2] == (1, 13)


def test_a_finger_drags_the_map_and_the_page_stays(browser, tmp_path):
    with widget_pages.opened(browser, tmp_path, widget_pages.html(pooling()), width=390) as page:
        figure = Figure(page)
        figure.back()
        touch = page.context.new_cdp_session(page)
        touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        scrolled = page.evaluate("scrollY")
        spots = figure.spot(0, 12, 12, 28), figure.spot(0, 10, 13, 28)
        for kind, spot in ("touchStart", spots[:1]), ("touchMove", spots[1:]), ("touchEnd", []):
            points = [{"x": x, "y": y} for x, y in spot]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert page.evaluate("scrollY") == scrolled
        assert figure.summary.startswith("Moved by 1 to the right and 2 up, the map changes")


def test_the_boards_show_the_pooled_maps_and_what_changed(figure):
    x = MAPS[EDGES]
    for board, pool in ((2, F.max_pool2d), (4, F.avg_pool2d)):
        before, after = (pool(m, 2)[0, 0].numpy() for m in (x, x.roll(1, 3)))
        now, change = (
            widget_pages.pixels(figure.boards.nth(n)).astype(int) for n in (board, board + 1)
        )
        middle = (np.arange(14) * 2 + 1) * len(now) // 28
        grey = now[np.ix_(middle, middle)][..., 0]
        np.testing.assert_allclose(np.corrcoef(grey.ravel(), after.ravel())[0, 1], 1, atol=1e-4)
        red, blue = (change[np.ix_(middle, middle)][..., c] for c in (0, 2))
        clear = np.abs(after - before) > 0.1
        np.testing.assert_array_equal((red > blue)[clear], (after > before)[clear])


def test_a_theme_switch_redraws(figure):
    still = (0, 0)  # a corner where nothing changes
    light = widget_pages.pixels(figure.boards.nth(1))[still]
    figure.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = widget_pages.pixels(figure.boards.nth(1))[still]
    assert light[:3].min() > 200
    assert dark[:3].max() < 60


def test_copies_do_not_disturb_each_other(browser, tmp_path):
    first, second = pooling(), pooling("a dot", kernel_size=4, shift=(-1, 2))
    with widget_pages.opened(browser, tmp_path, widget_pages.html(first, second)) as page:
        one, two = Figure(page), Figure(page, 1)
        assert two.summary.startswith("Moved by 2 to the right and 1 up, the map changes by 1.41")
        before = two.root.inner_text()
        one.choose("feature map", "stripes of 1")
        one.move("down", "left")
        assert two.root.inner_text() == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"feature_map": "a 3"}, "feature_map='a 3' is none of left edges of a 7, a 7, a dot"),
        ({"kernel_size": 3}, "kernel_size=3 for a map of 28×28: give one of 2, 4, 7, 14, 28"),
        ({"feature_map": "a dot", "kernel_size": 7}, "8×8: give one of 2, 4, 8"),
        ({"shift": (0, 15)}, "shift=15 for a map of 28×28: give -14 to 14"),
        ({"shift": (-15, 0)}, "shift=-15: give -14 or more"),
    ],
)
def test_what_cannot_be_is_said(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        pooling(**arguments)
