"""A network on pictures of the reader's own, in the browser: it gives what `predict` gives."""

import base64
import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import widget_pages
import widget_pictures
from PIL import Image

from cnn_course import widgets
from cnn_course.data.decoding import read_image
from cnn_course.inspection import grad_cam
from cnn_course.models import load_model, save_model
from cnn_course.models.lenet5 import LeNet5
from cnn_course.widgets.classify_picture import PICTURES, SHIPPED, jpeg

CLASSES = widget_pages.CLASSES.split()


class Figure:
    """One copy on a page, by what a reader sees of it."""

    def __init__(self, page, number=0):
        self.page = page
        self.root = page.locator(".cnn-widget").nth(number)
        self.board, self.input, self.cloud = self.root.locator("canvas").all()
        self.said("%")

    def text(self, selector):
        return self.root.locator(selector).inner_text().replace("−", "-")

    def said(self, words, selector=".cnn-answer"):
        self.root.locator(selector).filter(has_text=words).wait_for()
        return self.text(selector)

    def remark(self, words):
        return self.said(words, ".cnn-remark")

    def sample(self, name):
        self.root.get_by_role("button", name=name).click()
        return self.remark(PICTURES[name].credit)

    def choose(self, file):
        with self.page.expect_file_chooser() as chooser:
            self.root.get_by_role("button", name="Choose a picture").click()
        chooser.value.set_files(file)
        return self.remark(Path(file).name)

    def hand(self, kind, files=(), **texts):
        """Drop or paste files, which are (name, bytes), or texts by their types."""
        files = [[name, base64.b64encode(content).decode()] for name, content in files]
        texts = {name.replace("_", "/"): text for name, text in texts.items()}
        self.board.evaluate(
            """(board, [kind, files, texts]) => {
            const data = new DataTransfer();
            for (const [name, text] of files)
                data.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name));
            for (const [type, text] of Object.entries(texts)) data.setData(type, text);
            const both = {dataTransfer: data, clipboardData: data};
            const Kind = kind === "drop" ? DragEvent : ClipboardEvent;
            board.dispatchEvent(new Kind(kind, {bubbles: true, cancelable: true, ...both}));
        }""",
            [kind, files, texts],
        )

    @property
    def square(self):
        """The picture's width and height, and the square's side."""
        text = self.text(".cnn-crop .cnn-caption").replace(",", "").replace("picture", "")
        numbers = [int(n) for n in re.findall(r"\d+", text)]
        return numbers[:3]

    @property
    def gets(self):
        """The pixels that the network gets, as the page shows them: (32, 32, 3)."""
        return self.cells(self.input)

    def cells(self, canvas):
        shown = widget_pages.pixels(canvas)
        middle = (np.arange(32) * 2 + 1) * len(shown) // 64
        return shown[np.ix_(middle, middle)][..., :3].astype(int)

    @property
    def shares(self):
        texts = [bar.inner_text() for bar in self.root.get_by_role("radio").all()]
        return [re.sub(r"\s+", " ", text) for text in texts]

    def evidence(self):
        """What one position adds at most, all together, and the logit."""
        text = self.text(".cnn-evidence")
        return [float(n) for n in re.findall(r"(?:adds|together|it is) (-?[\d.]+\d)", text)]


@pytest.fixture
def figure(browser, tmp_path):
    text = widget_pages.html(widget_pages.classify_picture())
    with widget_pages.opened(browser, tmp_path, text) as page:
        yield Figure(page)


def model():
    return load_model(widget_pages.untrained())[0]


def percent(p):
    return "< 1 %" if p < 0.005 else "> 99 %" if p >= 0.995 else f"{round(100 * p)} %"


def agrees(figure):
    """Everything that the page says of the pixels that it shows is what Python says of them."""
    x = torch.from_numpy(figure.gets).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        logits = model()(x)[0]
    p = logits.softmax(0).tolist()
    answer = int(logits.argmax())
    near = [{percent(q + d) for d in (-1e-4, 0, 1e-4)} for q in p]
    for name, text, choices in zip(CLASSES, figure.shares, near, strict=True):
        assert text in {f"{name} {choice}" for choice in choices}
    assert figure.text(".cnn-answer").startswith(f"{CLASSES[answer]} (")
    net = model()
    label = CLASSES.index(re.search("for “(.+?)”", figure.text(".cnn-evidence"))[1])
    heat = grad_cam(net, x, net.layers[-4], label, normalize=False)[0].numpy()
    numbers = figure.evidence()
    assert numbers[-1] == pytest.approx(logits[label].item(), abs=0.0051)
    bias = net.layers[-1].bias[label].item()
    assert numbers[-2] == pytest.approx(logits[label].item() - bias, abs=0.0051)
    cloud = figure.cells(figure.cloud)
    orange = cloud[..., 0] - cloud[..., 2]  # grey has as much red as blue
    if heat.max() > 0:
        share = heat / heat.max()
        level = 95 + figure.gets.sum(2) * (160 / 765)
        np.testing.assert_allclose(cloud[..., 2], level * (1 - 0.85 * share), atol=1.5)
    else:
        assert not orange.any()


