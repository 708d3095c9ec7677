"""The reader's own images: `load("folder:PATH")`."""

import os
import re
import socket
import struct
import sys
import unicodedata
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from cnn_course.data import decoding, load
from cnn_course.data import listing as listings


def picture(seed, size=(8, 8), mode="RGB"):
    """A noisy image of `size` (W, H), grey ("L") or RGB."""
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.RandomState(seed).randint(256, size=shape)
    return Image.fromarray(pixels.astype(np.uint8))


def save(image, *path, **options):
    file = os.path.join(*path)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    image.save(file, **options)


@pytest.fixture
def pets(tmp_path):
    """Twenty cats and four dogs for training, two of each for the test."""
    for split, counts in {"train": {"cat": 20, "dog": 4}, "test": {"cat": 2, "dog": 2}}.items():
        for name, count in counts.items():
            for i in range(count):
                seed = seed_of(split, name, i)
                save(picture(seed), tmp_path, split, name, f"{i:02}.png")
    return tmp_path


def seed_of(split, name, i):
    return 1000 * ("train", "test").index(split) + 100 * ("cat", "dog").index(name) + i


def message_of(error, *args, **options):
    """The message with which `load` fails: one sentence, on one line."""
    with pytest.raises(error) as caught:
        load(*args, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def one_image(folder, **options):
    """Pixels (C, H, W) of a folder that holds a single image."""
    return load(f"folder:{folder}", "test", **options).images[0]


# Splits and classes


def test_a_tenth_of_train_is_held_out(pets):
    train, validation, test = (
        load(f"folder:{pets}", split) for split in ("train", "validation", "test")
    )
    assert train.classes == validation.classes == test.classes == ("cat", "dog")
    assert train.labels.bincount().tolist() == [18, 3]
    assert validation.labels.bincount().tolist() == [2, 1]
    assert test.labels.tolist() == [0, 0, 1, 1]
    images = torch.cat([train.images, validation.images])
    assert len({image.numpy().tobytes() for image in images}) == 24
    assert torch.equal(test.images[0], torch.tensor(np.array(picture(1000))).permute(2, 0, 1))
    assert repr(test) == f"folder:{pets} test: 4 images 3×8×8, 2 classes"


def test_a_folder_of_validation_is_used_where_there_is_one(pets):
    for name in "cat", "dog":
        save(picture(7), pets, "validation", name, "a.png")
    assert len(load(f"folder:{pets}", "validation")) == 2
    assert len(load(f"folder:{pets}", "train")) == 24


def test_a_folder_with_test_alone(tmp_path):
    save(picture(1), tmp_path, "test", "cat", "a.png")
    assert len(load(f"folder:{tmp_path}", "test")) == 1
    for split in "train", "validation":
        message = message_of(FileNotFoundError, f"folder:{tmp_path}", split)
        assert f"no folder {split}, only test" in message


def test_a_folder_with_train_alone_has_no_test(tmp_path):
    save(picture(1), tmp_path, "train", "cat", "a.png")
    assert "no folder test, only train" in message_of(
        FileNotFoundError, f"folder:{tmp_path}", "test"
    )
    message = message_of(FileNotFoundError, f"folder:{tmp_path}", "test")
    assert "validation" not in message  # of one image, none can be held out
    assert len(load(f"folder:{tmp_path}", "train")) == 1
    assert "one image a class" in message_of(ValueError, f"folder:{tmp_path}", "validation")


def test_order_is_that_of_the_names(pets, monkeypatch):
    expected = load(f"folder:{pets}", "validation")
    listing = listings.Path.iterdir
    monkeypatch.setattr(listings.Path, "iterdir", lambda p: reversed(list(listing(p))))
    again = load(f"folder:{pets}", "validation")
    assert again.sha256 == expected.sha256
    assert again.classes == expected.classes


def test_hidden_files_are_passed_over_and_subfolders_are_read(pets):
    expected = load(f"folder:{pets}", "test")
    for clutter in ".DS_Store", "Thumbs.db", "desktop.ini", "Icon\r", "._00.png":
        (pets / "test" / "cat" / clutter).write_bytes(b"no image")
    (pets / "test" / ".ipynb_checkpoints").mkdir()
    (pets / "test" / "__MACOSX").mkdir()
    (pets / "test" / "notes.txt").touch()
    assert load(f"folder:{pets}", "test").sha256 == expected.sha256
    save(picture(5), pets, "test", "dog", "more", "a.png")
    assert load(f"folder:{pets}", "test").labels.tolist() == [0, 0, 1, 1, 1]


def test_home_is_expanded(tmp_path, monkeypatch):
    save(picture(1), tmp_path, "test", "cat", "a.png")
    monkeypatch.setenv("USERPROFILE" if sys.platform == "win32" else "HOME", str(tmp_path))
    assert len(load("folder:~", "test")) == 1


# What is wrong with a folder


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "nowhere"
    assert f"no folder {path}" in message_of(FileNotFoundError, f"folder:{path}")


def test_an_empty_folder_is_named(tmp_path):
    assert f"{tmp_path} has no folder train" in message_of(FileNotFoundError, f"folder:{tmp_path}")
    (tmp_path / "train").mkdir()
    assert f"{tmp_path / 'train'} has no class folders" in message_of(
        FileNotFoundError, f"folder:{tmp_path}"
    )


def test_a_class_without_images_is_named(pets):
    (pets / "train" / "eel").mkdir()
    (pets / "train" / "eel" / ".DS_Store").touch()
    message = message_of(ValueError, f"folder:{pets}")
    assert f"class {pets / 'train' / 'eel'} has no images" in message


@pytest.mark.parametrize(("has", "lacks"), [("train", "test"), ("test", "train")])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_class_in_one_split_only_is_named(pets, has, lacks, split):
    save(picture(1), pets, has, "eel", "a.png")
    message = message_of(ValueError, f"folder:{pets}", split)
    assert f"'eel' is in {pets / has} and not in {pets / lacks}" in message


NO_NAMES = [b"\xe9t\xe9", b"a\nb", b"a\rb", b"\x1b[31m", b"a\x7f", "a\u2028b".encode(), b"\xff\xfe"]
ODD_NAMES = [
    "café",
    "cafe\u0301",
    "猫",
    "chat noir",
    "9.41\u202fPM",
    "👩\u200d🚀",
    "[ab]*?",
    "a:b",
    "-x",
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("place", ["class", "file", "subfolder", "root"])
def test_a_name_that_cannot_be_saved_is_refused_by_name(tmp_path, name, place):
    name = os.fsdecode(name)
    parts = {
        "class": ("pets", "train", name, "a.png"),
        "file": ("pets", "train", "cat", name),
        "subfolder": ("pets", "train", "cat", name, "a.png"),
        "root": (name, "train", "cat", "a.png"),
    }[place]
    save(picture(1), tmp_path, *parts, format="PNG")
    message = message_of(ValueError, f"folder:{tmp_path / parts[0]}")
    assert message.isprintable()
    assert repr(name)[1:-1] in message
    assert "rename it" in message or "another name" in message


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_other_name_is_welcome(tmp_path, name):
    save(picture(1), tmp_path, name, "train", name, f"{name}.png")
    save(picture(1), tmp_path, name, "test", name, name, f"{name}.png")
    for split in "train", "test":
        (found,) = load(f"folder:{tmp_path / name}", split).classes
        assert found == unicodedata.normalize("NFC", name)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_one_class_may_be_spelt_with_other_bytes_in_another_split_but_not_in_the_same(tmp_path):
    composed, decomposed = "\u00e9te", "e\u0301te"
    save(picture(1), tmp_path, "train", composed, "a.png")
    save(picture(2), tmp_path, "test", decomposed, "a.png")
    for split in "train", "test":
        assert load(f"folder:{tmp_path}", split).classes == (composed,)
    save(picture(3), tmp_path, "test", composed, "a.png")
    message = message_of(ValueError, f"folder:{tmp_path}")
    assert f"{tmp_path / 'test'} has two folders named '\u00e9te'" in message


@pytest.mark.parametrize("name", ["val", "valid", "dev", "Val", "VALIDATION"])
def test_other_names_of_the_validation_set(pets, name):
    for class_name in "cat", "dog":
        save(picture(7), pets, name, class_name, "a.png")
    assert len(load(f"folder:{pets}", "validation")) == 2
    assert len(load(f"folder:{pets}", "train")) == 24


@pytest.mark.parametrize("names", [("val", "validation"), ("val", "valid"), ("dev", "valid")])
def test_two_validation_sets_are_refused(pets, names):
    for name in names:
        save(picture(7), pets, name, "cat", "a.png")
    message = message_of(ValueError, f"folder:{pets}")
    assert f"{pets / names[0]} and {pets / names[1]} are both the validation set" in message


@pytest.mark.parametrize("target", [".", "..", "../..", "../../..", "/", "../cat"])
def test_a_folder_that_was_seen_is_not_entered_again(pets, target):
    expected = load(f"folder:{pets}", "test")
    for name in "a", "zz":
        os.symlink(target, pets / "test" / "cat" / name)
    assert load(f"folder:{pets}", "test").sha256 == expected.sha256


def test_folders_that_link_to_one_another_are_read_once(pets):
    for one, other in ("a", "b"), ("b", "a"):
        save(picture(3), pets, "test", "cat", one, "x.png")
        os.symlink(f"../{other}", pets / "test" / "cat" / one / "again")
    assert load(f"folder:{pets}", "test").labels.tolist() == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("target", [".", "..", "../train"])
def test_a_link_that_leads_back_up_is_no_class(pets, target):
    expected = load(f"folder:{pets}")
    os.symlink(target, pets / "train" / "again")
    again = load(f"folder:{pets}")
    assert again.sha256 == expected.sha256
    assert again.classes == expected.classes


def test_a_class_may_be_a_link(pets):
    os.rename(pets / "test" / "cat", pets / "pool")
    os.symlink("../pool", pets / "test" / "cat")
    os.symlink("../test", pets / "pool" / "back")
    assert load(f"folder:{pets}", "test").labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("target", ["nowhere", "link"])
def test_a_link_to_nothing_is_named(pets, target):
    link = pets / "test" / "cat" / "link"
    os.symlink(target, link)
    assert f"{link} is a link to nothing" in message_of(FileNotFoundError, f"folder:{pets}")
    os.unlink(link)
    os.symlink(target, pets / "val")
    assert f"{pets / 'val'} is a link to no folder" in message_of(
        FileNotFoundError, f"folder:{pets}"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has none of these")
@pytest.mark.parametrize("kind", ["pipe", "socket", "link to a device"])
def test_what_is_neither_file_nor_folder_is_named(pets, kind, monkeypatch):
    monkeypatch.chdir(pets / "test" / "cat")  # the path of a socket has to be short
    if kind == "pipe":
        os.mkfifo("odd.png")
    elif kind == "link to a device":
        os.symlink("/dev/zero", "odd.png")
    else:
        socket.socket(socket.AF_UNIX).bind("odd.png")
    message = message_of(ValueError, f"folder:{pets}")
    assert f"{pets / 'test' / 'cat' / 'odd.png'} is neither a file nor a folder" in message


@pytest.mark.parametrize("place", ["", "test", "test/cat"])
def test_a_folder_that_may_not_be_read_is_named(pets, place, monkeypatch):
    listing, closed = listings.Path.iterdir, pets / place

    def iterdir(folder):
        if folder == closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return listing(folder)

    monkeypatch.setattr(listings.Path, "iterdir", iterdir)
    message = message_of(PermissionError, f"folder:{pets}")
    assert f"{closed} cannot be read (Permission denied); check its name and your rights" in message


def test_a_file_that_may_not_be_read_is_named(pets, monkeypatch):
    opening, closed = Image.open, pets / "test" / "cat" / "01.png"

    def refuse(file):
        if file == closed:
            raise PermissionError(13, "Permission denied", str(file))
        return opening(file)

    monkeypatch.setattr(Image, "open", refuse)
    message = message_of(PermissionError, f"folder:{pets}", "test")
    assert f"{closed} cannot be read (Permission denied); check your rights" in message


@pytest.mark.parametrize("path", ["a" * 300, "a/" * 3000])
def test_a_path_that_is_too_long_is_refused_in_a_sentence(path):
    assert "check its name" in message_of(OSError, f"folder:{path}")
    with pytest.raises(OSError, match="check its name"):
        decoding.read_image(path, 8, 8, 1)


@pytest.mark.parametrize("user", ["~nosuchuser/x", "~nosuchuser"])
def test_a_home_that_is_not_there_is_refused_in_a_sentence(user):
    message = message_of(FileNotFoundError, f"folder:{user}")
    assert f"there is no home folder for '{user}'" in message


def test_a_path_one_level_too_deep_or_too_high_is_put_right(pets):
    message = message_of(FileNotFoundError, f"folder:{pets / 'train'}")
    assert f"give folder:{pets}, which holds train" in message
    os.makedirs(pets.parent / f"{pets.name}-above")
    os.rename(pets, pets.parent / f"{pets.name}-above" / "pets")
    above = pets.parent / f"{pets.name}-above"
    message = message_of(FileNotFoundError, f"folder:{above}")
    assert f"give folder:{above / 'pets'}, which has train and test" in message


@pytest.mark.parametrize(
    ("path", "meant"), [("pets/train", "pets"), ("./pets/test/", "pets"), ("pets/train/.", "pets")]
)
def test_a_relative_path_too_deep_stays_relative(tmp_path, monkeypatch, path, meant):
    for split in "train", "test":
        save(picture(1), tmp_path, "pets", split, "cat", "a.png")
    monkeypatch.chdir(tmp_path)
    assert f"give folder:{meant}, which holds" in message_of(FileNotFoundError, f"folder:{path}")


@pytest.mark.parametrize("name", ["README.txt", "labels.csv"])
def test_a_file_of_another_kind_is_to_be_moved_and_never_to_be_deleted(pets, name):
    (pets / "test" / "cat" / name).write_text("cat,1")
    message = message_of(ValueError, f"folder:{pets}", "test")
    assert f"{name} is no image that Pillow can read; replace it, or move it elsewhere" in message
    assert not re.search("remove|delete", message)


def test_an_absent_test_set_points_to_validation(pets):
    instead = 'or take split="validation" (on the command line, --split validation)'
    os.rename(pets / "test", pets / "val")
    assert instead in message_of(FileNotFoundError, f"folder:{pets}", "test")
    os.rename(pets / "val", pets / "elsewhere")  # now a tenth of train is held out
    assert instead in message_of(FileNotFoundError, f"folder:{pets}", "test")


def damaged(pets, data):
    file = pets / "test" / "dog" / "01.png"
    file.write_bytes(data)
    return file, message_of(ValueError, f"folder:{pets}", "test")


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_image_is_named(pets, data):
    file, message = damaged(pets, data)
    assert f"{file} is no image that Pillow can read" in message


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "tiff"])
def test_a_truncated_image_is_named(pets, tmp_path, share, suffix):
    save(picture(1, (64, 64)), tmp_path, f"whole.{suffix}")
    data = (tmp_path / f"whole.{suffix}").read_bytes()
    file, message = damaged(pets, data[: int(share * len(data))])
    assert str(file) in message
    assert "replace it, or move it elsewhere" in message


def test_a_corrupt_image_is_named(pets):
    data = bytearray((pets / "test" / "dog" / "01.png").read_bytes())
    data[60:70] = b"0123456789"
    file, message = damaged(pets, bytes(data))
    assert f"{file} cannot be read as an image" in message


def test_an_image_too_large_for_pillow_is_named(pets, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    message = message_of(ValueError, f"folder:{pets}", "test")
    assert f"{pets / 'train' / 'cat' / '00.png'} cannot be read as an image" in message


def test_what_does_not_fit_into_memory_is_refused(pets):
    message = message_of(ValueError, f"folder:{pets}", size=1_000_000)
    assert "give a smaller size" in message


@pytest.mark.parametrize("size", [0, -3, 2.5, "32", (32,), (32, 0), (8.0, 8), (1, 2, 3)])
def test_a_size_that_cannot_be_is_named(pets, size):
    assert f"size={size!r}" in message_of(ValueError, f"folder:{pets}", size=size)


@pytest.mark.parametrize("channels", [0, 2, 4, "RGB"])
def test_channels_that_cannot_be_are_named(pets, channels):
    assert f"channels={channels!r}" in message_of(ValueError, f"folder:{pets}", channels=channels)


# Size


def test_the_first_image_of_train_decides(pets):
    save(picture(1, (12, 6), "L"), pets, "train", "cat", "00.png")
    for split in "train", "validation", "test":
        assert load(f"folder:{pets}", split).images.shape[1:] == (1, 6, 12)


@pytest.mark.parametrize(("largest", "side"), [(4, 4), (6, 6), (7, 6), (64, 6), (1, 1)])
def test_squares_of_the_shorter_side_and_none_larger_than_asked(pets, largest, side):
    save(picture(1, (12, 6)), pets, "train", "cat", "00.png")
    for split in "train", "validation", "test":
        images = load(f"folder:{pets}", split, largest=largest).images
        assert images.shape[1:] == (3, side, side)


def test_a_size_and_a_largest_side_are_not_given_together(pets):
    assert "size=8 and largest=64" in message_of(ValueError, f"folder:{pets}", size=8, largest=64)


def test_an_image_of_the_right_size_is_left_alone(tmp_path):
    image = picture(1, (5, 7))
    save(image, tmp_path, "test", "cat", "a.png")
    expected = torch.tensor(np.array(image)).permute(2, 0, 1)
    assert torch.equal(one_image(tmp_path), expected)
    assert torch.equal(one_image(tmp_path, size=(7, 5)), expected)


def test_resizing_covers_and_crops_at_the_centre(tmp_path):
    pixels = np.zeros((10, 30), np.uint8)
    pixels[:, 10:20] = 200  # the central square, and it alone
    save(Image.fromarray(pixels), tmp_path, "test", "cat", "a.png")
    assert (one_image(tmp_path, size=10) == 200).all()
    half = one_image(tmp_path, size=(5, 15))[0].numpy()
    assert half.shape == (5, 15)
    assert (half[:, 6:9] == 200).all()
    assert half[:, 0].max() == 0
    assert one_image(tmp_path, size=40).shape == (1, 40, 40)


def test_shrinking_averages(tmp_path):
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    save(Image.fromarray(checkers), tmp_path, "test", "cat", "a.png")
    small = one_image(tmp_path, size=8).float()
    assert (small - 127.5).abs().max() < 4


# Formats


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "gif", "jpg", "ppm"])
def test_formats(tmp_path, suffix):
    colour = Image.new("RGB", (9, 6), (200, 100, 50))
    save(colour, tmp_path, "test", "cat", f"a.{suffix}")
    pixels = one_image(tmp_path)
    assert pixels.shape == (3, 6, 9)
    expected = torch.tensor([200, 100, 50]).view(3, 1, 1)
    assert (pixels.int() - expected).abs().max() <= 3  # JPEG and WebP round


