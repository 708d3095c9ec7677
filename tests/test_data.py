"""`ImageSet`, and the data sets that `load` knows by name."""

import gzip
import os
import random
import subprocess
import sys
import tarfile
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_data_sets import fake_digits, no_network, write_cifar10, write_mnist
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST

from cnn_course.data import SPLITS, ImageSet, embedded, load, read_image
from cnn_course.data.cache import cache_folder, keep
from cnn_course.data.embedded import COUNTS, SHA256
from cnn_course.data.images import hold_out, is_among

CLASSES = ("cat", "dog")
ARCHIVES = [url for url, _ in MNIST.resources]


def image_set(images=None, labels=None):
    images = torch.zeros(4, 3, 2, 2, dtype=torch.uint8) if images is None else images
    labels = torch.tensor([0, 1, 0, 1]) if labels is None else labels
    return ImageSet("pets train", images, labels, CLASSES)


# ImageSet


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(4, 3, 2, 2), None, "images must be uint8"),
        (torch.zeros(4, 2, 2, dtype=torch.uint8), None, r"shape \(4, 2, 2\)"),
        (None, torch.zeros(4), "labels must be int64"),
        (None, torch.zeros(3, dtype=torch.int64), r"shape \(3,\)"),
        (None, torch.tensor([0, 1, 2, 0]), "label 2 is none of the 2 classes"),
        (None, torch.tensor([0, -1, 1, 0]), "label -1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=f"pets train: .*{message}"):
        image_set(images, labels)


def test_mean_and_sd_are_those_of_the_pixels():
    images = torch.randint(256, (50, 3, 5, 7), dtype=torch.uint8)
    data = image_set(images, torch.zeros(50, dtype=torch.int64))
    floats = images.double() / 255
    assert torch.allclose(data.mean, floats.mean((0, 2, 3)).float())
    assert torch.allclose(data.sd, floats.std((0, 2, 3), correction=0).float())


def test_an_image_set_is_a_dataset():
    data = load("mnist-sample", "validation")
    image, label = data[7]
    assert torch.equal(image, data.images[7])
    assert type(label) is int
    assert label == data.labels[7]
    batches = list(DataLoader(data, batch_size=128))
    assert torch.equal(torch.cat([images for images, _ in batches]), data.images)
    assert torch.equal(torch.cat([labels for _, labels in batches]), data.labels)
    assert sum(1 for _ in data) == len(data)
    with pytest.raises(TypeError):
        data[:3]


def test_an_image_set_says_what_it_is():
    assert repr(load("mnist-sample")) == "mnist-sample train: 3,500 images 1×28×28, 10 classes"


def test_a_subset_is_a_copy():
    data = image_set()
    few = data.subset(torch.tensor([3, 0]), "few")
    few.images.fill_(9)
    assert few.labels.tolist() == [1, 0]
    assert few.name == "few"
    assert data.images.sum() == 0


# Holding out


def test_hold_out_takes_its_share_of_each_class():
    labels = torch.tensor([0] * 40 + [1] * 4 + [2] * 2 + [3] + [4] * 15)
    kept, held = hold_out(labels, 0.1)
    assert labels[held].bincount(minlength=5).tolist() == [4, 1, 1, 0, 2]
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(labels)))


def test_hold_out_never_takes_a_whole_class():
    kept, _ = hold_out(torch.tensor([0, 0, 1, 1, 1]), 0.9)
    assert len(kept) == 2


def test_hold_out_draws_the_same_for_ever():
    # A version of NumPy that draws otherwise would change every split of the course.
    held = hold_out(torch.tensor([0, 1] * 20), 0.15)[1]
    assert held.tolist() == [3, 12, 22, 23, 30, 33]


# mnist-sample and mnist-m