def test_it_opens_with_the_cat_and_every_picture_of_the_course_can_be_taken(figure):
    assert figure.remark("A cat") == PICTURES["cat"].credit
    agrees(figure)
    for name, (_, (left, top, side), _) in PICTURES.items():
        figure.sample(name)
        image = Image.open(io.BytesIO(jpeg(name).tobytes())).convert("RGB")
        box = (left, top, left + side, top + side)
        expected = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR, box), dtype=int)
        assert np.abs(figure.gets - expected).max() <= 3  # two decoders of JPEG
        assert figure.square == [*image.size, side]
        pressed = figure.root.locator(".cnn-sample[aria-pressed=true]")
        assert pressed.get_attribute("aria-label") == name
        unknown = f"There is no “{name}” among its names."
        assert (unknown in figure.text(".cnn-answer")) == (name not in CLASSES)
    agrees(figure)


def test_the_pictures_are_those_of_scikit_image():
    made = widget_pictures.pictures()
    assert set(made) == set(PICTURES)
    for name, (file, (left, top, side), _) in PICTURES.items():
        image = Image.open(io.BytesIO(jpeg(name).tobytes()))
        assert file == f"{name}.jpg"
        assert image.size == made[name].size
        assert min(left, top) >= 0
        assert left + side <= image.width
        assert top + side <= image.height
        difference = np.asarray(image, dtype=float) - np.asarray(made[name], dtype=float)
        assert np.abs(difference).mean() < 7


def saved(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def hills(width, height):
    """A smooth picture, so that JPEG and a first reduction change it little."""
    x, y = np.meshgrid(np.linspace(0, 7, width), np.linspace(0, 5, height))
    waves = [np.sin(x) * np.cos(y), np.sin(x + y), np.cos(1.7 * x - y)]
    return Image.fromarray(np.uint8(127.5 + 120 * np.stack(waves, 2)))


def good_files():
    """Name, content, how far a pixel may be off, and words of the remark."""
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    clear = Image.fromarray(np.dstack([noise, np.full((90, 120), 100, np.uint8)]))
    deep = Image.fromarray((np.arange(5000).reshape(50, 100) * 13).astype(np.uint16))
    yield "noise.png", saved(Image.fromarray(noise), "PNG"), 0, "120 × 90 pixels."
    yield "clear.png", saved(clear, "PNG"), 2, "120 × 90"
    yield "deep.png", saved(deep, "PNG"), 2, "100 × 50"
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    yield "turned.jpg", saved(hills(300, 200), "JPEG", exif=exif, quality=95), 4, "200 × 300"
    yield "large.png", saved(hills(2600, 1700), "PNG", compress_level=1), 3, "2,600 × 1,700"
    yield "grey.webp", saved(hills(60, 50).convert("L"), "WEBP", lossless=True), 1, "60 × 50"
    yield "dot.png", saved(Image.new("RGB", (1, 1), (9, 80, 7)), "PNG"), 0, "is enlarged"
    yield "line.png", saved(hills(3000, 2), "PNG"), 0, "fewer than 32 × 32 pixels"
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("navy", "gold")]
    extra = {"save_all": True, "append_images": frames[1:]}
    yield "moves.gif", saved(frames[0], "GIF", loop=0, **extra), 1, "animated: this is its first"
    yield "moves.png", saved(frames[0], "PNG", **extra), 1, "animated: this is its first"
    yield "jpeg.heic", saved(hills(40, 40), "JPEG", quality=95), 4, "40 × 40"


def test_pictures_of_every_kind_are_prepared_as_predict_does(figure, tmp_path):
    for n, (name, content, off, words) in enumerate(good_files()):
        file = tmp_path / name
        file.write_bytes(content)
        if n % 3 == 0:
            figure.choose(file)
        else:
            figure.hand("drop" if n % 3 == 1 else "paste", [(name, content)])
        assert words in figure.remark(name)
        expected = read_image(file, 32, 32, 3).permute(1, 2, 0).numpy().astype(int)
        assert np.abs(figure.gets - expected).max() <= off, name
    agrees(figure)


