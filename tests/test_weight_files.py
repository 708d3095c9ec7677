"""Files of weights: of any name, behind links, and with headers that anybody may have written."""

import json
import os

import pytest
import torch

from cnn_course import weight_files
from cnn_course.models import MLP, LeNet5, load_model, pretrained, save_model


def test_files_of_others_are_named(tmp_path):
    path = tmp_path / "model.safetensors"
    deep = b"[" * 100_000
    headers = (b"{}", b"[]", b'{"__metadata__":{"about":"{"}}', b'{"__metadata__":{}}', deep)
    files = [len(header).to_bytes(8, "little") + header for header in headers]
    for content in (*files, b"", b"no file of tensors at all", b"\x80\x04pickle", os.urandom(3000)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged or was not written by this course"):
            load_model(path)
    sizes = {"model": "mlp", "in_channels": 1, "input_size": 28, "classes": ["a"]}
    for about in (
        {"other": 1}, [], "text", None, sizes, sizes | {"model": "vgg"}, sizes | {"input_size": 0},
        sizes | {"in_channels": "one"}, sizes | {"classes": 3}, sizes | {"model": ["mlp"]},
    ):  # fmt: skip
        weight_files.write(path, {"a": torch.ones(1)}, about)
        with pytest.raises(ValueError, match="does not hold a model of this course"):
            load_model(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_model(tmp_path / "nothing")


def test_any_name_of_a_file_will_do(tmp_path):
    for name in (b"\xe9t\xe9 [a]*", "😀".encode() * 60, b"a" * 255):
        path = tmp_path / os.fsdecode(name)
        about = {"classes": ["Übung", "\udce9t\udce9"]}
        weight_files.write(path, {"a": torch.ones(3)}, about)
        tensors, found = weight_files.read(path)
        assert torch.equal(tensors["a"], torch.ones(3))
        assert found == about
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("about", [None, {}, {"about": "no"}, {"about": "[" * 10_000}])
def test_a_header_without_its_words_is_damaged(tmp_path, about):
    header = json.dumps({"__metadata__": about}).encode()
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match="a is damaged or was not written by this course"):
        weight_files.read(tmp_path / "a")


def test_a_name_that_is_too_long_is_named(tmp_path):
    with pytest.raises(OSError, match=r"could not be written \(File name too long\)"):
        weight_files.write(tmp_path / ("a" * 256), {"a": torch.ones(3)}, {})


def test_a_link_stays_and_a_device_is_not_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for value in (1, 2):
        weight_files.write(tmp_path / "link", {"a": torch.tensor(value)}, {})
        assert weight_files.read(tmp_path / "file")[0]["a"] == value
    assert (tmp_path / "link").is_symlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is a folder or a device; give a file"):
        weight_files.write(tmp_path / "pipe", {"a": torch.ones(3)}, {})
    with pytest.raises(FileNotFoundError, match="there is no file"):
        weight_files.read(tmp_path / "pipe")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    weight_files.write(path, {"a": torch.ones(3)}, {})

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=r"a.safetensors could not be written \(No space left on device\)"
    ):
        weight_files.write(path, {"a": torch.zeros(3)}, {})
    assert torch.equal(weight_files.read(path)[0]["a"], torch.ones(3))
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_model_comes_back_with_what_is_known_of_it(tmp_path):
    model = LeNet5(batch_norm=True)
    about = {"in_channels": 1, "input_size": 28, "classes": [f"ten {i}" for i in range(10)]}
    plain = LeNet5()
    save_model(tmp_path / "a.safetensors", plain, "lenet5", about)
    found, known = load_model(tmp_path / "a.safetensors")
    x = torch.rand(2, 1, 28, 28)
    assert torch.equal(found(x), plain.eval()(x))
    assert not found.training
    assert known == {"model": "lenet5", **about}
    save_model(tmp_path / "b.safetensors", model, "lenet5", about)
    with pytest.raises(ValueError, match="does not hold"):
        load_model(tmp_path / "b.safetensors")  # with batch normalization, which "lenet5" has not


def test_a_header_that_asks_for_a_huge_network_gets_no_memory(tmp_path, monkeypatch):
    def mlp(**sizes):
        assert torch.empty(1).device.type == "meta"
        return MLP(**sizes)

    monkeypatch.setitem(pretrained.CONSTRUCTORS, "mlp", mlp)
    about = {"in_channels": 1, "input_size": 10**5, "classes": ["a"]}
    save_model(tmp_path / "a", MLP(num_classes=1), "mlp", about)
    with pytest.raises(ValueError, match="a does not hold a model of this course"):
        load_model(tmp_path / "a")


@pytest.mark.parametrize("classes", ["0123456789", dict.fromkeys("0123456789"), [0] * 10, 10])
def test_classes_are_a_list_of_names(tmp_path, classes):
    about = {"in_channels": 1, "input_size": 28, "classes": classes}
    save_model(tmp_path / "a", LeNet5(), "lenet5", about)
    with pytest.raises(ValueError, match="does not hold a model of this course"):
        load_model(tmp_path / "a")
