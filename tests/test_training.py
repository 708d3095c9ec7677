"""The training loop: it learns, it repeats itself from a seed, and it refuses what cannot be."""

import math
from contextlib import contextmanager, suppress
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from cnn_course import exporting, training
from cnn_course.data import ImageSet, load
from cnn_course.devices import choose_device, on_device
from cnn_course.models import MLP, LeNet5
from cnn_course.training import (
    _groups,
    confusion,
    count_steps,
    evaluate,
    fit,
    one_cycle,
    predict,
)


@pytest.fixture(scope="module")
def digits():
    return load("mnist-sample", "validation")


def seeded_mlp(seed=0):
    torch.manual_seed(seed)
    return MLP()


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_fit_learns_the_digits(digits):
    model = seeded_mlp()
    history = fit(model, digits, digits, epochs=10)
    assert history.validation_accuracy[-1] > 0.95
    assert history.train_loss[-1] < history.train_loss[0] / 4
    assert len(history.train_loss) == len(history.validation_loss) == len(history.seconds) == 10


def test_the_seed_decides_whatever_ran_before(digits):
    first, second, other = seeded_mlp(), seeded_mlp(), seeded_mlp()
    fit(first, digits, epochs=1, seed=1)
    torch.rand(17)
    fit(second, digits, epochs=1, seed=1)
    fit(other, digits, epochs=1, seed=2)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


def test_looking_at_validation_changes_nothing(digits):
    watched, unwatched = seeded_mlp(), seeded_mlp()
    fit(watched, digits, digits, epochs=2)
    fit(unwatched, digits, epochs=2)
    assert torch.equal(weights(watched), weights(unwatched))


def test_one_step_is_that_of_nesterov_momentum(digits):
    """Two full-batch steps, against the update of Sutskever et al. 2013 as PyTorch states it."""
    model, reference = seeded_mlp(), seeded_mlp()
    fit(model, digits, epochs=2, batch_size=len(digits), lr=0.1, momentum=0.9)
    reference.layers[0].set_from(digits)
    x, rates = digits.images.float() / 255, []
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 2, cycle_momentum=False)
    velocity = [torch.zeros_like(p) for p in reference.parameters()]
    for _ in range(2):
        rates.append(optimizer.param_groups[0]["lr"])
        loss = torch.nn.functional.cross_entropy(reference(x), digits.labels)
        gradients = torch.autograd.grad(loss, list(reference.parameters()))
        for p, v, g in zip(reference.parameters(), velocity, gradients, strict=True):
            v.mul_(0.9).add_(g)
            p.data -= rates[-1] * (g + 0.9 * v)
        optimizer.step()
        schedule.step()
    assert torch.allclose(weights(model), weights(reference), atol=1e-5)


def test_no_epochs_changes_no_weight(digits):
    model = seeded_mlp()
    before = weights(model)
    assert fit(model, digits, epochs=0).train_loss == []
    assert torch.equal(before, weights(model))


def test_evaluate_counts_right_answers(digits):
    model = seeded_mlp()
    logits = predict(model, digits, batch_size=7)
    right = sum(
        int(row.argmax()) == label
        for row, label in zip(logits, digits.labels.tolist(), strict=True)
    )
    result = evaluate(model, digits)
    assert result.accuracy == right / len(digits)
    assert math.isclose(
        result.loss, torch.nn.functional.cross_entropy(logits, digits.labels).item(), rel_tol=1e-5
    )


def test_predict_is_in_evaluation_mode(digits):
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), MLP())
    model.train()
    assert torch.equal(predict(model, digits), predict(model, digits))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", -1), ("batch_size", 0), ("lr", float("nan")), ("lr", 0.0), ("lr", -1.0),
        ("seed", -1), ("seed", 2**64),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_named(digits, setting, value):
    with pytest.raises(ValueError, match=f"{setting}={value}"):
        fit(seeded_mlp(), digits, **{setting: value})


def test_an_empty_set_is_refused():
    empty = ImageSet(
        "empty", torch.zeros(0, 1, 28, 28, dtype=torch.uint8), torch.zeros(0).long(), ("one",)
    )
    with pytest.raises(ValueError, match="empty has no image"):
        fit(seeded_mlp(), empty)
    with pytest.raises(ValueError, match="empty has no image"):
        evaluate(seeded_mlp(), empty)


