"""Files of weights: whole or not at all, and training that goes on from them as if undisturbed."""

import math
import os

import pytest
import torch

from cnn_course import checkpoints
from cnn_course.augmentation import Augment
from cnn_course.data import load
from cnn_course.history import History
from cnn_course.models import MLP, LeNet5, load_model, pretrained, save_model
from cnn_course.training import fit

OPTIONS = {
    "epochs": 4, "batch_size": 50, "lr": 0.05, "weight_decay": 1e-3, "label_smoothing": 0.1,
    "average": 0.9, "augment": Augment(rotation=5, shift=1), "device": "cpu",
}  # fmt: skip


@pytest.fixture
def digits():
    return load("mnist-sample", "validation").subset(torch.arange(0, 500, 3))


def network():
    torch.manual_seed(0)
    return LeNet5(batch_norm=True)


class StoppedError(Exception):
    pass


def train(digits, path, stop_at=None, **changes):
    """Train a network, and stop it at a step as a killed program would stop."""

    def report(step, steps, loss, history):
        if step == stop_at:
            raise StoppedError

    model = network()
    history = fit(model, digits, digits, checkpoint=path, report=report, **(OPTIONS | changes))
    return model, history


@pytest.mark.parametrize("stop_at", [1, 4, 5, 9, 14, 16])
def test_a_resumed_run_ends_where_an_undisturbed_one_ends(digits, tmp_path, stop_at):
    undisturbed, history = train(digits, None)
    path = tmp_path / "state.safetensors"
    with pytest.raises(StoppedError):
        train(digits, path, stop_at)
    torch.rand(7)  # whatever happened in between
    resumed, its_history = train(digits, path)
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    assert its_history.train_loss == history.train_loss
    assert its_history.validation_accuracy == history.validation_accuracy
    assert len(its_history.seconds) == 4


def test_a_resumed_run_whose_last_image_was_left_alone(digits, tmp_path):
    digits = digits.subset(torch.arange(101))  # steps of 50 and 51
    undisturbed, _ = train(digits, None)
    with pytest.raises(StoppedError):
        train(digits, tmp_path / "a", stop_at=5)
    resumed, history = train(digits, tmp_path / "a")
    assert len(history.train_loss) == 4
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_a_run_that_is_resumed_twice(digits, tmp_path):
    undisturbed, _ = train(digits, None)
    path = tmp_path / "state.safetensors"
    for stop_at in (5, 9):  # in the second epoch, and in the third
        with pytest.raises(StoppedError):
            train(digits, path, stop_at)
    resumed, _ = train(digits, path)
    assert len(list(resumed.parameters())) > 10  # where "10" sorts before "2"
    for name, value in undisturbed.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 0.02}, "lr=0.05, and now lr=0.02"),
        ({"seed": 5}, "seed=0, and now seed=5"),
        ({"augment": None}, "augment="),
    ],
)
def test_other_settings_are_refused(digits, tmp_path, changes, words):
    path = tmp_path / "state.safetensors"
    train(digits, path, epochs=1)
    with pytest.raises(ValueError, match=words):
        train(digits, path, **({"epochs": 1} | changes))


def test_other_data_are_refused(digits, tmp_path):
    train(digits, tmp_path / "a", epochs=1)
    with pytest.raises(ValueError, match="data="):
        train(digits.subset(torch.arange(60)), tmp_path / "a", epochs=1)


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(digits, tmp_path):
    path = tmp_path / "a"
    train(digits, path, epochs=1, stop_at=None)
    before = path.read_bytes()
    with pytest.raises(FloatingPointError, match=r"step \d+ of epoch \d+.*below lr=1e\+30"):
        fit(network(), digits, checkpoint=tmp_path / "b", **(OPTIONS | {"lr": 1e30}))
    assert path.read_bytes() == before


