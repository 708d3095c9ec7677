"""LeNet-5: sizes as in the paper and as printed today, each step between, and its own layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnn_course.models import LeNet5, build
from cnn_course.models.lenet5 import C3_TABLE, RBFOutput, ScaledTanh, Subsampling, TableConv2d


def size(model):
    return sum(p.numel() for p in model.parameters())


def test_parameters_of_the_modern_and_the_published_form():
    assert size(LeNet5()) == 61_706
    assert size(LeNet5.published()) == 60_000
    parts = [sum(p.numel() for p in layer.parameters()) for layer in LeNet5.published().layers]
    assert [n for n in parts if n] == [156, 12, 1_516, 32, 48_120, 10_164]


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({"initialisation": "xavier"}, 60_000),
        ({"output": "linear"}, 60_850),
        ({"connections": "full"}, 60_900),
        ({"pool": "average"}, 59_956),
        ({"activation": nn.ReLU}, 60_000),
        ({"batch_norm": True}, 60_000 + 2 * (6 + 16 + 120 + 84)),
    ],
)
def test_each_step_by_itself(changes, parameters):
    model = LeNet5.published(**changes)
    assert size(model) == parameters
    assert model(torch.rand(3, 1, 28, 28)).shape == (3, 10)


def test_all_steps_together_are_the_modern_form():
    model = LeNet5.published(
        connections="full",
        pool="max",
        activation=nn.ReLU,
        output="linear",
        initialisation="default",
    )
    assert str(model) == str(LeNet5())


def test_other_images_and_classes():
    assert LeNet5(3, 32, 7)(torch.rand(2, 3, 32, 32)).shape == (2, 7)
    assert build("lenet5", 3, 32, 100)(torch.rand(2, 3, 32, 32)).shape == (2, 100)
    assert LeNet5(input_size=12)(torch.rand(2, 1, 12, 12)).shape == (2, 10)


def test_the_table_is_the_papers():
    assert len(C3_TABLE) == 16
    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len({tuple(sorted(row)) for row in C3_TABLE}) == 16
    uses = [sum(i in row for row in C3_TABLE) for i in range(6)]
    assert uses == [10] * 6


def test_the_table_convolution_sees_the_maps_of_its_table_alone():
    layer = TableConv2d()
    nn.init.normal_(layer.weight)
    for i in range(6):
        x = torch.zeros(1, 6, 5, 5)
        x[:, i] = torch.rand(5, 5)
        seen = (layer(x)[0, :, 0, 0] != 0).nonzero().flatten().tolist()
        assert seen == [o for o, row in enumerate(C3_TABLE) if i in row]


def test_subsampling_is_the_scaled_sum_of_each_window():
    layer, x = Subsampling(2), torch.rand(1, 2, 4, 4)
    assert torch.allclose(layer(x), F.avg_pool2d(x, 2), atol=1e-6)
    with torch.no_grad():
        layer.weight.fill_(2.0)
        layer.bias.fill_(1.0)
    assert torch.allclose(layer(x), 2 * 4 * F.avg_pool2d(x, 2) + 1, atol=1e-5)


def test_scaled_tanh_maps_1_to_1():
    assert torch.allclose(
        ScaledTanh()(torch.tensor([1.0, -1.0, 0.0])), torch.tensor([1.0, -1, 0]), atol=1e-4
    )


def test_rbf_output_is_nearest_at_its_own_picture():
    layer = RBFOutput()
    assert layer.pictures.shape == (10, 84)
    assert set(layer.pictures.unique().tolist()) == {-1.0, 1.0}
    logits = layer(layer.pictures)
    assert torch.equal(logits.argmax(1), torch.arange(10))
    assert torch.equal(logits.diagonal(), torch.zeros(10))
    assert logits.fill_diagonal_(-1000).max() <= -4 * 8  # any two differ in 8 pixels or more
    assert not list(layer.parameters())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"pool": "min"}, "pool='min': give one of"),
        ({"connections": "some"}, "connections='some'"),
        ({"output": "softmax"}, "output='softmax'"),
        ({"initialisation": "lucky"}, "initialisation='lucky'"),
        ({"input_size": 11}, "input_size=11: LeNet-5 needs 12 or more"),
        ({"output": "rbf", "num_classes": 3}, "num_classes=3"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        LeNet5(**arguments)


def test_unknown_networks_are_named():
    with pytest.raises(ValueError, match="there is no model 'lenet6'; there are: mlp"):
        build("lenet6")
    with pytest.raises(ValueError, match="pictures of 10 digits"):
        build("lenet5-1998", num_classes=3)


def test_a_table_needs_grey_maps_of_any_size():
    assert LeNet5.published(in_channels=3, input_size=32)(torch.rand(1, 3, 32, 32)).shape == (1, 10)


def test_published_initialisation_has_the_papers_limits():
    torch.manual_seed(0)
    model = LeNet5.published()
    c1, c3 = model.layers[1], model.layers[5]
    assert 0.9 * 2.4 / 25 < c1.weight.abs().max() <= 2.4 / 25
    three, six = c3.weight[:3], c3.weight[-6:]
    assert 0.9 * 2.4 / 75 < three.abs().max() <= 2.4 / 75
    assert 0.9 * 2.4 / 150 < six.abs().max() <= 2.4 / 150
