"""Checkpoints: training goes on from them as if undisturbed, and never from what is damaged."""

import math

import pytest
import torch

from cnn_course import weight_files
from cnn_course.augmentation import Augment
from cnn_course.data import load
from cnn_course.history import History
from cnn_course.models import LeNet5
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


def test_a_file_that_is_no_checkpoint_is_named(digits, tmp_path):
    path = tmp_path / "state.safetensors"
    weight_files.write(path, {"a": torch.ones(1)}, {"model": "lenet5"})
    with pytest.raises(ValueError, match="is no checkpoint of a training"):
        train(digits, path)


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
    weight_files.write(path, {"random": torch.get_rng_state()}, about)
    with pytest.raises(ValueError, match=r"state.safetensors is no checkpoint of a training; give"):
        train(digits, path)


@pytest.fixture
def saved(digits, tmp_path):
    """A checkpoint after one epoch: its path, its tensors and what it says."""
    train(digits, tmp_path / "a", epochs=1)
    return tmp_path / "a", *weight_files.read(tmp_path / "a")


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
    weight_files.write(path, tensors, without_digest(about))
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
    weight_files.write(path, tensors | change, without_digest(about))
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
