"""Weights of 8 bits: off by half a step at most, a quarter of the size, and the same network."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnn_course import weight_files
from cnn_course.models import LeNet5, ModernCNN, load_model, save_model
from cnn_course.quantization import dequantize, from_int8, quantize, to_int8

ABOUT = {"in_channels": 3, "input_size": 32, "classes": [str(n) for n in range(10)]}


@given(
    shape=st.sampled_from([(1, 1), (4, 7), (3, 2, 1, 1), (5, 3, 3, 3), (2, 1, 5, 5)]),
    size=st.sampled_from([1e-6, 1.0, 1e6]),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_weight_is_off_by_half_a_step_at_most(shape, size, seed):
    weight = size * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    integers, scale = quantize(weight)
    assert integers.dtype == torch.int8
    assert integers.flatten(1).abs().amax(1).eq(127).all()  # every channel uses the whole range
    step = scale.view(-1, *[1] * (len(shape) - 1))
    assert ((dequantize(integers, scale) - weight).abs() <= 0.501 * step).all()


def test_a_channel_of_zeros_stays_zero():
    weight = torch.tensor([[0.0, 0.0], [0.5, -1.0]])
    integers, scale = quantize(weight)
    assert integers.tolist() == [[0, 0], [64, -127]]
    assert torch.allclose(dequantize(integers, scale), weight, atol=0.5 / 127)


def test_only_the_weights_of_layers_become_integers():
    state = ModernCNN().state_dict()
    small = to_int8(state)
    for name, tensor in state.items():
        is_layer = name.endswith("weight") and tensor.dim() > 1
        assert (small[name].dtype == torch.int8) == is_layer
        assert (f"{name}.scale" in small) == is_layer
    back = from_int8(small)
    assert list(back) == list(state)
    assert from_int8(state) == state  # and what has none is left alone


@pytest.mark.parametrize("model", [ModernCNN(), LeNet5(3, 32)], ids=["modern_cnn", "lenet5"])
def test_a_file_is_a_quarter_as_large_and_gives_nearly_the_same_logits(model, tmp_path):
    name = "modern_cnn" if isinstance(model, ModernCNN) else "lenet5"
    files = tmp_path / "float.safetensors", tmp_path / "int8.safetensors"
    for file, int8 in zip(files, (False, True), strict=True):
        save_model(file, model, name, ABOUT, int8=int8)
    assert files[1].stat().st_size < 0.31 * files[0].stat().st_size
    x = torch.rand(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        exact, rounded = (load_model(file)[0](x) for file in files)
    assert 0 < (exact - rounded).abs().max() < 0.05 * exact.abs().max()


def test_integers_without_a_scale_are_refused(tmp_path):
    file = tmp_path / "a.safetensors"
    tensors = to_int8(ModernCNN().state_dict())
    del tensors["layers.15.weight.scale"]
    weight_files.write(file, tensors, {"model": "modern_cnn", **ABOUT})
    with pytest.raises(ValueError, match="does not hold a model of this course"):
        load_model(file)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_integers(value):
    weight = torch.ones(3, 4)
    weight[1, 2] = value
    with pytest.raises(ValueError, match="weight has numbers that are not finite"):
        quantize(weight)
