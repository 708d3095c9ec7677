"""The convolution playground as a reader uses it: by pointer, by touch and by keys."""

import re

import numpy as np
import pytest
import torch
import widget_pages
from torch.nn import functional as F

from cnn_course.widgets import convolution
from cnn_course.widgets.convolution import DRAWING, KERNELS, RANGES, slices, sliding, tower

PHOTO = torch.tensor(tower() / 255).permute(2, 0, 1)  # (3, 64, 64)
INPUTS = {
    "photo in grey": PHOTO.mean(0, keepdim=True),
    "photo in colour": PHOTO,
    "your drawing": torch.tensor([[[c == "#" for c in line] for line in DRAWING.split()]]).double(),
}


class Playground:
    """One copy on a page, by what a reader sees of it."""

    def __init__(self, page, number=0):
        self.page = page
        self.root = page.locator(".cnn-widget").nth(number)
        self.board, self.map = (self.root.locator("canvas").nth(i) for i in (0, 1))
        self.cells = self.root.locator(".cnn-grid input")

    def choose(self, label, text):
        self.root.get_by_label(label, exact=True).select_option(text)

    def slide(self, **settings):
        for name, value in settings.items():
            self.root.get_by_label(name.replace("_", " "), exact=True).fill(str(value))

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def text(self, name):
        return self.root.locator(f".cnn-{name}").inner_text().replace("−", "-")

    @property
    def said(self):
        return self.text("said")

    @property
    def value(self):
        """Row, column and number of the output pixel that is taken apart."""
        row, column, number = re.fullmatch(r"Row (\d+), column (\d+): (\S+)", self.said).groups()
        return int(row), int(column), float(number)

    @property
    def caption(self):
        return self.root.locator(".cnn-caption [role=status]").inner_text()

    def point(self, canvas, row, column, side):
        """Move the mouse to a cell of a canvas that has `side` of them in a row."""
        box = canvas.bounding_box()
        x, y = (box[k] + (n + 0.5) * box["width"] / side for k, n in (("x", column), ("y", row)))
        self.page.mouse.move(x, y)

    def row_of_map(self, row, side):
        """The numbers of a row, which the pointer goes over."""
        values = []
        for column in range(side):
            self.point(self.map, row, column, side)
            values.append(self.value[2])
        return values

    @property
    def written(self):
        """The share of the map that is drawn."""
        return (widget_pages.pixels(self.map)[..., 3] == 255).mean()


@pytest.fixture
def playground(browser, tmp_path):
    with widget_pages.opened(browser, tmp_path, widget_pages.html(convolution())) as page:
        yield Playground(page)


def fitted(name, size, channels):
    """A kernel in another size: zeros around it or weights cut off; a mean stays a mean."""
    weight = torch.tensor(slices(name))  # (1 or 3, F, F)
    if name == "A · blur":
        weight = torch.full((1, size, size), 1 / size**2, dtype=torch.float64)
    less = (size - weight.shape[1]) // 2  # negative where weights are cut off
    more = size - weight.shape[1] - less
    return F.pad(weight, (less, more, less, more)).expand(channels, size, size)


def test_every_number_is_that_of_pytorch(playground):
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(15):
        source = str(rng.choice(list(INPUTS)))
        x = INPUTS[source]
        name = str(rng.choice([k for k in KERNELS if len(slices(k)) <= len(x)]))
        f, s, p, d = (int(rng.integers(low, high + 1)) for low, high in RANGES.values())
        playground.choose("input", source)
        playground.choose("kernel", name)
        playground.slide(kernel_size=f, stride=s, padding=p, dilation=d)
        side = x.shape[1]
        size = (side - d * (f - 1) - 1 + 2 * p) // s + 1
        assert playground.text("formula").endswith(f"+ 1 = {size}")
        if size < 1:
            assert playground.caption == "no feature map"
            assert f"= {d * (f - 1) + 1} pixels" in playground.text("remark")
            continue
        assert playground.caption == f"feature map {size} × {size}"
        weight = fitted(name, f, len(x))
        y = F.conv2d(x[None], weight[None], stride=s, padding=p, dilation=d)[0, 0]
        row, column = rng.integers(0, size, 2).tolist()
        playground.point(playground.map, row, column, size)
        *position, value = playground.value
        assert position == [row, column]
        assert value == pytest.approx(y[row, column].item(), abs=0.0051)
        compared += 1
    assert compared >= 8