def test_a_loss_that_is_not_finite_stops_with_its_step(digits):
    with pytest.raises(FloatingPointError, match=r"step \d+ of epoch 1.*lr=1e\+30"):
        fit(seeded_mlp(), digits, epochs=1, lr=1e30)


def test_the_device_is_chosen_in_order(monkeypatch):
    default = "cuda" if torch.cuda.is_available() else "cpu"
    monkeypatch.setenv("CNN_COURSE_DEVICE", "cpu")
    assert choose_device().type == "cpu"
    assert choose_device("").type == "cpu"
    monkeypatch.setenv("CNN_COURSE_DEVICE", "")  # as a container's settings have it
    assert choose_device().type == choose_device("").type == default
    monkeypatch.delenv("CNN_COURSE_DEVICE")
    assert choose_device().type == default
    monkeypatch.setenv("CNN_COURSE_DEVICE", "moon")
    assert choose_device("cpu").type == choose_device(torch.device("cpu")).type == "cpu"
    with pytest.raises(ValueError, match=r"device 'moon' \(CNN_COURSE_DEVICE\) cannot be used"):
        choose_device()


class Traveller(nn.Linear):
    """A model without a GPU to go to: it notes where it is sent."""

    def to(self, device):
        self.places = [*getattr(self, "places", []), str(device)]
        return self


def test_a_model_comes_back_from_the_device_whatever_happens_there():
    model = Traveller(1, 1)
    with suppress(FloatingPointError), on_device(model, torch.device("cuda")):
        assert model.places == ["cuda"]
        raise FloatingPointError
    assert model.places == ["cuda", "cpu"]
    with on_device(nn.ReLU(), torch.device("cpu")):
        pass  # nothing to move


def test_what_computes_brings_the_model_back(monkeypatch, digits, tmp_path):
    calls = []
    monkeypatch.setenv("CNN_COURSE_DEVICE", "cpu")

    @contextmanager
    def on_device(model, device):
        calls.append("there")
        yield
        calls.append("back")

    for module in (training, exporting):
        monkeypatch.setattr(module, "on_device", on_device)
    model = seeded_mlp()
    for compute in (
        lambda: fit(model, digits, epochs=1),
        lambda: predict(model, digits),
        lambda: evaluate(model, digits),
        lambda: exporting.to_onnx(model, (1, 28, 28), tmp_path / "mlp.onnx"),
    ):
        calls.clear()
        compute()
        assert calls == ["there", "back"]
        assert not model.training


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("home", ["cpu", "cuda"])
def test_a_model_takes_images_from_where_it_was_after_all_that_is_done_to_it(
    home, digits, monkeypatch, tmp_path
):
    monkeypatch.setenv("CNN_COURSE_DEVICE", "cuda")
    torch.manual_seed(0)
    model, images = LeNet5().to(home), digits.images[:2].to(home) / 255
    fit(model, digits, digits, epochs=8, average=0.9)
    model(images)
    assert evaluate(model, digits).accuracy > 0.5
    model(images)
    exporting.to_onnx(model, (1, 28, 28), tmp_path / "lenet5.onnx")
    model(images)


@pytest.mark.parametrize(
    "device",
    ["graphics", "gpu", "cuda:99", "cuda:-1", "cuda:99999999999", "meta", "CPU", "cpu ", " ",
     "mkldnn", "opengl", "hpu", "xla", "mtia", "fpga", 99],
)  # fmt: skip
def test_a_device_that_is_not_there_is_named(device, recwarn):
    with pytest.raises(ValueError, match=f"device '.*{device}'.* cannot be used here; try 'cpu'"):
        choose_device(device)
    assert not recwarn.list


class Sizes(torch.nn.Module):
    """A linear model that writes down how many images each training step has."""

    def __init__(self):
        super().__init__()
        self.linear, self.seen = torch.nn.Linear(784, 10), []

    def forward(self, x):
        if self.training:
            self.seen.append(len(x))
        return self.linear(x.flatten(1))