@pytest.mark.parametrize("keep", [0, 1, 7, 100, 5000, -1])
def test_a_truncated_file_is_named(digits, tmp_path, keep):
    path = tmp_path / "state.safetensors"
    train(digits, path, epochs=1)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"state.safetensors is damaged.*give another"):
        train(digits, path, epochs=1)


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
        checkpoints.write(path, {"a": torch.ones(1)}, about)
        with pytest.raises(ValueError, match="does not hold a model of this course"):
            load_model(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_model(tmp_path / "nothing")


def test_a_file_that_is_no_checkpoint_is_named(digits, tmp_path):
    path = tmp_path / "state.safetensors"
    checkpoints.write(path, {"a": torch.ones(1)}, {"model": "lenet5"})
    with pytest.raises(ValueError, match="is no checkpoint of a training"):
        train(digits, path)


def test_any_name_of_a_file_will_do(tmp_path):
    for name in (b"\xe9t\xe9 [a]*", "😀".encode() * 60, b"a" * 255):
        path = tmp_path / os.fsdecode(name)
        about = {"classes": ["Übung", "\udce9t\udce9"]}
        checkpoints.write(path, {"a": torch.ones(3)}, about)
        tensors, found = checkpoints.read(path)
        assert torch.equal(tensors["a"], torch.ones(3))
        assert found == about
    assert len(list(tmp_path.iterdir())) == 3


def test_a_name_that_is_too_long_is_named(tmp_path):
    with pytest.raises(OSError, match=r"could not be written \(File name too long\)"):
        checkpoints.write(tmp_path / ("a" * 256), {"a": torch.ones(3)}, {})


def test_a_link_stays_and_a_device_is_not_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for value in (1, 2):
        checkpoints.write(tmp_path / "link", {"a": torch.tensor(value)}, {})
        assert checkpoints.read(tmp_path / "file")[0]["a"] == value
    assert (tmp_path / "link").is_symlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is a folder or a device; give a file"):
        checkpoints.write(tmp_path / "pipe", {"a": torch.ones(3)}, {})
    with pytest.raises(FileNotFoundError, match="there is no file"):
        checkpoints.read(tmp_path / "pipe")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    checkpoints.write(path, {"a": torch.ones(3)}, {})

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=r"a.safetensors could not be written \(No space left on device\)"
    ):
        checkpoints.write(path, {"a": torch.zeros(3)}, {})
    assert torch.equal(checkpoints.read(path)[0]["a"], torch.ones(3))
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_model_comes_back_with_what_is_known_of_it(tmp_path):
    model = network().eval()
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


# ------------------------------------------------------------ headers that anybody may have written

GOOD = {"settings": {}, "history": {name: [1.0] for name in vars(History())}}


@pytest.mark.parametrize(
    "about",
    [
        None, 5, [], "settings history", ["settings", "history"], {"settings": [], "history": {}},
        GOOD | {"settings": None}, GOOD | {"settings": {"lr": [0.1]}}, GOOD | {"history": []},
        GOOD | {"processes": 0}, GOOD | {"processes": "2"},
        GOOD | {"history": {"train_loss": [1.0]}},
        GOOD | {"history": GOOD["history"] | {"seconds": 1.0}},
        GOOD | {"history": GOOD["history"] | {"seconds": [1.0, 2.0]}},
        GOOD | {"history": GOOD["history"] | {"train_loss": ["1"]}},
        GOOD | {"history": GOOD["history"] | {"train_loss": [10**400]}},
        GOOD | {"history": GOOD["history"] | {"train_loss": [math.nan]}},
    ],
)  # fmt: skip
def test_a_checkpoint_may_say_anything(digits, tmp_path, about):
    path = tmp_path / "state.safetensors"
    checkpoints.write(path, {"random": torch.get_rng_state()}, about)
    with pytest.raises(ValueError, match=r"state.safetensors is no checkpoint of a training; give"):
        train(digits, path)


@pytest.fixture
def saved(digits, tmp_path):
    """A checkpoint after one epoch: its path, its tensors and what it says."""
    train(digits, tmp_path / "a", epochs=1)
    return tmp_path / "a", *checkpoints.read(tmp_path / "a")


def test_a_single_changed_bit_of_a_checkpoint_is_noticed(digits, saved):
    path, _, about = saved
    data = bytearray(path.read_bytes())
    in_the_header = data.index(b"%r" % about["history"]["train_loss"][0]) + 3  # a digit of the loss
    for place in (-5000, in_the_header):
        data[place] ^= 1
        path.write_bytes(data)
        with pytest.raises(ValueError, match="is damaged: it holds other values than were saved"):
            train(digits, path, epochs=1)
        data[place] ^= 1


def without_digest(about):
    return {name: value for name, value in about.items() if name != "sha256"}


def test_a_checkpoint_of_an_earlier_release_is_gone_on_from(digits, saved):
    path, tensors, about = saved
    checkpoints.write(path, tensors, without_digest(about))
    assert len(train(digits, path, epochs=1)[1].train_loss) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"random": torch.zeros(3)}, {"random": torch.zeros(3, dtype=torch.uint8)},
        {"momentum.99": torch.zeros(3)}, {"momentum.x": torch.zeros(3)},
        {"momentum.0": torch.zeros(3, 5, 7, 9)}, {"model.layers.1.weight": torch.zeros(2)},
        {"averaged.more": torch.zeros(2)},
    ],
    ids=str,
)  # fmt: skip
def test_tensors_that_do_not_fit_are_those_of_another_model(digits, saved, change):
    path, tensors, about = saved
    checkpoints.write(path, tensors | change, without_digest(about))
    with pytest.raises(ValueError, match="is of another model; give another folder"):
        train(digits, path, epochs=1)


def test_a_validation_set_is_kept_to(digits, tmp_path):
    path, options = tmp_path / "a", OPTIONS | {"epochs": 1, "checkpoint": tmp_path / "a"}
    fit(network(), digits, **options)
    with pytest.raises(ValueError, match="was trained without a validation set; do the same"):
        fit(network(), digits, digits, **options)
    path.unlink()
    fit(network(), digits, digits, **options)
    with pytest.raises(ValueError, match="was trained with a validation set; do the same"):
        fit(network(), digits, **options)


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
