"""Files of weights: of any name, behind links, and with headers that anybody may have written."""

import io
import json
import os

import pytest
import torch

from cnn_course import weight_files
from cnn_course.models import MLP, GlobalPoolCNN, LeNet5, load_model, pretrained, save_model


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
    with pytest.raises(FileNotFoundError, match="pipe is no file; give another"):
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
    # With batch normalization, which "lenet5" has not.
    weight_files.write(tmp_path / "b", model.state_dict(), {"model": "lenet5", **about})
    with pytest.raises(ValueError, match=r"does not hold a model of this course .* give another"):
        load_model(tmp_path / "b")


def test_a_header_that_asks_for_a_huge_network_gets_no_memory(tmp_path, monkeypatch):
    def mlp(**sizes):
        assert torch.empty(1).device.type == "meta"
        return MLP(**sizes)

    monkeypatch.setitem(pretrained.CONSTRUCTORS, "mlp", mlp)
    about = {"model": "mlp", "in_channels": 1, "input_size": 10**5, "classes": ["a"]}
    weight_files.write(tmp_path / "a", MLP(num_classes=1).state_dict(), about)
    with pytest.raises(ValueError, match="a does not hold a model of this course"):
        load_model(tmp_path / "a")


@pytest.mark.parametrize(
    "classes",
    ["0123456789", dict.fromkeys("0123456789"), [0] * 10, 10, [*"012345678", "a\nb"],
     [*"012345678", "\x1b[31m"], [*"012345678", "\u2028"], [*"012345678", "\udcff"], ["0"] * 10],
)  # fmt: skip
def test_classes_are_a_list_of_names(tmp_path, classes):
    """Names that can be printed in a line, each its own."""
    about = {"in_channels": 1, "input_size": 28, "classes": classes}
    weight_files.write(tmp_path / "a", LeNet5().state_dict(), {"model": "lenet5", **about})
    with pytest.raises(ValueError, match="does not hold a model of this course") as caught:
        load_model(tmp_path / "a")
    assert str(caught.value).isprintable()
    with pytest.raises(ValueError, match="b is not written, since it could not be loaded again"):
        save_model(tmp_path / "b", LeNet5(), "lenet5", about)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("MLP", {}), ("lenet5", {"input_size": 32}), ("lenet5", {"in_channels": True}),
        ("global-pool-cnn", {"input_size": 2000}), ("mlp", {}), ("lenet5", {"classes": ["a"]}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("int8", [False, True])
def test_what_could_not_be_loaded_is_not_saved(tmp_path, name, about, int8):
    about = {"in_channels": 1, "input_size": 28, "classes": list("0123456789")} | about
    model = GlobalPoolCNN() if name == "global-pool-cnn" else LeNet5()
    with pytest.raises(ValueError, match="a is not written, since it could not be loaded again"):
        save_model(tmp_path / "a", model, name, about, int8=int8)
    with pytest.raises(ValueError, match=r"\('classes'\)"):
        save_model(tmp_path / "a", LeNet5(), "lenet5", {"in_channels": 1, "input_size": 28})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("header", ["", "valid", "[]", '"text"', "1", "null", "{", '{"a": 1}'])
def test_a_huge_file_of_others_is_not_read(tmp_path, header):
    """Sparse files, which hold more than there is memory, and take no space on the disk."""
    if header == "valid":
        weight_files.write(tmp_path / "small", {"a": torch.ones(3)}, {"model": "mlp"})
        content = (tmp_path / "small").read_bytes()
    else:
        content = len(header).to_bytes(8, "little") + header.encode()
    for size in (len(content), 2**36):
        (tmp_path / "a").write_bytes(content)
        os.truncate(tmp_path / "a", size)
        if header != "valid" or size > len(content):
            with pytest.raises(ValueError, match="a is damaged or was not written by this course"):
                weight_files.read(tmp_path / "a")


@pytest.mark.parametrize("length", [0, 1, 10**8, 10**8 + 1, 2**63, 2**64 - 1])
def test_the_length_of_a_header_is_not_trusted(tmp_path, length):
    (tmp_path / "a").write_bytes(length.to_bytes(8, "little") + b"{}")
    os.truncate(tmp_path / "a", 2**36)
    with pytest.raises(ValueError, match="a is damaged or was not written by this course"):
        weight_files.read(tmp_path / "a")


@pytest.mark.parametrize("count", [2001, 300_000])
def test_more_classes_than_a_table_shows_are_refused_at_once(tmp_path, count):
    """Whatever takes the square of their number would take hours, and a small file names many."""
    about = {"model": "mlp", "in_channels": 1, "input_size": 28}
    about["classes"] = [str(i) for i in range(count)]
    weight_files.write(tmp_path / "a", {"a": torch.ones(1)}, about)
    with pytest.raises(ValueError, match=f"{count:,} classes are more than 2,000"):
        load_model(tmp_path / "a")


def test_a_file_larger_than_any_of_the_course_is_not_read(tmp_path):
    """Sparse, with a header that says what it holds."""
    tensor = {"dtype": "U8", "shape": [2**40], "data_offsets": [0, 2**40]}
    header = json.dumps({"__metadata__": {"about": "{}"}, "a": tensor}).encode()
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(tmp_path / "a", 8 + len(header) + 2**40)
    with pytest.raises(ValueError, match=r"a is damaged .* more than a network of this course"):
        weight_files.read(tmp_path / "a")


def test_a_file_for_which_there_is_no_memory_is_named(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def read(self, size=-1):
            if size < 0:
                raise MemoryError
            return super().read(size)

    weight_files.write(tmp_path / "a", {"a": torch.ones(3)}, {})
    content = (tmp_path / "a").read_bytes()
    monkeypatch.setattr(type(tmp_path), "open", lambda path, mode: Full(content))
    with pytest.raises(ValueError, match=r"a is damaged .* more than there is memory.* another"):
        weight_files.read(tmp_path / "a")


def test_what_would_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_files, "MOST", weight_files.MOST_BYTES + 11)
    with pytest.raises(ValueError, match="a would have 12 bytes, which are too many"):
        weight_files.write(tmp_path / "a", {"a": torch.ones(3)}, {})
    assert not list(tmp_path.iterdir())
    weight_files.write(tmp_path / "a", {"a": torch.ones(2)}, {})