def tall_png(side):
    """A sound PNG of side × side black pixels, in few bytes."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side // 8 + 1)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def bad_files():
    whole = {form: saved(hills(90, 80), form) for form in ("JPEG", "PNG", "WEBP", "TIFF")}
    noise = np.random.default_rng(1).bytes(5000)
    for form, content in list(whole.items())[:3]:
        name = f"half.{form.lower()}"
        yield name, content[: len(content) // 2], "damaged or cut off. Save it once more"
    half = len(whole["PNG"]) // 2
    broken = whole["PNG"][:half] + bytes(60) + whole["PNG"][half + 60 :]
    yield "broken.png", broken, "begins as a PNG, and cannot be read to its end"
    yield "empty.png", b"", "is empty: it has 0 bytes. Choose another"
    yield "noise.jpg", noise, "no picture that this browser reads. Choose a JPEG"
    yield "notes.txt", b"not a picture", "no picture that this browser reads"
    yield "drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG, a drawing of lines"
    yield "phone.heic", b"\0\0\0\x18ftypheic" + noise, "is a HEIC file, which this browser does not"
    yield "fake.HEIC", noise, "is a HEIC file"
    yield "scan.tif", whole["TIFF"], "is a TIFF file, which this browser does not read. Save it as"
    yield "wall.png", tall_png(12_000), "12,000 × 12,000 pixels, and 100 million are the most"
    yield "paper.pdf", b"%PDF-1.7 " + noise, "no picture that this browser reads"


def test_what_is_no_picture_is_explained_and_the_figure_goes_on(figure):
    figure.sample("rocket")
    before, answer = figure.gets, figure.text(".cnn-answer")
    for n, (name, content, words) in enumerate(bad_files()):
        figure.hand("drop" if n % 2 else "paste", [(name, content)])
        remark = figure.remark(f"“{name}”")
        assert words in remark
        assert remark.endswith(". The picture from before stays.")
    for kind, texts, words in [
        ("drop", {"text_uri-list": "file:///a.png", "text_plain": "a"}, "is an address, and this"),
        ("drop", {"text_plain": "a cat"}, "What you dropped is text. Copy a picture itself"),
        ("paste", {"text_plain": "a cat"}, "What you pasted is text."),
        ("paste", {}, "What you pasted is no picture."),
    ]:
        figure.hand(kind, **texts)
        assert words in figure.remark(words)
    assert figure.root.locator(".cnn-fault").count() == 1
    np.testing.assert_array_equal(figure.gets, before)
    assert figure.text(".cnn-answer") == answer
    several = [("one.png", saved(hills(70, 60), "PNG")), ("two.png", b""), ("three.png", b"")]
    figure.hand("drop", several)
    remark = figure.remark("one.png")
    assert remark == "Of the 3 files this is the first. “one.png”: 70 × 60 pixels."
    assert figure.root.locator(".cnn-fault").count() == 0


def test_the_square_is_moved_and_resized_by_keys_and_slider(figure, tmp_path):
    image = hills(400, 300)
    image.save(tmp_path / "hills.png")
    figure.choose(tmp_path / "hills.png")
    assert figure.square == [400, 300, 300]

    def shows(left, top, side):
        box = (left, top, left + side, top + side)
        expected = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR, box), dtype=int)
        return figure.square[2] == side and np.abs(figure.gets - expected).max() <= 1

    figure.board.focus()
    press = figure.page.keyboard.press
    press("ArrowLeft")  # by the 32nd part of 300, rounded
    assert shows(50 - 9, 0, 300)
    press("Home")
    press("ArrowUp")
    assert shows(0, 0, 300)
    press("-")
    assert shows(9, 9, 282)
    press("End")
    press("PageDown")
    assert shows(118, 18, 282)
    press("+")
    assert shows(100, 0, 300)
    slider = figure.root.get_by_role("slider")
    slider.fill("100")
    assert shows(200, 100, 100)
    assert slider.input_value() == "100"
    slider.fill("8")
    assert shows(246, 146, 8)
    figure.sample("horse")
    figure.board.focus()
    press("ArrowRight")
    assert figure.remark("as large") == (
        "The square is as large as the picture. Make it smaller to move it."
    )


def test_the_square_follows_pointer_and_finger(browser, tmp_path):
    text = widget_pages.html(widget_pages.classify_picture("astronaut"))
    with widget_pages.opened(browser, tmp_path, text, width=390) as page:
        figure = Figure(page)
        assert figure.board.evaluate("board => board.style.touchAction") == "auto"
        figure.root.get_by_role("slider").fill("100")
        assert figure.board.evaluate("board => board.style.touchAction") == "none"
        figure.board.scroll_into_view_if_needed()

        def at(x, y):
            box = figure.board.bounding_box()
            return box["x"] + x * box["width"] / 200, box["y"] + y * box["height"] / 200

        image = Image.open(io.BytesIO(jpeg("astronaut").tobytes())).convert("RGB")

        def shows(left, top, side):
            box = (left, top, left + side, top + side)
            expected = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR, box), dtype=int)
            assert abs(figure.square[2] - side) <= 1
            assert np.abs(figure.gets - expected).mean() < 6  # a pixel more or less of the square

        def drag(*spots):
            page.mouse.move(*at(*spots[0]))
            page.mouse.down()
            page.mouse.move(*at(*spots[1]))
            page.mouse.up()

        drag((100, 100), (80, 110))
        shows(30, 60, 100)
        page.mouse.move(*at(180, 180))  # it is let go
        shows(30, 60, 100)
        drag((130, 160), (150, 170))  # the corner below, on the right
        shows(30, 60, 120)
        drag((30, 60), (60, 0))  # and that opposite to it, which cannot go so far
        shows(0, 30, 150)
        drag((195, 100), (195, 100))  # outside: there it is brought
        shows(50, 25, 150)
        touch = page.context.new_cdp_session(page)
        touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        scrolled = page.evaluate("scrollY")
        spots = at(120, 100), at(90, 80)
        for kind, spot in ("touchStart", spots[:1]), ("touchMove", spots[1:]), ("touchEnd", []):
            points = [{"x": x, "y": y} for x, y in spot]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        shows(20, 5, 150)
        assert page.evaluate("scrollY") == scrolled


def test_a_name_is_picked_and_its_evidence_shown(figure):
    checked = figure.root.locator("[role=radio][aria-checked=true]")
    assert figure.text(".cnn-answer").startswith(checked.inner_text().split()[0])
    figure.root.get_by_role("radio", name="deer").click()
    assert "for “deer”" in figure.text(".cnn-evidence")
    agrees(figure)
    for key, name in [
        ("ArrowDown", "dog"),
        ("ArrowRight", "frog"),
        ("ArrowUp", "dog"),
        ("PageDown", "truck"),
        ("PageUp", "airplane"),
    ]:
        figure.page.keyboard.press(key)
        assert f"for “{name}”" in figure.text(".cnn-evidence")
        assert checked.count() == 1
        assert checked.evaluate("radio => radio === document.activeElement && radio.tabIndex === 0")
        agrees(figure)
    figure.board.focus()
    figure.page.keyboard.press("ArrowLeft")
    assert "for “airplane”" in figure.text(".cnn-evidence")  # it stays, for another square
    figure.sample("grass")
    answer = figure.text(".cnn-answer").split()[0]
    assert f"for “{answer}”" in figure.text(".cnn-evidence")  # and not for another picture
    light = figure.root.evaluate("e => getComputedStyle(e).color")
    figure.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert figure.root.evaluate("e => getComputedStyle(e).color") != light
    agrees(figure)


def test_copies_do_not_disturb_each_other(browser, tmp_path):
    make = widget_pages.classify_picture
    with widget_pages.opened(browser, tmp_path, widget_pages.html(make(), make("coffee"))) as page:
        one, two = Figure(page), Figure(page, 1)
        before = two.root.inner_text()
        one.sample("rocket")
        one.root.get_by_role("slider").fill("77")
        one.root.get_by_role("radio", name="ship").click()
        one.board.focus()
        one.hand("paste", [("new.png", saved(hills(50, 50), "PNG"))])
        one.remark("new.png")
        assert two.root.inner_text() == before
        page.evaluate("document.activeElement.blur()")
        two.board.hover()
        one.hand("paste", text_plain="a")  # the focus is nowhere: it is for what is pointed at
        two.remark("What you pasted is text.")
        assert one.remark("new.png")


def test_it_says_that_nothing_leaves_and_what_its_names_are_worth(figure):
    text = figure.root.inner_text()
    assert "Nothing leaves your machine: the network runs in this page." in text
    assert "A picture of none of them gets one all the same" in text
    assert "39.9 million multiply–accumulates in ~" in text


def test_what_cannot_be_is_said(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="picture='dog' is none of cat, horse, rocket"):
        widget_pages.classify_picture("dog")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*other\.safetensors"):
        widgets.classify_picture(weights=tmp_path / "other.safetensors")
    file = tmp_path / "lenet5.safetensors"
    about = {"in_channels": 3, "input_size": 32, "classes": CLASSES}
    save_model(file, LeNet5(3, 32), "lenet5", about)
    with pytest.raises(ValueError, match=r"holds a lenet5 for 3 channel.*give a modern_cnn"):
        widgets.classify_picture(weights=file)
    gone = tmp_path / SHIPPED.name
    monkeypatch.setitem(widgets.classify_picture.__globals__, "SHIPPED", gone)
    with pytest.raises(FileNotFoundError, match="which comes with the course, is missing"):
        widgets.classify_picture()


def test_weights_of_32_bits_are_brought_to_8(tmp_path):
    net, about = load_model(widget_pages.untrained())
    file = tmp_path / "float.safetensors"
    save_model(file, net, "modern_cnn", about)
    html = widgets.classify_picture(weights=file)._repr_html_()
    assert len(html) == len(widget_pages.classify_picture()._repr_html_())
