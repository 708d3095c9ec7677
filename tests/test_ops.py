"""Convolution and pooling against PyTorch on random configurations, values and gradients."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from cnn_course import ops

few = st.integers(1, 3)
maybe_pair = lambda numbers: st.one_of(numbers, st.tuples(numbers, numbers))  # noqa: E731
widths = st.sampled_from([torch.float32, torch.float64])
TOLERANCE = {
    torch.float32: 1e-5, torch.float64: 1e-12, torch.float16: 2e-3, torch.bfloat16: 1.6e-2,
    torch.complex64: 1e-5, torch.complex128: 1e-12,
}  # fmt: skip
WHOLE = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
REFUSED = [torch.bool, torch.uint16, torch.float8_e4m3fn]
TYPES = [*TOLERANCE, *WHOLE, *REFUSED]
types = st.sampled_from(TYPES)


def noise(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def of_type(values, dtype):
    """Random numbers of any type, whole and larger than most types where it is of whole numbers."""
    return (1000 * values).round().long().to(dtype) if dtype in WHOLE else values.to(dtype)


def same_or_both_refuse(ours, theirs, dtype):
    """Equal results, or an error of ours, a sentence, where PyTorch refuses too."""
    try:
        expected = theirs()
    except (RuntimeError, TypeError) as error:
        kinds = TypeError if isinstance(error, TypeError) else (ValueError, RuntimeError)
        with pytest.raises(kinds, match=r"give |must be|needs") as refused:
            ours()
        assert "\n" not in str(refused.value)
        return
    found = ours()
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if dtype in TOLERANCE:
        rounding = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
        assert torch.allclose(found, expected, **rounding, equal_nan=True)
    else:
        assert torch.equal(found, expected)


@st.composite
def convolutions(draw, most=9, of=widths):
    """Arguments of conv2d: any groups, strides, paddings, dilations, bias, one image or many."""
    groups, dtype = draw(few), draw(of)
    c_in, c_out = groups * draw(few), groups * draw(few)
    batch = draw(st.sampled_from([(), (0,), (1,), (2,)]))
    sides = draw(st.integers(1, most)), draw(st.integers(1, most))
    x = of_type(noise(*batch, c_in, *sides), dtype)
    weight = of_type(noise(c_out, c_in // groups, draw(few), draw(few), seed=1), dtype)
    bias = of_type(noise(c_out, seed=2), dtype) if draw(st.booleans()) else None
    padding = draw(st.one_of(maybe_pair(st.integers(0, 3)), st.sampled_from(["valid", "same"])))
    stride = 1 if padding == "same" else draw(maybe_pair(few))
    return x, weight, bias, stride, padding, draw(maybe_pair(few)), groups


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(max_examples=1000, deadline=None)
@given(convolutions())
def test_conv2d_is_torch_conv2d(arguments):
    dtype = arguments[0].dtype
    same_or_both_refuse(lambda: ops.conv2d(*arguments), lambda: F.conv2d(*arguments), dtype)


@pytest.mark.filterwarnings("ignore:Using padding='same'", "ignore:Casting complex")
@settings(max_examples=700, deadline=None)
@given(convolutions(of=types))
def test_conv2d_takes_the_types_of_torch_conv2d(arguments):
    dtype = arguments[0].dtype
    assume(len(arguments[0]) or dtype in TOLERANCE)  # of nothing torch takes every type
    same_or_both_refuse(lambda: ops.conv2d(*arguments), lambda: F.conv2d(*arguments), dtype)


@pytest.mark.filterwarnings("ignore:Using padding='same'", "ignore:Casting complex")
@settings(max_examples=200, deadline=None)
@given(convolutions(most=5, of=types))
def test_conv2d_loops_is_torch_conv2d(arguments):
    dtype = arguments[0].dtype
    assume(len(arguments[0]) or dtype in TOLERANCE)
    same_or_both_refuse(lambda: ops.conv2d_loops(*arguments), lambda: F.conv2d(*arguments), dtype)


both_of_ours = pytest.mark.parametrize("ours", [ops.conv2d, ops.conv2d_loops])


@both_of_ours
@pytest.mark.parametrize("other", ["weight", "bias"])
def test_unlike_types_are_refused(ours, other):
    """In every pair of types: never converted in silence, and never cut off."""
    taken = [dtype for dtype in TYPES if dtype not in REFUSED]
    for first in taken:
        for second in taken:
            x, weight, bias = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), torch.ones(1)
            types = {"weight": (first, second, first), "bias": (first, first, second)}[other]
            tensors = [t.to(dtype) for t, dtype in zip((x, weight, bias), types, strict=True)]
            if first == second:
                assert torch.equal(ours(*tensors), F.conv2d(*tensors))
                continue
            with pytest.raises(RuntimeError):
                F.conv2d(*tensors)
            with pytest.raises(RuntimeError, match=f"{first} and {other} of {second}; give all"):
                ours(*tensors)


@both_of_ours
@pytest.mark.parametrize("dtype", WHOLE)
def test_whole_numbers_wrap_around_as_in_torch(ours, dtype):
    info = torch.iinfo(dtype)
    x = torch.tensor([info.max, info.min, info.max // 2, 3]).to(dtype).view(1, 1, 2, 2)
    weight = torch.tensor([info.max, 5, 3, info.min]).to(dtype).view(1, 1, 2, 2)
    bias = torch.tensor([info.max]).to(dtype)
    for arguments in ((x, weight), (x, weight, bias), (x, weight, bias, 1, 1)):
        assert torch.equal(ours(*arguments), F.conv2d(*arguments))


@both_of_ours
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_floats_overflow_as_in_torch(ours, dtype):
    large = torch.full((1, 4, 1, 1), 0.6 * torch.finfo(dtype).max).to(dtype)
    for signs in ([1, 1, 1, 1], [-1, -1, -1, -1], [1, 0, 0, 0]):
        weight = torch.tensor(signs).to(dtype).view(1, 4, 1, 1)
        assert torch.equal(ours(large, weight), F.conv2d(large, weight))


@both_of_ours
def test_infinities_and_nan_reach_the_outputs_that_read_them(ours):
    for value in (torch.inf, -torch.inf, torch.nan):
        x = noise(1, 2, 6, 6)
        x[0, 1, 2, 3] = value
        arguments = (x, noise(3, 2, 3, 3, seed=1), None, 1, 1)
        found, expected = ours(*arguments), F.conv2d(*arguments)
        assert torch.allclose(found, expected, equal_nan=True)
        assert found.isfinite().sum() == 3 * (36 - 9)


@both_of_ours
@pytest.mark.parametrize(
    ("x", "weight"),
    [
        ((0, 2, 4, 4), (3, 2, 2, 2)),
        ((1, 2, 4, 4), (0, 2, 2, 2)),
        ((1, 0, 4, 4), (0, 0, 2, 2)),
        ((1, 2, 4, 4), (3, 2, 0, 2)),
        ((1, 2, 0, 4), (3, 2, 2, 2)),
        ((2, 4, 0), (3, 2, 2, 2)),
    ],
)
def test_what_is_empty_gives_what_torch_gives(ours, x, weight):
    for bias in (None, torch.ones(weight[0])):
        tensors = torch.ones(x), torch.ones(weight), bias
        same_or_both_refuse(lambda: ours(*tensors), lambda: F.conv2d(*tensors), torch.float32)  # noqa: B023


@both_of_ours
def test_of_no_channels_the_sum_is_the_bias(ours):
    """Torch forgets the kernels there, and gives no channel at all."""
    weight, bias = torch.ones(3, 0, 2, 2), torch.tensor([1.0, 2.0, 3.0])
    assert torch.equal(ours(torch.ones(1, 0, 4, 4), weight), torch.zeros(1, 3, 3, 3))
    found = ours(torch.ones(0, 4, 4), weight, bias)
    assert torch.equal(found, bias.view(3, 1, 1).expand(3, 3, 3))


@both_of_ours
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.int64])
def test_autocast_is_followed(ours, dtype):
    x, weight, bias = (of_type(t, dtype) for t in (noise(1, 2, 5, 5), noise(3, 2, 3, 3), noise(3)))
    with torch.autocast("cpu", torch.bfloat16):
        same_or_both_refuse(
            lambda: ours(x, weight, bias), lambda: F.conv2d(x, weight, bias), torch.bfloat16
        )
        mixed = x.bfloat16(), weight, bias
        same_or_both_refuse(lambda: ours(*mixed), lambda: F.conv2d(*mixed), torch.bfloat16)


SPECIAL = [torch.inf, -torch.inf, torch.nan, 0.0, -0.0]


@st.composite
def poolings(draw, of=widths, special=False):
    """An image with equal values in it, kernel, stride, padding, and ceil_mode."""
    batch = draw(st.sampled_from([(), (0,), (1,), (2,)]))
    dtype = draw(of)
    x = noise(*batch, 2, draw(st.integers(1, 12)), draw(st.integers(1, 12))).round(decimals=1)
    x = of_type(x, dtype)
    if special:  # up to all of the image
        values = SPECIAL if dtype in TOLERANCE else [torch.iinfo(dtype).min, torch.iinfo(dtype).max]
        values = torch.tensor(draw(st.lists(st.sampled_from(values), min_size=1))).to(dtype)
        share = torch.rand(x.shape, generator=torch.Generator().manual_seed(7))
        which = (100 * share).long() % len(values)
        x = torch.where(share < draw(st.sampled_from([0.1, 0.5, 1.0])), values[which], x)
    stride = draw(st.one_of(st.none(), maybe_pair(few)))
    padding = draw(maybe_pair(st.integers(0, 2)))
    return x, draw(maybe_pair(st.integers(1, 4))), stride, padding, draw(st.booleans())


@settings(max_examples=1000, deadline=None)
@given(poolings(), maybe_pair(few))
def test_max_pool2d_is_torch_max_pool2d(arguments, dilation):
    x, kernel_size, stride, padding, ceil_mode = arguments
    rest = (kernel_size, stride, padding, dilation, ceil_mode)
    same_or_both_refuse(lambda: ops.max_pool2d(x, *rest), lambda: F.max_pool2d(x, *rest), x.dtype)


ordered = [torch.float32, torch.float64, torch.float16, torch.bfloat16, *WHOLE]


@settings(max_examples=700, deadline=None)
@given(poolings(of=st.sampled_from(ordered), special=True), maybe_pair(few))
def test_indices_of_max_pool2d(arguments, dilation):
    """In images with infinities, nan and the smallest numbers: the values and indices of torch's.

    The first of equal values, the last nan, counted in the image without its padding.
    """
    x, kernel_size, stride, padding, ceil_mode = arguments
    rest = (kernel_size, stride, padding, dilation, ceil_mode, True)
    try:
        values, indices = F.max_pool2d(x, *rest)
    except RuntimeError:
        return  # a geometry that the test of the values has seen refused
    ours, our_indices = ops.max_pool2d(x, *rest)
    assert torch.equal(ours.isnan(), values.isnan())
    assert torch.equal(ours.nan_to_num(nan=5), values.nan_to_num(nan=5))
    assert ours.dtype == values.dtype
    assert our_indices.dtype == indices.dtype
    assert torch.equal(our_indices, indices)


@settings(max_examples=300, deadline=None)
@given(poolings(of=types), st.booleans())
def test_pooling_takes_the_types_of_torchs(arguments, include):
    x, *rest = arguments
    assume(len(x) or x.dtype in TOLERANCE)
    dtype, with_one = x.dtype, (*rest[:3], 1, rest[3])
    same_or_both_refuse(
        lambda: ops.max_pool2d(x, *with_one), lambda: F.max_pool2d(x, *with_one), dtype
    )
    for divisor in (None, 3):
        more = (*rest, include, divisor)
        same_or_both_refuse(lambda: ops.avg_pool2d(x, *more), lambda: F.avg_pool2d(x, *more), dtype)  # noqa: B023


@settings(max_examples=800, deadline=None)
@given(poolings(), st.booleans(), st.sampled_from([None, None, 3, -2]))
def test_avg_pool2d_is_torch_avg_pool2d(arguments, count_include_pad, divisor):
    x, *rest = arguments
    rest = (*rest, count_include_pad, divisor)
    same_or_both_refuse(lambda: ops.avg_pool2d(x, *rest), lambda: F.avg_pool2d(x, *rest), x.dtype)


@settings(max_examples=300, deadline=None)
@given(
    poolings(of=st.sampled_from([*ordered[:4], torch.int64]), special=True),
    st.booleans(),
    st.sampled_from([None, None, 3, -2]),
)
def test_averages_of_infinities_nan_and_the_largest_numbers(arguments, count_include_pad, divisor):
    x, *rest = arguments
    rest = (*rest, count_include_pad, divisor)
    same_or_both_refuse(lambda: ops.avg_pool2d(x, *rest), lambda: F.avg_pool2d(x, *rest), x.dtype)


@pytest.mark.parametrize(
    ("value", "dtype", "side", "kernel_size"),
    [
        (3e4, torch.float16, 4, 4),
        (1, torch.float16, 300, 300),
        (0.1, torch.float16, 100, 100),
        (3, torch.bfloat16, 27, 27),
        (1, torch.bfloat16, 40, (40, 33)),
        (3e38, torch.bfloat16, 1, 1),
        (2**60 + 1, torch.int64, 2, 2),
        (2**62, torch.int64, 4, 4),
        (-7, torch.int64, 3, (1, 2)),
    ],
)
@pytest.mark.parametrize("divisor", [None, 7])
def test_averages_neither_overflow_nor_round_their_counts(value, dtype, side, kernel_size, divisor):
    x = torch.full((1, 1, side, side), value, dtype=dtype)
    for padding in (0, 1) if side > 1 else (0,):
        arguments = (
            x,
            kernel_size,
            1,
            0 if kernel_size == (1, 2) else padding,
            False,
            True,
            divisor,
        )
        assert torch.equal(ops.avg_pool2d(*arguments), F.avg_pool2d(*arguments))


@pytest.mark.parametrize("shape", [(0, 2, 4, 4), (1, 0, 4, 4), (0, 4, 4), (1, 2, 0, 4), (2, 4, 0)])
def test_pooling_of_what_is_empty_gives_what_torch_gives(shape):
    x = torch.ones(shape)
    for ours, theirs in [(ops.max_pool2d, F.max_pool2d), (ops.avg_pool2d, F.avg_pool2d)]:
        same_or_both_refuse(lambda: ours(x, 2), lambda: theirs(x, 2), x.dtype)  # noqa: B023


PAIRS = [
    2, (2, 1), [2], (2,), [1, 2], torch.Size([2, 1]), np.int64(2), np.uint8(2), torch.tensor(2),
    torch.tensor([2]), (np.int64(2), torch.tensor(1)), (), None, (1, 1, 1), [1, 1, 1, 1], 2.0,
    True, "2", np.array([2, 1]), torch.tensor([2, 1]), torch.tensor(2.0), {1, 2}, (2, None),
    (1.5, 1), 0, (1, 0), -1,
]  # fmt: skip


@pytest.mark.parametrize("value", PAIRS, ids=repr)
@pytest.mark.parametrize("name", ["stride", "padding", "dilation", "kernel_size"])
def test_pairs_are_taken_as_torch_takes_them(name, value):
    """An int, or one or two of them in a tuple or list; everything else is refused by name."""
    x, weight = noise(1, 1, 9, 9), noise(1, 1, 3, 3)
    calls = [
        lambda library, value: library.conv2d(x, weight, **{name: value}),
        lambda library, value: library.max_pool2d(x, **{"kernel_size": 4, name: value}),
        lambda library, value: library.avg_pool2d(x, **{"kernel_size": 4, name: value}),
    ]
    number = isinstance(value, torch.Tensor) and value.numel() == 1 and value.dtype == torch.int64
    to_torch = value.item() if number else value  # PyTorch 2.7 takes tensors in pairs alone
    for call in calls[name == "kernel_size" : 2 if name == "dilation" else 3]:
        ours, theirs = partial(call, ops, value), partial(call, F, to_torch)
        same_or_both_refuse(ours, theirs, x.dtype)


@pytest.mark.parametrize(
    "groups", [1, np.int64(1), torch.tensor(1), 2, 0, -1, 1.0, True, None, "1"]
)
def test_groups_are_taken_as_torch_takes_them(groups):
    x, weight = noise(1, 2, 4, 4), noise(2, 2, 2, 2)
    same_or_both_refuse(
        lambda: ops.conv2d(x, weight, groups=groups),
        lambda: F.conv2d(x, weight, groups=groups),
        x.dtype,
    )


@pytest.mark.parametrize("divisor", [2, -3, np.int64(2), torch.tensor(2), 0, 2.0, True, "2"])
def test_divisors_are_taken_as_torch_takes_them(divisor):
    for x in (noise(1, 2, 4, 4), torch.arange(32).view(1, 2, 4, 4)):
        same_or_both_refuse(
            lambda: ops.avg_pool2d(x, 2, divisor_override=divisor),  # noqa: B023
            lambda: F.avg_pool2d(x, 2, divisor_override=divisor),  # noqa: B023
            x.dtype,
        )


@pytest.mark.parametrize(
    "call",
    [
        lambda library, no: library.conv2d(no, torch.ones(1, 1, 2, 2)),
        lambda library, no: library.conv2d(torch.ones(1, 1, 2, 2), no),
        lambda library, no: library.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), no),
        lambda library, no: library.max_pool2d(no, 2),
        lambda library, no: library.avg_pool2d(no, 2),
        lambda library, no: library.relu(no),
    ],
)
@pytest.mark.parametrize("no", [np.ones((1, 1, 4, 4)), [[[1.0]]], 3, "image"], ids=repr)
def test_what_is_no_tensor_is_refused(call, no):
    with pytest.raises(TypeError, match=f"is of type {type(no).__name__}; give a tensor"):
        call(ops, no)


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


@pytest.mark.parametrize("dtype", TYPES)
def test_relu_is_torch_relu(dtype):
    x = of_type(
        torch.cat([noise(50), torch.tensor(SPECIAL if dtype in TOLERANCE else [0.0])]), dtype
    )
    same_or_both_refuse(lambda: ops.relu(x), lambda: F.relu(x), dtype)
    same_or_both_refuse(lambda: ops.relu(x[:0]), lambda: F.relu(x[:0]), dtype)


def test_the_gradient_of_relu_at_zero_is_zero():
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
        (lambda x, w: ops.conv2d(x, w, stride=(1, 1, 1)), r"stride=\(1, 1, 1\): give"),
        (lambda x, w: ops.conv2d(x, w, dilation=[1, 2, 3]), r"dilation=\[1, 2, 3\]: give"),
        (lambda x, w: ops.max_pool2d(x, (2, 2, 2)), r"kernel_size=\(2, 2, 2\): give"),
        (lambda x, w: ops.avg_pool2d(x, 2, padding=(0, 0, 0)), r"padding=\(0, 0, 0\): give"),
        (lambda x, w: ops.conv2d(x, w[:0]), r"weight has shape \(0, 2, 3, 3\).*one kernel or more"),
        (lambda x, w: ops.conv2d(x, w, groups=0), "groups=0: give 1 or more"),
        (lambda x, w: ops.max_pool2d(x[:, :0], 2), r"\(1, 0, 5, 5\); give one channel or more"),
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
