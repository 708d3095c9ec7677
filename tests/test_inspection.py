"""The layer table against PyTorch's own counts; receptive fields computed against measured."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnn_course.arithmetic import conv_macs, conv_parameters, receptive_field
from cnn_course.inspection import layer_table, measured_receptive_field
from cnn_course.models import MLP, DeepCNN, FlattenCNN, GlobalPoolCNN

NETWORKS = [MLP, FlattenCNN, GlobalPoolCNN, DeepCNN]
NETWORKS += [lambda pool=pool: FlattenCNN(pool=pool) for pool in ("average", "stride")]


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Sequential(nn.Conv2d(2, 4, 5, padding=2), nn.ReLU(inplace=True))
        self.narrow = nn.Conv2d(2, 4, 1)
        self.last = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        return self.last(self.wide(x) + self.narrow(x))


class Loose(nn.Module):
    """Work outside of the layers, a parameter of its own, a layer that is not called."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.used = nn.Conv2d(1, 3, 3)
        self.unused = nn.Linear(5, 7)

    def forward(self, x):
        y = self.used(x) * self.scale.view(-1, 1, 1)
        return y.flatten(2) @ y.flatten(2).transpose(1, 2)


@pytest.mark.parametrize(
    ("build", "shape"),
    [(network, (1, 28, 28)) for network in NETWORKS]
    + [
        (Residual, (2, 9, 11)),
        (Loose, (1, 9, 9)),
        (lambda: nn.Linear(6, 4), (1, 1, 6)),
        (lambda: nn.Conv2d(4, 6, (3, 1), 2, 1, groups=2), (4, 8, 9)),
    ],
)
def test_totals_are_pytorchs(build, shape):
    model = build()
    table = layer_table(model, shape)
    assert table.parameters == sum(p.numel() for p in model.parameters())
    with FlopCounterMode(display=False) as counter:
        model(torch.rand(1, *shape))
    assert table.macs == counter.get_total_flops() // 2


def test_rows_agree_with_the_arithmetic():
    table = layer_table(GlobalPoolCNN(), (1, 40, 24))
    rows = {row.name: row for row in table.rows}
    second = rows["layers.4"]
    assert second.kind == "Conv2d"
    assert second.output_shape == (32, 20, 12)
    assert second.parameters == conv_parameters(16, 32, 3)
    assert second.macs == conv_macs((20, 12), 16, 32, 3, padding=1)
    fields = [rows[f"layers.{i}"].receptive_field for i in (0, 1, 3, 4, 6, 7, 9, 11)]
    assert fields == [1, 3, 4, 8, 10, 18, "all", "all"]


def test_a_layer_used_twice_has_two_rows_and_its_parameters_once():
    conv = nn.Conv2d(2, 2, 3, padding=1)
    table = layer_table(nn.Sequential(conv, conv), (2, 8, 8))
    assert [row.parameters for row in table.rows] == [38, 0]
    assert [row.receptive_field for row in table.rows] == [3, 5]


def test_branches_take_the_largest_field():
    table = layer_table(Residual(), (2, 9, 9))
    fields = {row.name: row.receptive_field for row in table.rows}
    assert fields == {"wide.0": 5, "wide.1": 5, "narrow": 1, "last": 7}


def test_what_is_not_followed_is_left_open():
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3))
    assert [row.receptive_field for row in layer_table(model, (1, 8, 8)).rows] == [3, None, None]


def test_layers_without_a_call_and_work_outside_of_layers_are_shown():
    rows = {row.name: row for row in layer_table(Loose(), (1, 9, 9)).rows}
    assert rows["unused (not called)"].parameters == 42
    # The product of 3×49 and 49×3 is done by the model itself, which has a parameter of its own.
    assert rows["(model)"].macs == 3 * 3 * 49
    assert rows["(model)"].parameters == 3


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout()).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    layer_table(model, (1, 8, 8))
    measured_receptive_field(model, (1, 8, 8))
    assert all(layer.training == training for layer in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_hooks_go_and_modes_return_when_the_model_raises():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(5, 5))
    with pytest.raises(ValueError, match=r"does not take images of shape \(1, 8, 8\) \(.*shapes"):
        layer_table(model, (1, 8, 8))
    assert model.training
    assert not any(m._forward_hooks for m in model.modules())