@pytest.mark.parametrize(
    ("images", "batch_size", "sizes"),
    [
        (65, 64, [65]), (129, 64, [64, 65]), (130, 64, [64, 64, 2]), (128, 64, [64, 64]),
        (3, 2, [3]), (5, 2, [2, 3]), (4, 2, [2, 2]), (1, 64, [1]), (3, 1, [1, 1, 1]),
        (2, 2**70, [2]),
    ],
)  # fmt: skip
def test_a_single_image_that_is_left_joins_the_step_before(digits, images, batch_size, sizes):
    model, steps = Sizes(), []
    history = fit(
        model, digits.subset(torch.arange(images)), epochs=2, batch_size=batch_size, device="cpu",
        report=lambda step, total, loss, history: steps.append((step, total)),
    )  # fmt: skip
    assert model.seen == sizes * 2
    assert count_steps(images, batch_size) == len(sizes)
    assert steps[-1] == (2 * len(sizes), 2 * len(sizes))
    assert len(history.train_loss) == 2


@pytest.mark.parametrize(("images", "batch_size"), [(65, 64), (129, 64), (5, 2), (3, 2)])
def test_batch_normalization_never_meets_a_single_image(digits, images, batch_size):
    images = digits.subset(torch.arange(images))
    history = fit(LeNet5(batch_norm=True), images, images, epochs=2, batch_size=batch_size)
    assert math.isfinite(history.validation_loss[-1])


@pytest.mark.parametrize(("images", "batch_size"), [(1, 64), (4, 1), (1, 1)])
def test_batch_normalization_cannot_learn_from_single_images(digits, images, batch_size):
    with pytest.raises(ValueError, match=r"from one image at a time .* give two images or more"):
        fit(LeNet5(batch_norm=True), digits.subset(torch.arange(images)), batch_size=batch_size)
    fit(LeNet5(), digits.subset(torch.arange(images)), batch_size=batch_size, epochs=1)


def test_a_validation_loss_that_is_not_finite_stops_too(digits):
    """The last step of all may be the one that ruins the weights."""
    few = digits.subset(torch.arange(10))
    with pytest.raises(FloatingPointError, match=r"the loss is \w+ on validation after epoch 1"):
        fit(seeded_mlp(), few, few, epochs=1, lr=1e38)