@pytest.mark.parametrize(("name", "split"), SHA256)
def test_embedded_sets_are_the_courses_bytes_and_show_the_same_digits(name, split, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built, again = (load(name, split, root=tmp_path) for _ in range(2))
    assert built.sha256 == again.sha256 == SHA256[name, split]
    assert built.labels.bincount().tolist() == [COUNTS[split] // 10] * 10
    assert built.images.shape[1:] == ((1, 28, 28) if name == "mnist-sample" else (3, 32, 32))
    assert torch.equal(built.labels, load("mnist-sample", split).labels)


def test_another_process_loads_the_same_bytes(tmp_path, monkeypatch):
    """Another one builds and keeps them, and this one reads what it kept."""
    code = "from cnn_course.data import load; print(load('mnist-m', 'test').sha256)"
    env = os.environ | {"PYTHONHASHSEED": "1", "CNN_COURSE_CACHE": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.stdout.strip() == SHA256["mnist-m", "test"], run.stderr
    assert run.stderr == ""
    monkeypatch.setattr(embedded, "build_mnist_m", None)
    assert load("mnist-m", "test", root=tmp_path).sha256 == SHA256["mnist-m", "test"]


def test_no_digit_is_in_two_splits():
    digits = [image.tobytes() for s in SPLITS for image in load("mnist-sample", s).images.numpy()]
    assert len(digits) == len(set(digits)) == 5000


def test_a_damaged_cache_or_an_earlier_one_is_made_again(tmp_path):
    good = load("mnist-m", "validation", root=tmp_path).to_bytes()
    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == good
    other = bytes(len(good) - 4000) + good[-4000:]  # as whole as the set of an earlier release
    for bad in b"", good[:-1], good + b"0", other, good[:5] + bytes([good[5] ^ 1]) + good[6:]:
        file.write_bytes(bad)
        assert load("mnist-m", "validation", root=tmp_path).to_bytes() == good
        assert file.read_bytes() == good
    assert list(tmp_path.iterdir()) == [file]


def test_the_cache_is_read(tmp_path, monkeypatch):
    load("mnist-m", "validation", root=tmp_path)
    monkeypatch.setattr(embedded, "build_mnist_m", None)
    assert load("mnist-m", "validation", root=tmp_path).sha256 == SHA256["mnist-m", "validation"]


def test_a_cache_folder_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "file").touch()
    data = load("mnist-m", "validation", root=tmp_path / "file" / "below")
    assert data.sha256 == SHA256["mnist-m", "validation"]


def test_an_interrupted_write_leaves_no_file(tmp_path, monkeypatch):
    def full_disk(source, target):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    load("mnist-m", "validation", root=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_cache_can_be_shared_as_far_as_the_umask_allows(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        keep(tmp_path / "below" / "file", b"data")
    finally:
        os.umask(before)
    assert (tmp_path / "below" / "file").stat().st_mode & 0o777 == mode
    assert (tmp_path / "below").stat().st_mode & 0o777 == 0o777 & ~umask


@pytest.fixture
def homeless(monkeypatch):
    """A user without HOME whose number has no entry among the users."""

    def no_home(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("CNN_COURSE_CACHE", raising=False)
    monkeypatch.setattr(Path, "expanduser", lambda p: no_home(p) if str(p)[0] == "~" else p)


@pytest.mark.parametrize("name", ["mnist-sample", "mnist-m"])
def test_what_needs_no_folder_does_without_a_home(homeless, name):
    assert load(name, "validation").sha256 == SHA256[name, "validation"]


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("folder", ["", "~/data"])
def test_what_needs_a_folder_says_what_to_set(homeless, monkeypatch, name, folder, download):
    monkeypatch.setenv("CNN_COURSE_CACHE", folder)
    with pytest.raises(FileNotFoundError, match=r"no home folder for '~.*set .*CNN_COURSE_CACHE"):
        load(name, download=download)


@pytest.mark.parametrize("folder", ["", "~/.cache/cnn_course", "~"])
def test_the_cache_may_be_below_home(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("USERPROFILE" if sys.platform == "win32" else "HOME", str(tmp_path))
    monkeypatch.setenv("CNN_COURSE_CACHE", folder)
    expected = tmp_path if folder == "~" else tmp_path / ".cache" / "cnn_course"
    assert cache_folder() == cache_folder("") == expected
    assert cache_folder(tmp_path / "x") == cache_folder("~/x") == tmp_path / "x"


def test_other_pixels_are_used_with_a_warning_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setitem(SHA256, ("mnist-m", "validation"), "another")
    with pytest.warns(UserWarning, match="mnist-m validation is not byte for byte") as caught:
        load("mnist-m", "validation", root=tmp_path)
    assert len(caught) == 1
    assert list(tmp_path.iterdir()) == []


# mnist and cifar10, from small files in the layout of the real ones


def test_validation_of_mnist_is_mnist_sample(tmp_path):
    sample = load("mnist-sample", "test").subset(torch.arange(30))
    pixels, labels = fake_digits(70)
    order = np.random.RandomState(1).permutation(100)
    pixels = np.concatenate([pixels, sample.images[:, 0].numpy()])[order]
    labels = np.concatenate([labels, sample.labels.numpy().astype(np.uint8)])[order]
    write_mnist(tmp_path, pixels, labels)

    train, validation, test = (load("mnist", split, root=tmp_path) for split in SPLITS)
    assert (len(train), len(validation), len(test)) == (70, 30, 100)
    assert is_among(validation.images, sample.images).all()
    assert not is_among(train.images, sample.images).any()
    assert torch.equal(test.images[:, 0], torch.from_numpy(pixels))
    assert test.labels.tolist() == labels.tolist()
    assert train.classes == tuple("0123456789")
    assert repr(train) == "mnist train: 70 images 1×28×28, 10 classes"


def test_validation_of_other_digits_is_a_tenth(tmp_path):
    write_mnist(tmp_path, *fake_digits(200))
    train, validation = load("mnist", root=tmp_path), load("mnist", "validation", root=tmp_path)
    assert validation.labels.bincount().tolist() == [2] * 10
    assert not is_among(train.images, validation.images).any()
    assert len(train) == 180


def test_cifar10(tmp_path, monkeypatch):
    pixels = write_cifar10(tmp_path, monkeypatch)
    train, validation, test = (load("cifar10", split, root=tmp_path) for split in SPLITS)
    assert train.labels.bincount().tolist() == [45] * 10
    assert validation.labels.bincount().tolist() == [5] * 10
    assert not is_among(train.images, validation.images).any()
    assert torch.equal(test.images, torch.from_numpy(pixels[0]).view(-1, 3, 32, 32))
    assert repr(test) == "cifar10 test: 100 images 3×32×32, 10 classes"
    assert test.classes[3] == "class 3"


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_absent_data_say_how_to_get_them(name, tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_COURSE_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError) as caught:
        load(name)
    assert str(tmp_path) in str(caught.value)
    assert f'load("{name}", download=True)' in str(caught.value)
    assert "--download" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_damaged_data_are_refused(tmp_path, monkeypatch):
    write_mnist(tmp_path, *fake_digits(20))
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    good = file.read_bytes()
    changed = random.Random(0)
    bad = [good[:n] for n in (0, 3, 16, 500, len(good) - 1)] + [gzip.compress(good)]
    bad += [good[:n] + changed.randbytes(1) + good[n + 1 :] for n in (2, 3)]
    for data in bad:
        file.write_bytes(data)
        with pytest.raises(FileNotFoundError, match="not whole"):
            load("mnist", root=tmp_path)

    write_cifar10(tmp_path, monkeypatch)
    (tmp_path / "cifar-10-batches-py" / "data_batch_3").write_bytes(b"cos\nsystem\n")
    with pytest.raises(FileNotFoundError, match="not whole"):
        load("cifar10", root=tmp_path)


def test_damaged_files_of_earlier_releases_of_torchvision_are_refused(tmp_path):
    (tmp_path / "MNIST" / "processed").mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (tmp_path / "MNIST" / "processed" / name).write_bytes(b"no pickle at all")
    with pytest.raises(FileNotFoundError, match="not whole"):
        load("mnist", root=tmp_path)


def test_images_of_another_size_are_not_taken_for_mnist(tmp_path):
    pixels, labels = fake_digits(20)
    write_mnist(tmp_path, pixels.reshape(20, 14, 56), labels)
    with pytest.raises(ValueError, match=r"mnist in .* has images of 14×56 pixels, and not 28×28"):
        load("mnist", root=tmp_path)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_an_archive_that_would_write_elsewhere_is_not_unpacked(name, tmp_path, monkeypatch):
    """torchvision unpacks only what has its checksum."""
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    root = tmp_path / "kept"
    (root / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "evil").write_text("evil")
    for file in (root / "cifar-10-python.tar.gz", *(root / "MNIST" / "raw" / f for f in ARCHIVES)):
        with tarfile.open(file, "w:gz") as archive:
            archive.add(tmp_path / "evil", "../written")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match=f"{name} could not be downloaded"):
        load(name, download=True, root=root)
    assert not list(tmp_path.rglob("written"))
    assert set(before) - set(tmp_path.rglob("*")) <= {root / "cifar-10-python.tar.gz"}


def test_a_failed_download_says_so(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("Error downloading train-images")

    monkeypatch.setattr("torchvision.datasets.MNIST.download", fail)
    with pytest.raises(OSError, match=r"mnist could not be downloaded into .*train-images.*again"):
        load("mnist", download=True, root=tmp_path)
    assert list(tmp_path.iterdir()) == []  # trying whether it can be written leaves nothing


def test_a_failed_download_names_what_to_move_and_never_what_to_delete(tmp_path, monkeypatch):
    def damaged(*_):
        raise RuntimeError("File not found or corrupted.")

    monkeypatch.setattr("torchvision.datasets.MNIST.download", damaged)
    monkeypatch.setattr("torchvision.datasets.CIFAR10.download", damaged)
    for name, folder in ("mnist", "MNIST"), ("cifar10", "cifar-10-batches-py"):
        with pytest.raises(OSError, match="corrupted") as caught:
            load(name, download=True, root=tmp_path)
        assert f"first move {tmp_path / folder} elsewhere" in str(caught.value)
        assert "delete" not in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("below", ["", "below", "n" * 300])
def test_a_download_into_what_cannot_be_written_says_what_to_set(name, below, tmp_path):
    file = tmp_path / "file"
    file.touch()
    root = tmp_path / below if len(below) > 255 else file / below
    with pytest.raises(OSError, match=r"cannot be written .*set .*CNN_COURSE_CACHE") as caught:
        load(name, download=True, root=root)
    assert str(root) in str(caught.value)
    assert file.read_bytes() == b""


# Names


@pytest.mark.parametrize("name", ["mnist-simple", "folder:", "folder", "", None])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(ValueError, match=r"mnist-sample, mnist-m, mnist, cifar10, folder:PATH"):
        load(name)


def test_an_unknown_split_lists_the_known_ones():
    with pytest.raises(ValueError, match="no split 'valid'; choose one of train, validation, test"):
        load("mnist-sample", "valid")


@pytest.mark.parametrize("option", [{"size": 32}, {"channels": 3}])
def test_size_and_channels_are_for_folders(option):
    with pytest.raises(ValueError, match="mnist-m has one size"):
        load("mnist-m", **option)


@pytest.mark.parametrize("largest", [0, -1, 2.5, "64"])
@pytest.mark.parametrize("name", ["mnist-sample", "folder:anywhere"])
def test_a_largest_side_that_cannot_be_is_named(name, largest):
    with pytest.raises(ValueError, match=rf"largest={largest!r}: give a whole number"):
        load(name, largest=largest)


def test_images_of_one_size_are_never_made_smaller():
    assert load("mnist-sample", "test", largest=28).images.shape[2:] == (28, 28)
    with pytest.raises(ValueError, match="largest=27: the images of mnist-sample are 28×28"):
        load("mnist-sample", largest=27)


def test_what_is_no_file_of_the_cache_is_done_without(tmp_path):
    """A pipe would be waited for, a device has no end, and a folder cannot be replaced."""
    file = tmp_path / "mnist-m-validation.bin"
    for make in (
        lambda: os.mkfifo(file),
        lambda: file.symlink_to("/dev/zero"),
        file.mkdir,
        lambda: file.symlink_to(file.name),
        lambda: (file.touch(), os.truncate(file, 2**36)),
    ):
        make()
        data = load("mnist-m", "validation", root=tmp_path)
        assert data.sha256 == SHA256["mnist-m", "validation"]
        file.rmdir() if file.is_dir() else file.unlink()


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((2, 1, 4, 4), np.uint8), torch.zeros(2).long(), "images are a ndarray; give a t"),
        (torch.zeros(2, 1, 4, 4).byte(), [0, 1], "labels are a list; give a tensor, as torch.as_"),
        (torch.zeros(2, 1, 4, 4).byte(), np.zeros(2, np.int64), "labels are a ndarray"),
        ([[[[0]]]], torch.zeros(1).long(), "images are a list"),
    ],
)
def test_an_image_set_is_of_tensors(images, labels, words):
    with pytest.raises(ValueError, match=words):
        ImageSet("mine", images, labels, ("a", "b"))


@pytest.mark.parametrize("sizes", [(-1, -1, 1), (0, 28, 1), ("3", 3, 1), (2.0, 2, 1)])
def test_an_image_has_a_size_of_whole_pixels(tmp_path, sizes):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"size=.*: give a whole number of pixels, or a pair"):
        read_image(tmp_path / "a.png", *sizes)
    for channels in (3.0, "3", 2, None, 0):
        with pytest.raises(ValueError, match=r"channels=.*: give 1 \(grey\) or 3 \(RGB\)"):
            read_image(tmp_path / "a.png", 4, 4, channels)


@pytest.mark.filterwarnings("ignore:Image size")  # Pillow's own, which the command line mutes
@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "tiff", "webp"])
def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path, monkeypatch, kind):
    """So few bytes may hold so many pixels that they take gigabytes."""
    Image.new("L", (60, 50)).save(tmp_path / f"a.{kind}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2999)
    with pytest.raises(ValueError, match=f"a.{kind} has 60×50 pixels, which are too many; make"):
        read_image(tmp_path / f"a.{kind}", 8, 8, 1)
    for most in (3000, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        assert read_image(tmp_path / f"a.{kind}", 8, 8, 1).shape == (1, 8, 8)


@pytest.mark.parametrize(
    "indices",
    [slice(0, 2), ..., [1, 0], range(2), np.arange(2), torch.tensor([True, True] + [False] * 2)],
)
def test_a_subset_by_any_indices_is_a_copy(indices):
    whole = image_set()
    part = whole.subset(indices)
    part.images += 1
    part.labels += 1
    assert whole.images.sum() == 0
    assert torch.equal(whole.labels, image_set().labels)


def test_no_images_have_no_mean():
    for attribute in ("mean", "sd"):
        with pytest.raises(ValueError, match="has no image, and no mean; give a set with one"):
            getattr(image_set().subset(torch.arange(0)), attribute)


@pytest.mark.parametrize("classes", [10, None])
def test_classes_are_names(classes):
    with pytest.raises(ValueError, match=r"classes=.*; give the names, in the order of the labels"):
        ImageSet("mine", torch.zeros(2, 1, 4, 4).byte(), torch.zeros(2).long(), classes)
