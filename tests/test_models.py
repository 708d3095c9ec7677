"""The networks: sizes as the chapters print them, shapes, and the normalisation they carry."""

from functools import partial

import pytest
import torch
from torch import nn

from cnn_course.data import ImageSet
from cnn_course.models import (
    MLP,
    DeepCNN,
    FlattenCNN,
    GlobalPoolCNN,
    LeNet5,
    ModernCNN,
    Normalize,
    build,
)
from cnn_course.models.pretrained import CONSTRUCTORS
from cnn_course.names import MODELS


@pytest.mark.parametrize(
    ("network", "parameters"), [(MLP, 25_450), (FlattenCNN, 25_570), (GlobalPoolCNN, 25_142)]
)
def test_parameters_and_shape_of_the_output(network, parameters):
    model = network()
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert model(torch.rand(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("network", [MLP, FlattenCNN])
def test_another_size_of_image(network):
    model = network(in_channels=3, input_size=32, num_classes=4)
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 4)


@pytest.mark.parametrize("pool", ["max", "average", "stride"])
def test_each_way_to_halve_the_map_has_the_same_parameters(pool):
    model = FlattenCNN(pool=pool)
    assert sum(p.numel() for p in model.parameters()) == 25_570
    assert model.layers[:-2](torch.rand(2, 1, 28, 28)).shape == (2, 40, 7, 7)


def test_an_unknown_pool_is_named():
    with pytest.raises(ValueError, match="pool='min': give one of 'max', 'average', 'stride'"):
        FlattenCNN(pool="min")


def test_without_activation_and_maximum_the_network_is_linear():
    model = FlattenCNN(pool="stride", activation=nn.Identity).double()
    a, b = torch.rand(2, 1, 1, 28, 28, dtype=torch.float64)
    assert torch.allclose(model(a + b) + model(0 * a), model(a) + model(b))


def test_deep_network():
    model = DeepCNN(nn.Tanh, depth=12, width=8)
    assert sum(isinstance(layer, nn.Conv2d) for layer in model.layers) == 12
    assert sum(isinstance(layer, nn.Tanh) for layer in model.layers) == 12
    # 9·1·8 + 8, eleven times 9·8·8 + 8, and 14·14·8·10 + 10
    assert sum(p.numel() for p in model.parameters()) == 80 + 11 * 584 + 15_690
    assert model(torch.rand(2, 1, 28, 28)).shape == (2, 10)


def test_layers_can_be_sliced_to_look_inside():
    first_block = FlattenCNN().layers[:4]
    assert first_block(torch.rand(1, 1, 28, 28)).shape == (1, 16, 14, 14)


def test_global_pooling_takes_any_size():
    assert GlobalPoolCNN()(torch.rand(1, 1, 40, 23)).shape == (1, 10)


SMALLEST = {
    "mlp": 1, "flatten-cnn": 4, "global-pool-cnn": 4, "deep-cnn": 2, "lenet5": 12,
    "lenet5-1998": 12, "modern_cnn": 4,
}  # fmt: skip


def test_every_name_is_a_network():
    assert tuple(CONSTRUCTORS) == MODELS == tuple(SMALLEST)


@pytest.mark.parametrize(("name", "smallest"), SMALLEST.items())
def test_the_smallest_image_is_taken_and_a_smaller_one_named(name, smallest):
    for side in (smallest, smallest + 1):
        model = build(name, 3, side, 10)
        assert model(torch.rand(2, 3, side, side)).shape == (2, 10)
    for side in {0, -1, smallest - 1}:
        with pytest.raises(ValueError, match=f"input_size={side}: .* needs {smallest} or more"):
            build(name, 3, side, 10)


@pytest.mark.parametrize("name", SMALLEST)
def test_numbers_of_channels_and_classes_that_cannot_be(name):
    for value in (0, -1):
        with pytest.raises(ValueError, match=f"in_channels={value}: "):
            build(name, in_channels=value)
        with pytest.raises(ValueError, match=f"num_classes={value}: "):
            build(name, num_classes=value)
    for value in (28.0, "28", None):
        with pytest.raises(ValueError, match=f"input_size={value!r}: give a whole number"):
            build(name, input_size=value)


@pytest.mark.parametrize("network", [MLP, FlattenCNN, DeepCNN, LeNet5])
def test_the_constructors_refuse_alike(network):
    for sizes in ({"input_size": 0}, {"in_channels": 0}, {"num_classes": 0}):
        (name,) = sizes
        with pytest.raises(ValueError, match=f"{name}=0: .* needs"):
            network(**sizes)


@pytest.mark.parametrize("pool", ["max", "average", "stride"])
@pytest.mark.parametrize("side", [4, 5, 6, 7, 29])
def test_blocks_on_sizes_that_do_not_halve(pool, side):
    assert FlattenCNN(input_size=side, pool=pool)(torch.rand(2, 1, side, side)).shape == (2, 10)


def test_a_convolution_in_steps_takes_a_single_pixel():
    assert FlattenCNN(input_size=1, pool="stride")(torch.rand(2, 1, 1, 1)).shape == (2, 10)


def test_normalize_gives_mean_0_and_sd_1():
    pixels = torch.randint(256, (50, 3, 8, 8), dtype=torch.uint8)
    images = ImageSet("noise", pixels, torch.zeros(50, dtype=torch.int64), ("one",))
    layer = Normalize(3)
    layer.set_from(images)
    y = layer(pixels.float() / 255)
    assert torch.allclose(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(y.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)


def test_normalize_keeps_a_constant_channel_finite():
    black = ImageSet(
        "black", torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 0]), ("one",)
    )
    layer = Normalize(1)
    layer.set_from(black)
    assert layer(torch.zeros(1, 1, 4, 4)).eq(0).all()


