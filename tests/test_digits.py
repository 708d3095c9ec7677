"""Digits that people draw and photograph, prepared as MNIST's were, and read by the LeNet-5."""

import io
import json
import re
from contextlib import suppress

import numpy as np
import pytest
import torch
from handwriting import blackboard, draw, on_a_table, photograph
from PIL import Image

from cnn_course.cli import main
from cnn_course.data import load, prepare_digit, read_digit
from cnn_course.models import load_pretrained

PHOTOGRAPHS = 200


@pytest.fixture(scope="module")
def lenet():
    return load_pretrained("lenet5")


def answers(lenet, pictures) -> np.ndarray:
    """What the network reads in `pictures`, each uint8 (28, 28)."""
    with torch.no_grad():
        batch = torch.from_numpy(np.stack(pictures))[:, None].float() / 255
        return lenet(batch).argmax(1).numpy()


def drawing(number: int, size=(28, 28), height=20.0, pen=2.0) -> np.ndarray:
    """A digit in white on black, `number` % 10."""
    random = np.random.RandomState([5, number])
    return np.asarray(draw(number % 10, random, size, height, pen))


def test_photographs_of_a_phone_are_read(lenet):
    """Light that falls off 1:3, a shadow's edge, ruled and squared paper, 3 to 12 megapixels."""
    random = np.random.RandomState(7)
    digits = np.arange(PHOTOGRAPHS) % 10
    megapixels = [12] + [3] * 7 + [0.5] * 92  # most are small, for the time that they take to draw
    prepared = []
    for number, digit in enumerate(digits):
        photo = photograph(digit, random, megapixels[number % len(megapixels)])
        prepared.append(prepare_digit(np.asarray(photo))[0])
    assert (answers(lenet, prepared) == digits).mean() >= 0.9


@pytest.mark.slow
def test_large_photographs_are_read(lenet):
    """The same 200, each of 3 to 12 megapixels and compressed as a phone does it."""
    random = np.random.RandomState(8)
    digits = np.arange(PHOTOGRAPHS) % 10
    prepared = []
    for digit in digits:
        photo = photograph(digit, random, random.uniform(3, 12))
        prepared.append(prepare_digit(compressed(np.asarray(photo), 85))[0])
    assert (answers(lenet, prepared) == digits).mean() >= 0.9


def compressed(pixels, quality):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file))


def test_a_table_around_the_paper_is_no_ground(lenet):
    random = np.random.RandomState(3)
    photos = [on_a_table(photograph(n % 10, random, 0.3), random) for n in range(40)]
    found = [prepare_digit(np.asarray(photo)) for photo in photos]
    assert all(did.startswith("dark ink") for _, did in found)
    assert (answers(lenet, [p for p, _ in found]) == np.arange(40) % 10).mean() >= 0.9


def test_chalk_on_a_blackboard(lenet):
    random = np.random.RandomState(4)
    boards = [blackboard(n % 10, random, (400, 300)) for n in range(40)]
    found = [prepare_digit(np.asarray(board)) for board in boards]
    assert all(did.startswith("light ink on a dark ground") for _, did in found)
    assert (answers(lenet, [p for p, _ in found]) == np.arange(40) % 10).mean() >= 0.9


def cropped(pixels, margin):
    rows, columns = (np.flatnonzero(pixels.max(axis)) for axis in (1, 0))
    tight = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(tight, margin)


def in_colours(pixels, ink, ground):
    share = pixels[..., None] / 255
    return (share * np.array(ink) + (1 - share) * np.array(ground)).round().astype(np.uint8)


WAYS = {
    "inverted": lambda p: 255 - p,
    "cut to the ink": lambda p: cropped(p, 0),
    "cut to the ink, inverted": lambda p: 255 - cropped(p, 0),
    "a pixel around the ink": lambda p: cropped(p, 1),
    "at the upper edge": lambda p: 255 - np.pad(cropped(p, 0), ((0, 9), (5, 5))),
    "at the left edge": lambda p: np.pad(cropped(p, 0), ((5, 5), (0, 9))),
    "in a corner": lambda p: 255 - np.pad(cropped(p, 0), ((0, 20), (20, 0))),
    "small in a wide picture": lambda p: 255 - np.pad(p, ((0, 0), (40, 200))),
    "small in a high picture": lambda p: np.pad(p, ((150, 30), (0, 0))),
    "with a frame": lambda p: np.pad(255 - np.pad(p, 20), 1),
    "strong JPEG": lambda p: compressed(255 - p, 25),
    "one bit": lambda p: np.where(np.asarray(Image.fromarray(p).resize((99, 99))) > 99, 0, 255),
    "low contrast": lambda p: 200 + p // 12,
    "low contrast, dark ink": lambda p: 60 - p // 12,
    "yellow on white": lambda p: in_colours(p, (255, 230, 60), (255, 255, 255)),
    "red on green of the same grey": lambda p: in_colours(p, (220, 60, 60), (40, 140, 40)),
    "enlarged without smoothing": lambda p: np.kron(255 - p, np.ones((40, 40), np.uint8)),
    "specks of dust": lambda p: 255 - np.maximum(np.pad(p, 20), speck(p)),
}