def test_it_prints_in_columns_and_shows_as_html():
    table = layer_table(FlattenCNN(), (1, 28, 28))
    lines = repr(table).splitlines()
    assert lines[0].split() == [
        "layer",
        "kind",
        "output",
        "shape",
        "parameters",
        "MACs",
        "receptive",
        "field",
    ]
    assert lines[2].split() == ["layers.1", "Conv2d", "16×28×28", "160", "112,896", "3×3"]
    assert lines[-1].split() == ["total", "25,570", "1,261,456"]
    html = table._repr_html_()
    assert html.count("<tr>") == len(lines)
    assert "1,261,456" in html
    assert "<script" not in html


@st.composite
def chains(draw):
    """Some convolutions and average poolings, as modules and as the arithmetic has them."""
    layers = [
        {
            "kernel_size": draw(st.integers(1, 4)),
            "stride": draw(st.integers(1, 2)),
            "dilation": draw(st.integers(1, 2)),
        }
        for _ in range(draw(st.integers(1, 4)))
    ]
    return nn.Sequential(*[nn.Conv2d(1, 1, **layer) for layer in layers]), layers


@settings(max_examples=200, deadline=None)
@given(chains())
def test_measured_field_is_the_computed_one(chain):
    model, layers = chain
    computed = receptive_field(layers)[-1]
    side = computed.size + 3 * computed.jump
    measured = measured_receptive_field(model, (1, side, side + 2), place=(1, 2), samples=2)
    assert measured.size == (computed.size, computed.size)
    assert measured.start == (computed.jump, 2 * computed.jump)
    assert measured.gradient.shape == (side, side + 2)
    assert layer_table(model, (1, side, side)).rows[-1].receptive_field == computed.size


def test_relu_and_maxima_hide_nothing_over_many_images():
    part = GlobalPoolCNN().layers[:9]
    assert measured_receptive_field(part, (1, 28, 28)).size == (18, 18)


def test_it_ends_at_the_border():
    part = GlobalPoolCNN().layers[:9]
    assert measured_receptive_field(part, (1, 28, 28), place=(0, 0)).size == (11, 11)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: layer_table(MLP(), (28, 28)), r"input_shape=\(28, 28\): give \(channels"),
        (lambda: layer_table(MLP(), (1, 28, 0)), "input_shape"),
        (lambda: measured_receptive_field(MLP(), (1, 28, 28)), "ends in a map"),
        (
            lambda: measured_receptive_field(nn.Conv2d(1, 1, 3), (1, 8, 8), place=(6, 0)),
            r"place=\(6, 0\) is not in the map of 6×6",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_frozen_parameters_are_no_obstacle():
    frozen = nn.Conv2d(1, 1, 3).requires_grad_(False)
    assert measured_receptive_field(frozen, (1, 8, 8)).size == (3, 3)


@pytest.mark.parametrize("shape", [28, (28, 28), (1, 28.0, 28), (1, 0, 28), None, "1,2"])
def test_an_input_shape_is_three_whole_numbers(shape):
    with pytest.raises(ValueError, match=r"input_shape=.*: give \(channels, height, width\)"):
        layer_table(MLP(), shape)
    layer_table(MLP(), np.array([1, 28, 28]))


@pytest.mark.parametrize("place", [9, (0, 9), (-1, 0), (0.5, 1), (1, 2, 3)])
def test_a_place_is_in_the_map(place):
    with pytest.raises((ValueError, TypeError), match=r"place=.*give"):
        measured_receptive_field(nn.Conv2d(1, 1, 3), (1, 8, 8), place=place)


@pytest.mark.parametrize(
    ("samples", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError)]
)
def test_a_field_is_measured_on_one_image_or_more(samples, error):
    with pytest.raises(error, match=f"samples={samples}: give"):
        measured_receptive_field(nn.Conv2d(1, 1, 3), (1, 8, 8), samples=samples)
