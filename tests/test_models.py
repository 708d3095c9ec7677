"""The networks: sizes as the chapters print them, shapes, and the normalisation they carry."""

import pytest
import torch
from torch import nn

from cnn_course.data import ImageSet
from cnn_course.models import MLP, DeepCNN, FlattenCNN, GlobalPoolCNN, Normalize


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