def speck(pixels):
    dust = np.zeros((68, 68), np.uint8)
    dust[[3, 60, 64], [5, 9, 62]] = 255
    return dust


@pytest.mark.parametrize("way", WAYS)
def test_mnists_digits_are_known_again(lenet, way):
    digits = load("mnist-sample", "validation")
    images, labels = digits.images[:150, 0].numpy(), digits.labels[:150].numpy()
    prepared, known = [], []
    for image, label in zip(images, labels, strict=True):
        with suppress(ValueError):  # a refusal is not right either
            prepared.append(prepare_digit(WAYS[way](image).astype(np.uint8))[0])
            known.append(label)
    assert (answers(lenet, prepared) == known).sum() >= 0.95 * len(images)


@pytest.mark.parametrize("shape", [(400, 1), (400, 3), (60, 20), (12, 1)])
def test_a_line_is_a_one_whatever_the_paper(lenet, shape):
    height, width = shape
    for dark in False, True:
        for sides in (height // 2, height // 2), (width + 3, 6 * height):
            picture = np.pad(np.full(shape, 255, np.uint8), ((height // 3, height // 4), sides))
            picture, _ = prepare_digit(255 - picture if dark else picture)
            assert picture.any(1).sum() >= 20
            assert answers(lenet, [picture]) == [1]


def test_mnist_loses_no_more_than_a_fifth_of_a_point_by_it(lenet):
    digits = [load("mnist-sample", split) for split in ("train", "validation", "test")]
    images = np.concatenate([d.images[:, 0].numpy() for d in digits])
    labels = np.concatenate([d.labels.numpy() for d in digits])
    prepared = [prepare_digit(image)[0] for image in images]
    as_they_are = (answers(lenet, list(images)) == labels).mean()
    assert (answers(lenet, prepared) == labels).mean() >= as_they_are - 0.002


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize(
    ("size", "height", "pen"),
    [((28, 28), 20, 2), ((28, 28), 14, 1), ((64, 64), 40, 5), ((300, 200), 120, 12)],
)
def test_drawings_are_read_in_either_polarity(lenet, dark, size, height, pen):
    pictures = [drawing(number, size, height, pen) for number in range(50)]
    prepared = [prepare_digit(255 - p if dark else p) for p in pictures]
    words = "dark ink on a light ground, inverted" if dark else "light ink on a dark ground"
    assert all(did.startswith(words) for _, did in prepared)
    right = answers(lenet, [p for p, _ in prepared]) == np.arange(50) % 10
    assert right.mean() >= 0.9


def test_the_form_is_mnists():
    """Black ground, the longer side 20 pixels, the centre of mass in the middle."""
    for number in range(20):
        picture, _ = prepare_digit(255 - drawing(number, (90, 120), 50, 6))
        assert picture.dtype == np.uint8
        assert picture.shape == (28, 28)
        rows, columns = (np.flatnonzero(picture.max(axis)) for axis in (1, 0))
        spans = [int(ends[-1] - ends[0]) + 1 for ends in (rows, columns)]
        assert 18 <= max(spans) <= 22  # 20, and where thin strokes are thickened one at each end
        mass = picture / picture.sum()
        middle = mass.sum(1) @ np.arange(28), mass.sum(0) @ np.arange(28)
        assert np.allclose(middle, 14, atol=0.75)
        assert picture.max() == 255


@pytest.mark.parametrize(
    ("ink", "ground"),
    [((200, 30, 30), (255, 255, 255)), ((240, 240, 230), (30, 70, 50)), ((170,) * 3, (200,) * 3)],
    ids=["red pen", "chalk", "faint pencil"],
)
def test_coloured_and_faint_ink(lenet, ink, ground):
    prepared = []
    for number in range(30):
        mask = drawing(number, (120, 120), 80, 9)[..., None] / 255
        pixels = mask * np.array(ink) + (1 - mask) * np.array(ground)
        prepared.append(prepare_digit(pixels.round().astype(np.uint8))[0])
    assert (answers(lenet, prepared) == np.arange(30) % 10).mean() >= 0.9


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_picture_is_refused(value):
    with pytest.raises(ValueError, match="no ink to be seen"):
        prepare_digit(np.full((40, 40), value, np.uint8))


def test_a_speck_is_no_digit():
    picture = np.full((200, 200), 255, np.uint8)
    picture[100, 100] = 0
    with pytest.raises(ValueError, match="speck of 1×1 pixels in 200×200, too small"):
        prepare_digit(picture)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((5, 5)), np.zeros((5, 5, 4), np.uint8), np.zeros(5, np.uint8)],
    ids=["floats", "four channels", "one axis"],
)
def test_what_is_no_picture_is_named(pixels):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        prepare_digit(pixels)


# ------------------------------------------------------------------------- the command `predict`


@pytest.fixture
def seven(tmp_path):
    """A seven, dark on white."""
    path = tmp_path / "seven.png"
    Image.fromarray(255 - drawing(7, (140, 140), 90, 9)).save(path)
    return path


def test_the_photograph_of_the_readme_is_read(pytestconfig, capsys):
    assert main(["predict", "lenet5", str(pytestconfig.rootpath / "_static/photo.png")]) == 0
    assert re.search(r"photo\.png: 7 \d+\.\d% \(prepared: dark ink", capsys.readouterr().out)


def test_predict_says_what_it_did_and_raw_leaves_the_image(seven, capsys):
    assert main(["predict", "lenet5", str(seven), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["class"] == "7"
    assert found["prepared"].startswith("dark ink on a light ground, inverted, scaled to ")
    assert main(["predict", "lenet5", str(seven), "--json", "--raw"]) == 0
    (raw,) = json.loads(capsys.readouterr().out)
    assert set(raw) == {"image", "class", "probability"}
    assert main(["predict", "lenet5", str(seven)]) == 0
    assert "(prepared: dark ink on a light ground, inverted" in capsys.readouterr().out


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_one_bad_image_does_not_hide_the_others(seven, tmp_path, capsys, flags):
    empty = tmp_path / "empty.png"
    Image.new("L", (50, 50), 255).save(empty)
    images = [str(p) for p in (tmp_path / "absent.png", seven, empty, tmp_path)]
    assert main(["predict", "lenet5", *images, *flags]) == 2
    out, err = capsys.readouterr()
    if flags:
        assert [found["class"] for found in json.loads(out)] == ["7"]
    else:
        assert out.count("\n") == 1
    lines = err.splitlines()
    assert [len(lines), lines[-1]] == [4, "cnn-course: 3 of 4 images could not be used"]
    for line, part in zip(
        lines, ["there is no file", "no ink to be seen", "is a folder"], strict=False
    ):
        assert part in line


def test_arguments_in_the_wrong_order(seven, capsys):
    assert main(["predict", str(seven), "lenet5"]) == 2
    err = capsys.readouterr().err
    assert "give the network first and then the images" in err
    assert "delete" not in err
    assert seven.exists()


def test_transparent_pictures(lenet, tmp_path):
    ink = drawing(7, (100, 100), 60, 6)
    black, white = np.zeros_like(ink), np.full_like(ink, 255)
    Image.fromarray(np.stack([black, ink], 2)).save(tmp_path / "black.png")
    digit, did = read_digit(tmp_path / "black.png")
    assert did.startswith("dark ink on a light ground")
    assert answers(lenet, [digit[0].numpy()]) == [7]
    # White ink on nothing is white on white: a message, not a guess.
    Image.fromarray(np.stack([white, ink], 2)).save(tmp_path / "white.png")
    with pytest.raises(ValueError, match="what is transparent counts as white"):
        read_digit(tmp_path / "white.png")


@pytest.mark.parametrize("seed", range(5))
def test_paper_without_a_digit_is_empty(seed):
    random = np.random.RandomState(seed)
    noise = random.normal(200, 3, (900, 1200)).clip(0, 255).astype(np.uint8)
    slope = np.linspace(80, 240, 1200) + random.normal(0, 3, (900, 1200))
    for paper in noise, compressed(noise, 85), slope.clip(0, 255).astype(np.uint8):
        with pytest.raises(ValueError, match="no ink to be seen"):
            prepare_digit(paper)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (5, 2000), (9, 9), (60, 40)])
def test_any_bytes_give_a_picture_or_a_sentence(shape):
    random = np.random.RandomState(0)
    for channels in (), (3,):
        for _ in range(20):
            pixels = random.randint(256, size=(*shape, *channels)).astype(np.uint8)
            try:
                picture, did = prepare_digit(pixels)
            except ValueError as error:
                picture, did = np.zeros((28, 28), np.uint8), str(error)
            assert picture.shape == (28, 28)
            assert did
            assert "\n" not in did


def test_a_digit_in_a_file_is_named_where_it_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*absent\.png"):
        read_digit(tmp_path / "absent.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "white.png")
    with pytest.raises(ValueError, match=r"white\.png: there is no ink"):
        read_digit(tmp_path / "white.png")