@pytest.mark.parametrize("steps", [2, 3, 10, 441])
def test_one_cycle_is_pytorchs(steps):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.1, total_steps=steps, cycle_momentum=False
    )
    for step in range(steps):
        assert one_cycle(step, steps, 0.1) == pytest.approx(schedule.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        if step < steps - 1:
            schedule.step()


def test_weight_decay_spares_biases_and_normalizations():
    decaying, spared = _groups(LeNet5(batch_norm=True), 0.1)
    assert decaying["weight_decay"] == 0.1
    assert "weight_decay" not in spared
    assert sorted(p.numel() for p in decaying["params"]) == [150, 840, 2_400, 10_080, 48_000]
    assert len(spared["params"]) == 5 + 2 * 4  # biases, and the two vectors of each norm


def test_weight_decay_and_label_smoothing_reach_the_step(digits):
    """One step of all images at once, against PyTorch's own."""
    images = digits.subset(torch.arange(64))
    model, copy = seeded_mlp(), seeded_mlp()
    options = {"weight_decay": 0.3, "label_smoothing": 0.2, "momentum": 0.0}
    fit(model, images, epochs=1, batch_size=64, lr=0.1, device="cpu", **options)
    copy.layers[0].set_from(images)
    loss = torch.nn.functional.cross_entropy(
        copy(images.images / 255), images.labels, label_smoothing=0.2
    )
    loss.backward()
    rate = one_cycle(0, 1, 0.1)
    for old, new in zip(copy.parameters(), model.parameters(), strict=True):
        decay = 0.3 * old if old.dim() > 1 else 0
        assert torch.allclose(new, old - rate * (old.grad + decay), atol=1e-6)


def test_the_average_is_that_of_the_weights_after_each_step(digits):
    seen = []

    model = seeded_mlp()
    start = [p.detach().clone() for p in model.parameters()]

    def report(step, steps, loss, history):
        if len(seen) < step:
            seen.append([p.detach().clone() for p in model.parameters()])

    fit(model, digits, epochs=2, batch_size=100, average=0.8, report=report, device="cpu")
    assert len(seen) == 10
    expected = start
    for step, now in enumerate(seen):
        keep = min(0.8, (1 + step) / (10 + step))
        expected = [keep * a + (1 - keep) * b for a, b in zip(expected, now, strict=True)]
    for a, b in zip(expected, model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_bfloat16_learns_too(digits):
    model = seeded_mlp()
    history = fit(model, digits, digits, epochs=5, bf16=True, device="cpu")
    assert history.validation_accuracy[-1] > 0.85
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_augment_is_given_bytes_and_the_model_what_it_gives(digits):
    kinds = set()

    def augment(images):
        kinds.add(images.dtype)
        return torch.zeros(images.shape)

    model = seeded_mlp()
    history = fit(model, digits, epochs=1, augment=augment, device="cpu")
    assert kinds == {torch.uint8}
    assert history.train_loss[0] > 2  # there is nothing to learn from black images


@pytest.mark.parametrize("disabled", [False, True])
def test_a_bar_shows_the_steps_where_it_is_asked_for(digits, disabled, monkeypatch, capfd):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    if disabled:
        monkeypatch.setenv("TQDM_DISABLE", "1")
    watched, unwatched = seeded_mlp(), seeded_mlp()
    fit(unwatched, digits, digits, epochs=2, batch_size=100, device="cpu")
    assert capfd.readouterr() == ("", "")
    history = fit(watched, digits, digits, epochs=2, batch_size=100, device="cpu", progress=True)
    said = capfd.readouterr()
    assert said.out == ""
    assert ("0/10" in said.err) != disabled
    assert (f"accuracy={history.validation_accuracy[-1]:.1%}" in said.err) != disabled
    assert torch.equal(weights(watched), weights(unwatched))


def test_history_draws_what_it_holds(digits):
    history = fit(seeded_mlp(), digits, digits, epochs=3, device="cpu")
    left, right = history.plot()
    assert left.lines[0].get_ydata().tolist() == history.train_loss
    assert left.lines[1].get_ydata().tolist() == history.validation_loss
    assert right.lines[0].get_ydata().tolist() == [100 * a for a in history.validation_accuracy]
    left, right = fit(seeded_mlp(), digits, epochs=2, device="cpu").plot()
    assert len(left.lines) == 1
    assert not right.lines
    plt.close("all")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("momentum", 1.0), ("label_smoothing", -0.1), ("average", 1.0), ("weight_decay", -1.0),
        ("weight_decay", math.inf), ("momentum", math.nan),
    ],
)  # fmt: skip
def test_more_settings_that_cannot_be_are_named(digits, setting, value):
    with pytest.raises(ValueError, match=f"{setting}="):
        fit(seeded_mlp(), digits, epochs=1, **{setting: value})


def test_settings_may_be_numbers_of_any_library(digits, tmp_path):
    """And a checkpoint of them goes on with plain ones."""
    few, plain = digits.subset(torch.arange(40)), seeded_mlp()
    kinds = {
        "epochs": np.int64(2), "batch_size": torch.tensor(8), "lr": np.float32(0.25),
        "momentum": torch.tensor(0.5), "weight_decay": np.float64(0.125), "seed": np.uint8(3),
        "average": np.float16(0.5), "label_smoothing": Fraction(1, 4), "bf16": np.bool_(False),
    }  # fmt: skip
    numbers = {
        "epochs": 2, "batch_size": 8, "lr": 0.25, "momentum": 0.5, "weight_decay": 0.125,
        "average": 0.5, "label_smoothing": 0.25, "bf16": False, "seed": 3,
    }  # fmt: skip
    fit(seeded_mlp(), few, few, checkpoint=str(tmp_path / "state"), device="cpu", **kinds)
    fit(plain, few, few, device="cpu", **numbers)
    found = seeded_mlp()
    history = fit(found, few, few, checkpoint=tmp_path / "state", device="cpu", **numbers)
    assert len(history.train_loss) == 2
    assert all(
        torch.equal(*pair) for pair in zip(found.parameters(), plain.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"epochs": "3"}, TypeError, "epochs='3': give a whole number"),
        ({"epochs": None}, TypeError, "epochs=None: give"),
        ({"epochs": 1.0}, TypeError, "epochs=1.0: give"),
        ({"batch_size": True}, TypeError, "batch_size=True: give"),
        ({"seed": 2.5}, TypeError, "seed=2.5: give"),
        ({"lr": "0.1"}, TypeError, "lr='0.1': give a number"),
        ({"lr": None}, TypeError, "lr=None: give a number"),
        ({"lr": True}, TypeError, "lr=True: give a number"),
        ({"bf16": "False"}, TypeError, "bf16='False': give True or False"),
        ({"momentum": [0.9]}, TypeError, r"momentum=\[0.9\]: give a number"),
        ({"average": torch.ones(2)}, TypeError, "average=.*: give a number"),
        ({"weight_decay": 10**400}, TypeError, "weight_decay=1000.*: give a number"),
        ({"lr": 1e39}, ValueError, r"lr=1e\+39: give a learning rate above 0, and 1e\+38 at most"),
        ({"weight_decay": 1e39}, ValueError, r"weight_decay=1e\+39: give 0 to 1e\+38"),
        ({"weight_decay": math.nan}, ValueError, "weight_decay=nan"),
    ],
)
def test_settings_that_are_no_such_numbers_are_named(digits, settings, error, words):
    with pytest.raises(error, match=words):
        fit(seeded_mlp(), digits, **({"epochs": 1} | settings))