def test_normalize_travels_with_the_weights():
    model = MLP()
    model.layers[0].mean.fill_(0.25)
    copy = MLP()
    copy.load_state_dict(model.state_dict())
    assert copy.layers[0].mean.item() == 0.25


def test_images_of_other_channels_are_refused():
    colour = ImageSet(
        "colour", torch.zeros(2, 3, 28, 28, dtype=torch.uint8), torch.tensor([0, 0]), ("one",)
    )
    with pytest.raises(ValueError, match="in_channels=3"):
        MLP().layers[0].set_from(colour)


@pytest.mark.parametrize(
    ("network", "sizes", "words"),
    [
        (MLP, {"hidden": 64}, "hidden=64: give a tuple of channels"),
        (MLP, {"hidden": (0,)}, "hidden=0: MLP needs 1 or more"),
        (MLP, {"hidden": (2.5,)}, "hidden=2.5: give a whole number"),
        (FlattenCNN, {"widths": ()}, r"widths=\(\): give a tuple"),
        (FlattenCNN, {"widths": 16}, "widths=16: give a tuple"),
        (FlattenCNN, {"widths": (8, -1)}, "widths=-1: FlattenCNN needs 1 or more"),
        (GlobalPoolCNN, {"widths": []}, r"widths=\[\]: give a tuple"),
        (GlobalPoolCNN, {"widths": "16"}, "widths='16': give a tuple"),
        (DeepCNN, {"width": -1}, "width=-1: DeepCNN needs 1 or more"),
        (DeepCNN, {"depth": 0}, "depth=0: DeepCNN needs 1 or more"),
        (ModernCNN, {"widths": 16}, "widths=16: give a tuple"),
        (ModernCNN, {"depths": 1}, "depths=1 and blocks=.*: give a tuple of each"),
        (ModernCNN, {"widths": (8, True)}, "widths=True: give a whole number"),
        (MLP, {"num_classes": True}, "num_classes=True: give a whole number"),
        (partial(build, "mlp"), {"num_classes": "ten"}, "num_classes='ten': give a whole number"),
        (partial(build, "mlp"), {"num_classes": 2001}, "2,001 classes are more than 2,000; give"),
        (LeNet5, {"in_channels": False}, "in_channels=False: give a whole number"),
    ],
)
def test_widths_that_cannot_be_are_named(network, sizes, words):
    with pytest.raises(ValueError, match=words):
        network(**sizes)


@pytest.mark.parametrize("network", [FlattenCNN, DeepCNN, LeNet5, ModernCNN])
@pytest.mark.parametrize("activation", [nn.ReLU(), torch.relu, "relu", None, int])
def test_an_activation_is_what_makes_a_layer(network, activation):
    with pytest.raises(ValueError, match=r"activation=.*: give what makes a layer, such as"):
        network(activation=activation)
    network(activation=lambda: nn.LeakyReLU(0.2))