@pytest.mark.parametrize(
    ("mode", "suffix", "channels"),
    [
        ("1", "png", 1),
        ("L", "png", 1),
        ("LA", "png", 1),
        ("P", "png", 3),
        ("RGBA", "png", 3),
        ("CMYK", "jpg", 3),
        ("CMYK", "tiff", 3),
        ("LAB", "tiff", 3),
        ("YCbCr", "tiff", 3),
        ("F", "tiff", 1),
        ("I;16", "png", 1),
        ("I", "tiff", 1),
    ],
)
def test_modes_have_their_channels(tmp_path, mode, suffix, channels):
    save(Image.new(mode, (4, 3)), tmp_path, "test", "cat", f"a.{suffix}")
    assert one_image(tmp_path).shape == (channels, 3, 4)
    assert one_image(tmp_path, channels=1).shape == (1, 3, 4)
    assert one_image(tmp_path, channels=3).shape == (3, 3, 4)


def test_sixteen_bits_are_scaled(tmp_path):
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    save(Image.fromarray(values), tmp_path, "test", "cat", "a.png")
    assert one_image(tmp_path).flatten().tolist() == [0, 1, 128, 255]


NUMBERS = [  # values, what they become
    (np.float32([0, 0.5, 1]), [0, 128, 255]),
    (np.float32([0, 0.25, 0.5]), [0, 64, 128]),
    (np.float32([0, 0.6, 254.6]), [0, 1, 255]),
    (np.float32([16, 200, 255]), [16, 200, 255]),
    (np.float32([0, 0, 0]), [0, 0, 0]),
    (np.int32([0, 100, 255]), [0, 100, 255]),
    (np.int32([0, 1, 1]), [0, 1, 1]),
]