def test_images_and_labels_have_to_fit_the_model(digits):
    few = digits.subset(torch.arange(20))
    colour = ImageSet("colour", torch.zeros(4, 3, 32, 32).byte(), torch.zeros(4).long(), ("a",))
    plain = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    takes_none = r"the model does not take images of shape \(3, 32, 32\) \(mat1 and mat2 shapes"
    for call in (
        lambda: fit(plain, colour, epochs=1),
        lambda: fit(plain, few, colour, epochs=1),
        lambda: evaluate(plain, colour),
        lambda: predict(plain, colour),
    ):
        with pytest.raises(ValueError, match=takes_none):
            call()
    for model, shape in (
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 4)), r"\(20, 4\)"),
        (nn.Conv2d(1, 10, 28), r"\(20, 10, 1, 1\)"),
        (nn.Flatten(0), r"\(15680,\)"),
    ):
        words = f"for 20 images the model gives the shape {shape}; give one whose logits are"
        with pytest.raises(ValueError, match=words):
            evaluate(model, few)
    with pytest.raises(ValueError, match="the model gives the shape"):
        fit(nn.Sequential(nn.Flatten(), nn.Linear(784, 4)), few, epochs=1)
    with pytest.raises(ValueError, match="batch_size=0: give 1 or more"):
        evaluate(plain, few, batch_size=0)


def test_a_model_that_cannot_learn_is_named(digits):
    few, model = digits.subset(torch.arange(20)), seeded_mlp()
    with torch.no_grad(), pytest.raises(ValueError, match=r"no weight .* outside of torch.no_grad"):
        fit(model, few, epochs=1)
    with pytest.raises(ValueError, match="no weight of the model can learn"):
        fit(model.requires_grad_(False), few, epochs=1)
    model.layers[-1].requires_grad_(True)
    fit(model, few, epochs=1)


class Viewing(nn.Module):
    """A network as many write it: `view` wants the plain order in memory."""

    def __init__(self, lazy=False):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.linear = nn.LazyLinear(10) if lazy else nn.Linear(4 * 28 * 28, 10)

    def forward(self, x):
        return self.linear(self.convolution(x).relu().view(len(x), -1))


