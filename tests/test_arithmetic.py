"""The arithmetic against PyTorch on thousands of geometries, and against the text's numbers."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnn_course.arithmetic import (
    conv_macs,
    conv_output_size,
    conv_parameters,
    receptive_field,
)

sides = st.integers(1, 40)
small = st.integers(1, 5)
maybe_pair = lambda numbers: st.one_of(numbers, st.tuples(numbers, numbers))  # noqa: E731


def shape_in_torch(call):
    """The last two sizes of what PyTorch gives, None where it refuses.

    On "meta", PyTorch 2.7 gives an empty map where it refuses with values.
    """
    try:
        shape = tuple(call().shape[-2:])
    except RuntimeError:
        return None
    return shape if all(shape) else None


def both(value):
    return value if isinstance(value, tuple) else (value, value)


@settings(max_examples=1000, deadline=None)
@given(
    maybe_pair(sides), maybe_pair(small), maybe_pair(small), maybe_pair(st.integers(0, 4)),
    maybe_pair(small),
)  # fmt: skip
def test_output_size_of_convolution(size, kernel_size, stride, padding, dilation):
    x = torch.empty(1, 1, *both(size), device="meta")
    weight = torch.empty(1, 1, *both(kernel_size), device="meta")
    expected = shape_in_torch(
        lambda: F.conv2d(x, weight, stride=stride, padding=padding, dilation=dilation)
    )
    arguments = (size, kernel_size, stride, padding, dilation)
    if expected is None:
        with pytest.raises(ValueError, match="no place"):
            conv_output_size(*arguments)
    else:
        found = conv_output_size(*arguments)
        assert both(found) == expected
        assert isinstance(found, tuple) == any(isinstance(a, tuple) for a in arguments)


@settings(max_examples=1000, deadline=None)
@given(maybe_pair(sides), small, small, st.integers(0, 2), small, st.booleans())
def test_output_size_of_pooling(size, kernel_size, stride, padding, dilation, ceil_mode):
    assume(2 * padding <= kernel_size)  # a rule of pooling, not of geometry
    x = torch.empty(1, 1, *both(size))
    expected = shape_in_torch(
        lambda: F.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode)
    )
    if expected is None:
        with pytest.raises(ValueError, match="no place"):
            conv_output_size(size, kernel_size, stride, padding, dilation, ceil_mode)
    else:
        found = conv_output_size(size, kernel_size, stride, padding, dilation, ceil_mode)
        assert both(found) == expected


@settings(max_examples=300, deadline=None)
@given(small, small, small, maybe_pair(small), st.booleans())
def test_parameters(groups, per_group_in, per_group_out, kernel_size, bias):
    channels = groups * per_group_in, groups * per_group_out
    layer = nn.Conv2d(*channels, kernel_size, bias=bias, groups=groups, device="meta")
    expected = sum(p.numel() for p in layer.parameters())
    assert conv_parameters(*channels, kernel_size, bias, groups) == expected


@settings(max_examples=300, deadline=None)
@given(
    maybe_pair(st.integers(8, 20)), small, small, maybe_pair(st.integers(1, 3)),
    st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.integers(1, 3),
)  # fmt: skip
def test_macs(size, c_in, c_out, kernel_size, stride, padding, dilation, groups):
    c_in, c_out = c_in * groups, c_out * groups
    layer = nn.Conv2d(c_in, c_out, kernel_size, stride, padding, dilation, groups, device="meta")
    with FlopCounterMode(display=False) as counter:
        layer(torch.empty(1, c_in, *both(size), device="meta"))
    macs = conv_macs(size, c_in, c_out, kernel_size, stride, padding, dilation, groups)
    assert 2 * macs == counter.get_total_flops()  # PyTorch counts product and sum apart


def test_the_worked_cases_of_the_text():
    assert conv_output_size(32, 3, stride=1, padding=1) == 32
    assert conv_output_size((32, 28), 2, stride=2) == (16, 14)
    assert conv_parameters(3, 16, 3) == 448
    assert conv_macs(1024, 3, 16, 3, padding=1) == 452_984_832


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"kernel_size": st.integers(1, 3), "stride": st.integers(1, 2)},
            optional={"padding": st.integers(0, 1), "dilation": st.integers(1, 2)},
        ),
        min_size=1,
        max_size=4,
    )
)
def test_receptive_field_is_where_the_gradient_is(layers):
    """A chain of one-channel convolutions with weights of 1, and the gradient of one place."""
    side = 80
    x = torch.ones(1, 1, side, side, dtype=torch.double, requires_grad=True)
    y = x
    for layer in layers:
        rest = {key: value for key, value in layer.items() if key != "kernel_size"}
        y = F.conv2d(y, torch.ones(1, 1, *[layer["kernel_size"]] * 2).double(), **rest)
    field = receptive_field(layers)[-1]
    place = y.shape[-1] // 2
    y[0, 0, place, place].backward()
    seen = x.grad[0, 0].any(0).nonzero().flatten()
    first = field.start + place * field.jump
    assert first >= 0
    assert first + field.size <= side
    assert (seen[0].item(), seen[-1].item()) == (first, first + field.size - 1)


def test_receptive_fields_of_chapter_01s_third_network():
    conv, pool = {"kernel_size": 3, "padding": 1}, {"kernel_size": 2, "stride": 2}
    fields = receptive_field([conv, pool, conv, pool, conv])
    assert [field.size for field in fields] == [3, 4, 8, 10, 18]
    assert fields[-1] == (18, 4, -7)
    assert receptive_field([{"kernel_size": (1, 3)}]) == [((1, 3), (1, 1), (0, 0))]
    assert receptive_field([]) == []


def test_whole_numbers_of_numpy_count():
    assert conv_output_size(np.int64(32), np.int32(3)) == 30


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((5, 7), ValueError, "spans 7 has no place in size=5 with padding=0"),
        ((5, 3, 1, 0, 3), ValueError, "spans 7"),
        ((5, 3, 0), ValueError, "stride=0: give 1 or more"),
        ((5, 3, 1, -1), ValueError, "padding=-1: give 0 or more"),
        ((5, 3, 1, 0, 0), ValueError, "dilation=0"),
        ((0, 1), ValueError, "size=0"),
        ((5, (3, 3, 3)), ValueError, r"kernel_size=\(3, 3, 3\).*pair"),
        ((5.0, 3), TypeError, "size=5.0: give a whole number"),
        ((5, 3, 1.5), TypeError, "stride=1.5"),
        ((5, "3"), TypeError, "kernel_size='3'"),
        ((5, True), TypeError, "kernel_size=True"),
        ((5, (3, None)), TypeError, "kernel_size=None"),
    ],
)
def test_impossible_geometry_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        conv_output_size(*arguments)


def test_impossible_channels_and_layers_are_named():
    with pytest.raises(ValueError, match="in_channels=3 is not divisible by groups=2"):
        conv_parameters(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match="out_channels=3 is not divisible by groups=2"):
        conv_macs(8, 4, 3, 3, groups=2)
    with pytest.raises(ValueError, match="strides"):
        receptive_field([{"kernel_size": 3, "strides": 2}])
    with pytest.raises(ValueError, match="kernel_size"):
        receptive_field([{"stride": 2}])


def test_it_does_without_torch():
    code = "import sys, cnn_course.arithmetic; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("layers", [[3, 3], ["conv"], [(3, 1)], [None], {"kernel_size": 3}])
def test_a_layer_of_a_receptive_field_is_a_dictionary(layers):
    with pytest.raises(TypeError, match="is no layer; give a list of dictionaries"):
        receptive_field(layers)