REMARKS = [
    ({}, ""),
    ({"padding": 1}, "The map is as large as the image."),
    (
        {"stride": 4},
        "The last step does not fit: 3 rows and columns at the end of the image are nev",
    ),
    ({"padding": 2, "stride": 2, "dilation": 2}, "one row and one column at the end of the padded"),
    ({"stride": 4, "kernel_size": 1}, "Between two positions 3 rows and columns are skipped."),
    ({"dilation": 3}, "With dilation 3 the kernel spans 3·(3 - 1) + 1 = 7 pixels."),
    ({"padding": 3}, "In the corners the kernel reads nothing but zeros."),
    (
        {"kernel_size": 7, "dilation": 2},
        "Impossible: with dilation 2 the kernel of 7 spans 2·(7 - 1) + 1 = 13 pixels, and the "
        "image has only 10. Take a smaller kernel or dilation, or padding 2.",
    ),
    (
        {"kernel_size": 7, "dilation": 4, "padding": 1},
        "Impossible: with dilation 4 the kernel of 7 spans 4·(7 - 1) + 1 = 25 pixels, and the "
        "padded image has only 10 + 2·1 = 12. Take a smaller kernel or dilation.",
    ),
]


def test_remarks(playground):
    playground.choose("input", "your drawing")
    for settings, remark in REMARKS:
        usual = {"kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1}
        playground.slide(**usual | settings)
        said = playground.text("remark")
        assert remark in said
        assert bool(remark) == bool(said)


def test_a_pointer_takes_a_pixel_apart_on_either_board(playground):
    playground.point(playground.map, 20, 11, 62)
    assert playground.value[:2] == (20, 11)
    playground.point(playground.board, 21, 12, 64)  # the middle of that pixel's patch
    assert playground.value[:2] == (20, 11)
    playground.point(playground.board, 0, 63, 64)
    assert playground.value[:2] == (0, 61)


def test_the_products_add_up(playground):
    playground.choose("input", "photo in colour")
    playground.choose("kernel", "red against blue")
    read = playground.root.evaluate("""root => {
        const number = cell => Number((cell.value ?? cell.textContent).replace("−", "-"));
        return [...root.querySelectorAll(".cnn-channel")].map(part => {
            const grids = [...part.querySelectorAll(".cnn-grid")];
            const cells = grids.map(grid => [...grid.children].map(number));
            return [...cells, number(part.querySelector("output"))];
        });
    }""")
    assert len(read) == 3
    for patch, weights, products, total in read:
        np.testing.assert_allclose(np.multiply(patch, weights), products, atol=0.011)
        assert sum(products) == pytest.approx(total, abs=0.05)
    assert playground.value[2] == pytest.approx(sum(part[3] for part in read), abs=0.02)


def test_a_weight_is_typed_and_what_is_none_is_said(playground):
    before = playground.value[2]
    playground.cells.nth(4).click()
    playground.page.keyboard.type("1/4")
    playground.press("ArrowRight")
    playground.page.keyboard.type("-2,5")
    playground.press("ArrowDown")
    assert playground.root.get_by_label("kernel", exact=True).input_value() == "your own"
    written = [cell.input_value().replace("−", "-") for cell in playground.cells.all()]
    assert written == ["-1", "0", "1", "-2", "0.25", "-2.5", "-1", "0", "1"]
    row, column, value = playground.value
    patch = INPUTS["photo in grey"][0, row : row + 3, column : column + 3]
    expected = before + 0.25 * patch[1, 1] - 4.5 * patch[1, 2]
    assert value == pytest.approx(expected.item(), abs=0.011)
    playground.choose("kernel", "E · emboss")
    playground.choose("kernel", "your own")  # it is kept
    assert playground.value == (row, column, value)
    for text in ("abc", "", "-", "/2", "1000"):
        playground.cells.nth(0).click()
        playground.press("ControlOrMeta+a", "Delete")
        playground.page.keyboard.type(text)
        assert playground.said.startswith(f"“{text}” is no weight: give a number from -99 to 99")
        playground.press("Tab")
        left = playground.cells.nth(0).input_value()  # what was last a weight
        assert left == ("10" if text == "1000" else "−1")
    assert playground.value[:2] == (row, column)


def test_the_drawing_is_cleared_and_drawn_by_pointer_and_by_keys(playground):
    playground.choose("input", "your drawing")
    playground.choose("kernel", "one pixel")
    playground.slide(padding=1)
    playground.button("Clear").click()
    assert playground.value[2] == 0
    playground.point(playground.board, 3, 3, 12)
    playground.page.mouse.down()
    playground.point(playground.board, 3, 8, 12)  # in one leap: the pixels between are drawn too
    playground.page.mouse.up()
    assert playground.row_of_map(2, 10) == [0, 0, 1, 1, 1, 1, 1, 1, 0, 0]
    playground.board.focus()
    playground.press("Home", "Space")
    assert playground.said == "Drawing, row 2, column 0: 1"
    playground.press("Space", "ArrowRight", "ArrowRight", "Enter")
    assert playground.said == "Drawing, row 2, column 2: 0"
    assert playground.row_of_map(2, 10) == [0, 0, 0, 1, 1, 1, 1, 1, 0, 0]


def test_a_finger_draws_and_the_page_stays(browser, tmp_path):
    text = widget_pages.html(convolution(), convolution())
    with widget_pages.opened(browser, tmp_path, text, width=390) as page:
        playground = Playground(page)
        playground.choose("input", "your drawing")
        playground.choose("kernel", "one pixel")
        playground.button("Clear").click()
        box = playground.board.bounding_box()
        touch = page.context.new_cdp_session(page)
        touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        spots = [(box["x"] + 0.25 * box["width"], box["y"] + k * box["width"]) for k in (0.25, 0.7)]
        scrolled = page.evaluate("scrollY")
        for kind, spot in ("touchStart", spots[:1]), ("touchMove", spots[1:]), ("touchEnd", []):
            points = [{"x": x, "y": y} for x, y in spot]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert page.evaluate("scrollY") == scrolled
        drawn = 0
        playground.map.focus()
        playground.press("PageUp", "Home", "ArrowRight")
        for _ in range(7):
            drawn += playground.value[2]
            playground.press("ArrowDown")
        assert drawn == 6  # rows 2 to 7 of the drawing


def test_play_writes_the_map_and_can_be_stopped(playground):
    playground.choose("input", "your drawing")
    playground.choose("kernel", "one pixel")
    assert playground.written == 1
    playground.button("Play").click()
    playground.page.wait_for_function(
        "document.querySelector('.cnn-said').textContent.startsWith('Row 0, column 3')"
    )
    assert playground.root.locator(".cnn-said").get_attribute("aria-live") == "off"
    playground.button("Pause").click()
    row, column, _ = playground.value
    done = 8 * row + column + 1
    assert done / 64 <= playground.written < (done + 12) / 64  # the frame and the lines are more
    playground.button("Step").click()
    assert playground.value[:2] == divmod(done, 8)
    playground.button("Whole map").click()
    assert playground.written == 1
    assert not playground.button("Whole map").is_visible()
    playground.button("Play").click()
    playground.slide(stride=2)  # another map: it is shown whole
    assert playground.written == 1
    assert playground.button("Play").is_visible()


def test_copies_do_not_disturb_each_other(browser, tmp_path):
    first = convolution()
    second = convolution(kernel="B · sharpen", stride=2, padding=3, dilation=2)
    with widget_pages.opened(browser, tmp_path, widget_pages.html(first, second)) as page:
        one, two = Playground(page), Playground(page, 1)
        assert two.caption == "feature map 33 × 33"
        before = two.root.inner_text()
        one.choose("input", "your drawing")
        one.slide(stride=3)
        one.cells.nth(0).fill("5")
        one.button("Clear").click()
        assert two.root.inner_text() == before


def test_the_kernels_of_the_chapter(playground):
    options = playground.root.get_by_label("kernel", exact=True).locator("option")
    assert options.all_inner_texts() == [name for name in KERNELS if name != "red against blue"]
    np.testing.assert_allclose(slices("A · blur"), np.full((1, 7, 7), 1 / 49))
    for name, total in ("B · sharpen", 1), ("C · vertical edges", 0), ("E · emboss", 1):
        assert slices(name).sum() == total


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"kernel": "F"}, "kernel='F' is none of A · blur, B"),
        ({"kernel": "red against blue"}, "is none of"),
        ({"stride": 5}, "stride=5: give 1 to 4"),
        ({"padding": -1}, "padding=-1: give 0 or more"),
        ({"image": np.zeros((9, 9), np.uint8)}, r"shape \(9, 9\)"),
        ({"image": np.zeros((9, 9, 3))}, "float64; give uint8"),
        ({"image": np.zeros((200, 200, 3), np.uint8)}, "from 8 to 128"),
        ({"image": np.uint8(3)}, r"shape \(\)"),
    ],
)
def test_what_cannot_be_is_said(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        convolution(**arguments)


def test_the_still_picture_is_the_feature_map():
    grey = tower().mean(2)
    rows = slices("C · vertical edges")
    y = F.conv2d(torch.tensor(grey)[None, None], torch.tensor(rows)[None])[0, 0]
    np.testing.assert_allclose(sliding(grey, rows[0]), y)
