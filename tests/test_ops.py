"""Convolution and pooling against PyTorch on random configurations, values and gradients."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cnn_course import ops

few = st.integers(1, 3)
maybe_pair = lambda numbers: st.one_of(numbers, st.tuples(numbers, numbers))  # noqa: E731
widths = st.sampled_from([torch.float32, torch.float64])
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def noise(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def same_or_both_refuse(ours, theirs, dtype):
    """Equal results, or a ValueError of ours where PyTorch refuses too."""
    try:
        expected = theirs()
    except RuntimeError:
        with pytest.raises(ValueError, match=r"[a-z]"):
            ours()
        return
    found = ours()
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@st.composite
def convolutions(draw, most=9):
    """Arguments of conv2d: any groups, strides, paddings, dilations, bias, one image or many."""
    groups, dtype = draw(few), draw(widths)
    c_in, c_out = groups * draw(few), groups * draw(few)
    batch = draw(st.sampled_from([(), (0,), (1,), (2,)]))
    x = noise(*batch, c_in, draw(st.integers(1, most)), draw(st.integers(1, most)), dtype=dtype)
    weight = noise(c_out, c_in // groups, draw(few), draw(few), dtype=dtype, seed=1)
    bias = draw(st.sampled_from([None, noise(c_out, dtype=dtype, seed=2)]))
    padding = draw(st.one_of(maybe_pair(st.integers(0, 3)), st.sampled_from(["valid", "same"])))
    stride = 1 if padding == "same" else draw(maybe_pair(few))
    return x, weight, bias, stride, padding, draw(maybe_pair(few)), groups


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(max_examples=2000, deadline=None)
@given(convolutions())
def test_conv2d_is_torch_conv2d(arguments):
    dtype = arguments[0].dtype
    same_or_both_refuse(lambda: ops.conv2d(*arguments), lambda: F.conv2d(*arguments), dtype)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(max_examples=150, deadline=None)
@given(convolutions(most=5))
def test_conv2d_loops_is_torch_conv2d(arguments):
    dtype = arguments[0].dtype
    same_or_both_refuse(lambda: ops.conv2d_loops(*arguments), lambda: F.conv2d(*arguments), dtype)


@st.composite
def poolings(draw):
    """An image with equal values in it, kernel, stride, padding, and ceil_mode."""
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    x = noise(*batch, 2, draw(st.integers(1, 12)), draw(st.integers(1, 12)), dtype=draw(widths))
    stride = draw(st.one_of(st.none(), maybe_pair(few)))
    padding = draw(maybe_pair(st.integers(0, 2)))
    return (
        x.round(decimals=1),
        draw(maybe_pair(st.integers(1, 4))),
        stride,
        padding,
        draw(st.booleans()),
    )


@settings(max_examples=2000, deadline=None)
@given(poolings(), maybe_pair(few))
def test_max_pool2d_is_torch_max_pool2d(arguments, dilation):
    x, kernel_size, stride, padding, ceil_mode = arguments
    rest = (kernel_size, stride, padding, dilation, ceil_mode)
    same_or_both_refuse(lambda: ops.max_pool2d(x, *rest), lambda: F.max_pool2d(x, *rest), x.dtype)


@settings(max_examples=1000, deadline=None)
@given(poolings(), maybe_pair(few))
def test_indices_of_max_pool2d(arguments, dilation):
    """The first of equal values, counted in the image without its padding."""
    x, kernel_size, stride, padding, ceil_mode = arguments
    rest = (kernel_size, stride, padding, dilation, ceil_mode, True)
    try:
        values, indices = F.max_pool2d(x, *rest)
    except RuntimeError:
        return  # a geometry that the test of the values has seen refused
    ours, our_indices = ops.max_pool2d(x, *rest)
    assert torch.equal(ours, values)
    assert our_indices.dtype == indices.dtype
    # A window of nothing but padding has no place; PyTorch, too, gives one outside the image.
    assert torch.equal(our_indices[values.isfinite()], indices[values.isfinite()])


@settings(max_examples=2000, deadline=None)
@given(poolings(), st.booleans(), st.sampled_from([None, None, 3, -2]))
def test_avg_pool2d_is_torch_avg_pool2d(arguments, count_include_pad, divisor):
    x, *rest = arguments
    rest = (*rest, count_include_pad, divisor)
    same_or_both_refuse(lambda: ops.avg_pool2d(x, *rest), lambda: F.avg_pool2d(x, *rest), x.dtype)


def gradients(function, *tensors):
    tensors = [t.clone().requires_grad_() for t in tensors]
    output = function(*tensors)
    return torch.autograd.grad((output * noise(*output.shape, seed=5)).sum(), tensors)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(max_examples=300, deadline=None)
@given(convolutions())
def test_gradients_of_conv2d(arguments):
    x, weight, bias, *rest = arguments
    x, weight = x.double(), weight.double()
    bias = noise(len(weight)) if bias is not None else None
    assume(x.numel() > 0)
    tensors = (x, weight) if bias is None else (x, weight, bias)

    def call(function):
        return lambda x, w, b=None: function(x, w, b, *rest)

    try:
        expected = gradients(call(F.conv2d), *tensors)
    except RuntimeError:
        return  # a geometry that the tests of the values have seen refused
    for ours, theirs in zip(gradients(call(ops.conv2d), *tensors), expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-10)


@settings(max_examples=300, deadline=None)
@given(poolings())
def test_gradients_of_pooling(arguments):
    """With equal values in a window too: the gradient goes to the first of them, as in PyTorch."""
    x, kernel_size, stride, padding, ceil_mode = arguments
    for ours, theirs, rest in [
        (ops.max_pool2d, F.max_pool2d, (kernel_size, stride, padding, 1, ceil_mode)),
        (ops.avg_pool2d, F.avg_pool2d, (kernel_size, stride, padding, ceil_mode, False)),
    ]:
        try:
            (expected,) = gradients(lambda x: theirs(x, *rest), x.double())  # noqa: B023
        except RuntimeError:
            continue
        (found,) = gradients(lambda x: ours(x, *rest), x.double())  # noqa: B023
        assert torch.allclose(found, expected, atol=1e-10)


def test_gradcheck_by_finite_differences():
    x, weight, bias = noise(2, 4, 5, 6), noise(6, 2, 3, 2, seed=1), noise(6, seed=2)
    tensors = [t.requires_grad_() for t in (x, weight, bias)]
    assert torch.autograd.gradcheck(
        lambda x, w, b: ops.conv2d(x, w, b, stride=(2, 1), padding=1, dilation=(1, 2), groups=2),
        tensors,
    )
    assert torch.autograd.gradcheck(lambda x: ops.max_pool2d(x, 2, ceil_mode=True), x)
    assert torch.autograd.gradcheck(lambda x: ops.avg_pool2d(x, 3, 2, 1), x)
    assert torch.autograd.gradcheck(ops.relu, x)


def test_images_that_are_no_plain_block_of_memory():
    weight = noise(3, 2, 3, 3, seed=1)
    for x in (
        noise(2, 2, 8, 8).to(memory_format=torch.channels_last),
        noise(2, 2, 8, 8).transpose(2, 3),
        noise(2, 2, 16, 16)[:, :, 1::2, ::2],
        noise(1, 2, 8, 8).expand(4, -1, -1, -1),
    ):
        assert torch.allclose(ops.conv2d(x, weight), F.conv2d(x, weight))
        assert torch.allclose(ops.max_pool2d(x, 2), F.max_pool2d(x, 2))
        turned = weight.to(memory_format=torch.channels_last)
        assert torch.allclose(ops.conv2d(x, turned), F.conv2d(x, weight))
        x = x.detach().requires_grad_()
        (ours,) = torch.autograd.grad(ops.conv2d(x, weight).sum(), x)
        (theirs,) = torch.autograd.grad(F.conv2d(x, weight).sum(), x)
        assert torch.allclose(ours, theirs)


def test_not_a_number_stays_visible():
    x = noise(1, 1, 4, 4)
    x[0, 0, 1, 1] = torch.nan
    for ours, theirs in [(ops.max_pool2d, F.max_pool2d), (ops.avg_pool2d, F.avg_pool2d)]:
        assert torch.equal(ours(x, 2).isnan(), theirs(x, 2).isnan())
    assert torch.equal(ops.relu(x).isnan(), F.relu(x).isnan())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_relu_is_torch_relu(dtype):
    x = torch.cat([noise(50), torch.tensor([0.0, -0.0, torch.inf, -torch.inf])]).to(dtype)
    assert torch.equal(ops.relu(x), F.relu(x))
    for function in (ops.relu, F.relu):
        at_zero = torch.zeros(1, requires_grad=True)
        function(at_zero).backward()
        assert at_zero.grad.item() == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, w: ops.conv2d(x[:, :1], w), "1 channels do not fit.*groups=1"),
        (lambda x, w: ops.conv2d(x, w, groups=2), "groups=2"),
        (lambda x, w: ops.conv2d(x, w, torch.zeros(4)), r"bias has shape \(4,\); give \(3,\)"),
        (lambda x, w: ops.conv2d(x, w[0]), r"weight has shape \(2, 3, 3\)"),
        (lambda x, w: ops.conv2d(x[0, 0], w), r"input has shape \(5, 5\)"),
        (lambda x, w: ops.conv2d(x, w, padding=-1), "padding=-1: give 0 or more"),
        (lambda x, w: ops.conv2d(x, w, dilation=4), "spans 9 has no place in size=5"),
        (lambda x, w: ops.conv2d(x, w, stride=0), "stride=0"),
        (lambda x, w: ops.conv2d(x, w, padding="full"), "padding='full'"),
        (lambda x, w: ops.conv2d(x, w, stride=2, padding="same"), "needs stride=1"),
        (lambda x, w: ops.max_pool2d(x, 2, padding=2), r"padding=\(2, 2\) is more than half"),
        (lambda x, w: ops.avg_pool2d(x, 6), "spans 6 has no place"),
        (lambda x, w: ops.avg_pool2d(x, 2, divisor_override=0), "divisor_override=0"),
    ],
)
def test_what_does_not_fit_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(noise(1, 2, 5, 5), noise(3, 2, 3, 3))