@pytest.mark.parametrize("lazy", [False, True])
def test_a_network_may_use_view_and_lazy_layers(digits, lazy):
    model = Viewing(lazy)
    fit(model, digits, digits, epochs=4, device="cpu")
    assert evaluate(model, digits, device="cpu").accuracy > 0.7
    assert model(digits.images[:2] / 255).shape == (2, 10)
    plain = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))
    fit(plain, digits, epochs=1, device="cpu")
    assert plain[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_what_is_wrong_in_a_network_is_told_in_its_own_words(digits):
    class Wrong(nn.Module):
        def __init__(self, error):
            super().__init__()
            self.linear, self.error = nn.Linear(784, 10), error

        def forward(self, x):
            self.error()
            return self.linear(x.flatten(1))

    def own():
        raise ValueError("the channel order of my filter bank is not set")

    few = digits.subset(torch.arange(20))
    with pytest.raises(ValueError, match=r"^the channel order of my filter bank is not set$"):
        predict(Wrong(own), few)
    with pytest.raises(RuntimeError, match=r"^shape '"):
        fit(Wrong(lambda: torch.zeros(3).view(2, 2)), few, epochs=1)


def test_grey_images_are_not_taken_for_colour_and_bytes_not_for_floats(digits):
    few = digits.subset(torch.arange(20))
    for call in (
        lambda: evaluate(MLP(in_channels=3), few),
        lambda: LeNet5(3)(few.images / 255),
        lambda: LeNet5(3)(torch.zeros(28, 28)),
    ):
        with pytest.raises(ValueError, match=r"takes images with 3 channel\(s\), and these have"):
            call()
    with pytest.raises(ValueError, match=r"images are torch.uint8; give a tensor of floats in"):
        LeNet5()(few.images)
    with pytest.raises(ValueError, match=r"augment gives torch.uint8; let it give floats in"):
        fit(LeNet5(), few, epochs=1, augment=lambda x: x)
    with pytest.raises(ValueError, match="for 20 images the model gives the shape"):
        fit(LeNet5(), few, epochs=1, augment=lambda x: x[:3] / 255)


def test_what_is_no_network_or_no_images_is_named(digits):
    few = digits.subset(torch.arange(4))
    for images in (few.images, torch.utils.data.Subset(few, range(2)), "mnist-sample", None):
        for call in (fit, predict, evaluate):
            with pytest.raises(TypeError, match=r"the images are a .*; give an ImageSet"):
                call(MLP(), images)
    for call in (fit, predict, evaluate):
        with pytest.raises(TypeError, match=r"the model is <class .*; give a network, such as"):
            call(MLP, few)
    with pytest.raises(ValueError, match="has no image"):
        fit(MLP(), few, few.subset(torch.arange(0)))
    with pytest.raises(ValueError, match="the model has no weights"):
        fit(nn.Flatten(), few)
    with pytest.raises(ValueError, match=r"the model gives the shape \(\)"):
        predict(nn.MaxPool2d(2, return_indices=True), few)


def test_a_checkpoint_without_a_folder_is_told_before_the_first_epoch(digits, tmp_path):
    few, told = digits.subset(torch.arange(20)), []
    for path, words in (
        (tmp_path / "none" / "state", "there is no folder .*none; make it"),
        (tmp_path, "is no file; give another"),
    ):
        with pytest.raises(FileNotFoundError, match=words):
            fit(MLP(), few, epochs=1, checkpoint=path, report=lambda *_: told.append(1))
    assert not told


def test_weight_decay_spares_biases_of_any_shape():
    published = LeNet5.published()
    biases = [p for name, p in published.named_parameters() if name.endswith("bias")]
    _, spared = _groups(published, 0.1)
    assert {id(p) for p in biases} <= {id(p) for p in spared["params"]}
    assert {p.dim() for p in biases} == {1, 3}


def test_the_average_takes_a_shared_layer_once(digits):
    class Shared(nn.Module):
        def __init__(self, names):
            super().__init__()
            torch.manual_seed(0)
            self.first, self.last = nn.Linear(784, 784), nn.Linear(784, 10)
            for name in names:
                setattr(self, name, self.first)

        def forward(self, x):
            return self.last(self.first(x.flatten(1)).relu())

    once, twice = Shared(()), Shared(("again", "and_again"))
    for model in (once, twice):
        fit(model, digits, epochs=2, average=0.9, device="cpu")
    assert torch.equal(once.first.weight, twice.first.weight)


@pytest.mark.parametrize(
    ("answers", "labels"),
    [
        (torch.tensor([5]), torch.tensor([0])), (torch.tensor([0]), torch.tensor([3])),
        (torch.tensor([-1]), torch.tensor([1])), (torch.tensor([0, 1, 2]), torch.tensor([1])),
        (torch.rand(2, 3), torch.tensor([1, 2])), ([0, 1], torch.tensor([1, 2])),
        (torch.tensor([1.0]), torch.tensor([1])),
    ],
)  # fmt: skip
def test_a_confusion_of_classes_that_are_not_there_is_refused(answers, labels):
    with pytest.raises(ValueError, match=r"(answers|labels).*; give|give two tensors"):
        confusion(answers, labels, 3)


def test_a_confusion_counts_small_types_too():
    labels = torch.arange(30).byte()
    assert torch.equal(confusion(labels, labels, 30), torch.eye(30).long())