@pytest.mark.parametrize(("values", "expected"), NUMBERS)
def test_floats_and_long_integers_are_scaled_by_one_rule(tmp_path, values, expected):
    save(Image.fromarray(values[None]), tmp_path, "test", "cat", "a.tiff")
    assert one_image(tmp_path).flatten().tolist() == expected


@pytest.mark.parametrize(
    ("values", "span"),
    [
        (np.float32([-1, 0, 1]), "-1 to 1"),
        (np.float32([-0.1, 100, 255]), "-0.1 to 255"),
        (np.float32([0, 0.5, 1.02]), "0 to 1.02"),
        (np.float32([0, 1, 9]), "0 to 9"),
        (np.float32([0, 1, 256]), "0 to 256"),
        (np.float32([0, np.nan, 1]), "nan to nan"),
        (np.float32([0, np.inf, 1]), "0 to inf"),
        (np.float32([-np.inf, 0, 1]), "-inf to 1"),
        (np.int32([-1, 0, 1]), "-1 to 1"),
        (np.int32([0, 1, 256]), "0 to 256"),
        (np.int32([0, 1, 2**31 - 1]), "0 to 2.14748e+09"),
    ],
)
def test_values_without_a_rule_are_refused_by_name(tmp_path, values, span):
    save(Image.fromarray(values[None]), tmp_path, "test", "cat", "a.tiff")
    message = message_of(ValueError, f"folder:{tmp_path}", "test")
    assert f"{tmp_path / 'test' / 'cat' / 'a.tiff'} has values from {span}" in message
    assert "save it with 8 or 16 bits" in message


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_sixteen_bits_are_scaled_in_either_byte_order(tmp_path, mode):
    values = np.array([[0, 257, 32896, 65535]], "<u2" if mode == "I;16" else ">u2")
    image = Image.frombytes(mode, (4, 1), values.tobytes())
    save(image, tmp_path, "test", "cat", "a.tiff")
    assert one_image(tmp_path).flatten().tolist() == [0, 1, 128, 255]


def test_a_netpbm_of_sixteen_bits_is_scaled(tmp_path):
    (tmp_path / "test" / "cat").mkdir(parents=True)
    values = np.array([[0, 257, 65535]], ">u2")
    (tmp_path / "test" / "cat" / "a.pgm").write_bytes(b"P5 3 1 65535\n" + values.tobytes())
    assert one_image(tmp_path).flatten().tolist() == [0, 1, 255]


def png(depth, colour, row, key):
    """A PNG of one row, with a transparent colour or alpha; `row` holds its packed bytes."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    samples = {0: 1, 2: 3, 4: 2}[colour]
    width = len(row) * 8 // (depth * samples)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
        + (chunk(b"tRNS", struct.pack(f">{samples}H", *key)) if key else b"")
        + chunk(b"IDAT", zlib.compress(b"\0" + row))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("depth", "colour", "row", "key", "expected"),
    [
        (1, 0, b"\x0f", [0], [255] * 8),
        (1, 0, b"\x0f", [1], [0] * 4 + [255] * 4),
        (2, 0, b"\x1b", [0], [255, 85, 170, 255]),
        (2, 0, b"\x1b", [2], [0, 85, 255, 255]),
        (4, 0, b"\x0b\x21", [11], [0, 255, 34, 17]),
        (8, 0, b"\x00\x07\xf0", [7], [0, 255, 240]),
        (16, 0, b"\x00\x00\x80\x80\x80\x81", [0], [255, 128, 128]),
        (16, 0, b"\x00\x00\x80\x80\x40\x40", [0x8080], [0, 255, 64]),
        (8, 2, b"\1\2\3\4\5\6", [1, 2, 3], [255, 4, 255, 5, 255, 6]),
        (16, 2, b"\1\0\2\0\3\0\4\0\5\0\6\0", [256, 512, 768], [255, 4, 255, 5, 255, 6]),
        (16, 2, b"\0\5\0\5\0\5\5\0\5\0\5\0", [5, 5, 5], [255, 5, 255, 5, 255, 5]),
    ],
)
def test_a_transparent_colour_is_white_at_any_depth(tmp_path, depth, colour, row, key, expected):
    (tmp_path / "test" / "cat").mkdir(parents=True)
    (tmp_path / "test" / "cat" / "a.png").write_bytes(png(depth, colour, row, key))
    assert one_image(tmp_path).flatten().tolist() == expected


def test_grey_of_16_bits_with_alpha_stays_grey(tmp_path):
    (tmp_path / "test" / "cat").mkdir(parents=True)
    data = png(16, 4, b"\x10\x10\xff\xff\x40\x40\0\0", None)
    (tmp_path / "test" / "cat" / "a.png").write_bytes(data)
    assert one_image(tmp_path).tolist() == [[[16, 255]]]


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_alpha_in_any_mode_is_laid_over_white(mode):
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    image = image.convert("LA").convert(mode) if mode == "La" else image.convert(mode)
    if mode == "PA":
        image.putpixel((1, 0), (0, 0))  # Pillow before 12 has made it opaque
    pixels = decoding._to_eight_bits(image, image.mode, False)
    assert (pixels[0, 0] == 0).all()
    assert (pixels[0, 1] == 255).all()


def test_a_palette_with_degrees_of_transparency_is_laid_over_white(tmp_path):
    image = Image.new("P", (3, 1))
    image.putpalette([0, 0, 0] * 3)
    image.putdata([0, 1, 2])
    save(image, tmp_path, "test", "cat", "a.png", transparency=bytes([255, 128, 0]))
    assert one_image(tmp_path)[0].flatten().tolist() == [0, 127, 255]


@pytest.mark.parametrize(
    ("mode", "suffix"), [("CMYK", "jpg"), ("CMYK", "tiff"), ("YCbCr", "tiff"), ("LAB", "tiff")]
)
def test_colours_of_other_spaces_are_those_seen(tmp_path, mode, suffix):
    colour = Image.new("RGB", (8, 8), (200, 100, 50))
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        image = ImageCms.applyTransform(colour, to_lab)
    else:
        image = colour.convert(mode)
    save(image, tmp_path, "test", "cat", f"a.{suffix}")
    expected = torch.tensor([200, 100, 50]).view(3, 1, 1)
    assert (one_image(tmp_path).int() - expected).abs().max() <= 5


def test_transparency_is_laid_over_white(tmp_path):
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)
    save(Image.fromarray(pixels), tmp_path, "test", "cat", "a.png")
    opaque, clear, half = one_image(tmp_path)[:, 0].T.tolist()
    assert opaque == [10, 20, 30]
    assert clear == [255, 255, 255]
    assert half == [127, 127, 127]


def test_a_transparent_palette_entry_is_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    save(image, tmp_path, "test", "cat", "a.png", transparency=1)
    assert one_image(tmp_path)[:, 0].T.tolist() == [[255, 0, 0], [255, 255, 255]]


def test_grey_becomes_rgb_and_back(tmp_path):
    image = picture(1, (4, 4), "L")
    save(image, tmp_path, "test", "cat", "a.png")
    grey = torch.tensor(np.array(image))
    assert torch.equal(one_image(tmp_path, channels=3), grey.expand(3, 4, 4))
    assert torch.equal(one_image(tmp_path, channels=1)[0], grey)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_a_photograph_is_turned_upright(tmp_path, suffix):
    image = picture(1, (6, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: the camera was turned by a quarter
    save(image, tmp_path, "test", "cat", f"a.{suffix}", exif=exif)
    upright = np.array(image.transpose(Image.Transpose.ROTATE_270))
    assert torch.equal(one_image(tmp_path), torch.tensor(upright).permute(2, 0, 1))


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), c) for c in ("red", "blue")]
    save(frames[0], tmp_path, "test", "cat", "a.gif", save_all=True, append_images=frames[1:])
    assert one_image(tmp_path)[:, 0, 0].tolist() == [255, 0, 0]


def test_a_file_that_is_a_program_is_not_run(tmp_path):
    (tmp_path / "test" / "cat").mkdir(parents=True)
    file = tmp_path / "test" / "cat" / "a.png"
    file.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n%%EOF\n"
    )
    message = message_of(ValueError, f"folder:{tmp_path}", "test")
    assert f"{file} is PostScript, a program and no picture; save it as a PNG" in message


def test_a_small_file_that_says_it_is_huge_is_named(pets):
    file, message = damaged(pets, b"P5 100000 100000 255\n")
    assert f"{file} cannot be read as an image (Image size (10000000000 pixels)" in message


@pytest.mark.parametrize(
    ("compression", "place", "bad"),
    [
        ("group4", 8, b"\xff" * 8), ("group4", 20, b"\x00\xff\x00\x12"),
        ("group3", 20, b"\x00\xff\x00\x12"), ("tiff_lzw", 8, b"\xff" * 8),
        ("tiff_adobe_deflate", 8, b"\xff" * 8), ("packbits", 8, b"\xff" * 8),
    ],
)  # fmt: skip
def test_a_tiff_that_libtiff_complains_of_is_not_read(tmp_path, capfd, compression, place, bad):
    """It writes to the process's standard error, and gives pixels of its own all the same."""
    noise = np.random.default_rng(0).random((64, 64)) > 0.5
    image = Image.fromarray(noise).convert("1" if compression.startswith("group") else "L")
    image.save(tmp_path / "a.tif", compression=compression)
    good = decoding.read_image(tmp_path / "a.tif", 64, 64, 1)
    assert torch.equal(good[0], torch.from_numpy(noise) * 255)
    with Image.open(tmp_path / "a.tif") as opened:
        start = opened.tag_v2[273][0] + place
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[start : start + len(bad)] = bad
    (tmp_path / "b.tif").write_bytes(data)
    with pytest.raises(ValueError, match=r"b.tif cannot be read as an image \(.*\); replace it"):
        decoding.read_image(tmp_path / "b.tif", 64, 64, 1)
    os.write(2, b"said\n")
    assert capfd.readouterr().err == "said\n"


def test_many_tiffs_at_a_time_leave_standard_error_as_it_was(tmp_path, capfd):
    for split in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(20):
                Image.new("L", (8, 8), i).save(tmp_path / split / name / f"{i}.tif")
    open_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    images = load(f"folder:{tmp_path}", "test").images
    assert images[:, 0, 0, 0].tolist() == [int(f) for f in sorted(map(str, range(20)))] * 2
    if open_before:
        assert len(os.listdir("/proc/self/fd")) == open_before
    os.write(2, b"said\n")
    assert capfd.readouterr().err == "said\n"
