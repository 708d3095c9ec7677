"""The layers from scratch against PyTorch on random configurations, values and gradients."""

import itertools
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
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def of_type(values, dtype):
    """Random numbers of any type, whole and larger than most types where it is of whole numbers."""
    return (1000 * values).round().long().to(dtype) if dtype in WHOLE else values.to(dtype)


def same_or_both_refuse(ours, theirs, dtype):
    """Equal results, or an error of ours, a sentence, where PyTorch refuses too."""
    try:
        expected = theirs()
    except (RuntimeError, TypeError, ValueError) as error:
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
@settings(max_examples=400, deadline=None)
@given(convolutions())
def test_conv2d_is_torch_conv2d(arguments):
    dtype = arguments[0].dtype
    same_or_both_refuse(lambda: ops.conv2d(*arguments), lambda: F.conv2d(*arguments), dtype)


@pytest.mark.filterwarnings("ignore:Using padding='same'", "ignore:Casting complex")
@settings(max_examples=400, deadline=None)
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


@settings(max_examples=400, deadline=None)
@given(poolings(), maybe_pair(few))
def test_max_pool2d_is_torch_max_pool2d(arguments, dilation):
    x, kernel_size, stride, padding, ceil_mode = arguments
    rest = (kernel_size, stride, padding, dilation, ceil_mode)
    same_or_both_refuse(lambda: ops.max_pool2d(x, *rest), lambda: F.max_pool2d(x, *rest), x.dtype)


ordered = [torch.float32, torch.float64, torch.float16, torch.bfloat16, *WHOLE]


@settings(max_examples=400, deadline=None)
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


@settings(max_examples=400, deadline=None)
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


# ---------------------------------------------------------------- dropout and batch normalization


def seeded(function, *arguments, **options):
    torch.manual_seed(3)
    return function(*arguments, **options)


probabilities = st.one_of(st.sampled_from([0, 1, 0.0, 0.5, 1.0, True]), st.floats(0, 1))
shapes = st.lists(st.integers(0, 5), max_size=5).map(tuple)


@settings(max_examples=300, deadline=None)
@given(shapes, types, probabilities, st.booleans(), st.booleans())
def test_dropout_is_torch_dropout(shape, dtype, p, training, inplace):
    """The same numbers are dropped, since the draws of a seed are the same."""
    x = of_type(noise(*shape), dtype)
    # Where there is nothing to draw, torch does not ask for the type.
    assume((dtype in TOLERANCE and not dtype.is_complex) or (p != 1 and x.numel()))
    arguments = (p, training, inplace)
    same_or_both_refuse(
        lambda: seeded(ops.dropout, x.clone(), *arguments),
        lambda: seeded(F.dropout, x.clone(), *arguments),
        dtype,
    )


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_a_share_and_the_mean(p):
    kept = seeded(ops.dropout, torch.ones(200_000), p)
    assert set(kept.tolist()) == {0.0, torch.tensor(1 / (1 - p)).item()}
    five_sd = 5 * (p * (1 - p) / 200_000) ** 0.5
    assert abs((kept > 0).double().mean() - (1 - p)) < five_sd
    assert abs(kept.double().mean() - 1) < five_sd / (1 - p)


def test_dropout_draws_for_each_number_and_each_call_anew():
    first, again = (ops.dropout(torch.ones(50, 40)) for _ in range(2))
    assert not torch.equal(first, again)
    assert len({tuple(row) for row in (first > 0).tolist()}) == 50


@settings(max_examples=100, deadline=None)
@given(shapes, st.floats(0, 1), st.booleans(), st.booleans())
def test_the_gradient_of_dropout_is_dropped_at_the_same_places(shape, p, training, inplace):
    def call(function):
        return lambda x: seeded(function, x * 1, p, training, inplace)

    for ours, theirs in zip(
        gradients(call(ops.dropout), noise(*shape)),
        gradients(call(F.dropout), noise(*shape)),
        strict=True,
    ):
        assert torch.allclose(ours, theirs)


def test_dropout_leaves_its_input_alone_unless_it_is_asked_not_to():
    x = torch.ones(100)
    assert ops.dropout(x, 0) is x
    assert ops.dropout(x, training=False) is x
    assert (ops.dropout(x) == 0).any()
    assert (x == 1).all()
    assert ops.dropout(x, inplace=True) is x
    assert (x == 0).any()


@pytest.mark.parametrize("p", [-0.1, 1.5, None, "0.5", np.float32(0.5), torch.nan, torch.inf, [0]])
@pytest.mark.parametrize("training", [True, False])
def test_what_dropout_takes(p, training):
    x = noise(20)
    same_or_both_refuse(
        lambda: seeded(ops.dropout, x, p, training),
        lambda: seeded(F.dropout, x, p, training),
        x.dtype,
    )


@pytest.mark.parametrize("flag", [1, 0, None, "yes", np.True_, torch.tensor(True)], ids=repr)
def test_training_is_true_or_false_as_in_torch(flag):
    x, mean, var = noise(4, 3), noise(3), noise(3).abs()
    for library in (ops, F):
        with pytest.raises(TypeError):
            library.dropout(x, training=flag)
        with pytest.raises(TypeError):
            library.batch_norm(x, mean, var, training=flag)


@st.composite
def normalizations(draw, of=widths):
    """Arguments of batch_norm: what there is of statistics, weight and bias, and both modes."""
    dtype, few = draw(of), st.integers(1, 4)  # what is empty has a test of its own
    shape = (draw(few), draw(few), *draw(st.lists(few, max_size=3)))
    x = of_type(3 * noise(*shape) + 2, dtype)
    half = dtype in (torch.float16, torch.bfloat16)
    other = torch.float32 if half and draw(st.booleans()) else dtype
    vectors = [of_type(noise(shape[1], seed=seed), other) for seed in range(4)]
    vectors[1] = vectors[1].abs() if other in TOLERANCE else vectors[1]
    there = [draw(st.booleans()) for _ in range(3)]
    mean, var, weight, bias = (
        v if t else None for v, t in zip(vectors, [there[0], *there], strict=True)
    )
    momentum = draw(st.sampled_from([0.1, 0, 1, 0.25, -0.5, True]))
    eps = draw(st.sampled_from([1e-5, 1e-3, 1]))
    return x, mean, var, weight, bias, draw(st.booleans()), momentum, eps


def copied(arguments):
    return [a.clone() if isinstance(a, torch.Tensor) else a for a in arguments]


@settings(max_examples=400, deadline=None)
@given(normalizations(of=types))
def test_batch_norm_is_torch_batch_norm(arguments):
    """The output, and the running statistics that it leaves."""
    x, dtype = arguments[0], arguments[0].dtype
    ours, theirs = copied(arguments), copied(arguments)

    def expected_output():
        output = F.batch_norm(*theirs)
        if dtype not in (torch.float16, torch.bfloat16):
            return output
        # PyTorch rounds a product to 16 bits that may be far larger than the output. What we have
        # to meet is what it finds in 32 bits.
        exact = (a.float() if isinstance(a, torch.Tensor) else a for a in copied(arguments))
        return F.batch_norm(*exact).to(dtype)

    same_or_both_refuse(lambda: ops.batch_norm(*ours), expected_output, dtype)
    if dtype not in TOLERANCE:
        return
    assert torch.equal(ours[0], x)
    for found, expected in zip(ours[1:3], theirs[1:3], strict=True):
        if found is not None:
            rounding = TOLERANCE[dtype]
            assert torch.allclose(found, expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2, 2), (1, 3, 0), (4, 0)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_nothing_is_nothing(shape, training):
    x, mean, var = torch.ones(shape), torch.zeros(shape[1]), torch.ones(shape[1])
    for library in (ops, F):
        assert library.batch_norm(x, mean, var, training=training).shape == shape
        assert (mean == 0).all()
        assert (var == 1).all()


@settings(max_examples=200, deadline=None)
@given(normalizations())
def test_gradients_of_batch_norm(arguments):
    x, mean, var, weight, bias, training, _, eps = (
        a.double() if isinstance(a, torch.Tensor) else a for a in arguments
    )
    tensors = [t for t in (x, weight, bias) if t is not None]
    assume(training or mean is not None)
    assume(not training or x.numel() > x.shape[1])

    def call(function):
        def with_all(x, *rest):
            rest = list(rest)
            w = rest.pop(0) if weight is not None else None
            b = rest.pop(0) if bias is not None else None
            return function(x, *copied([mean, var]), w, b, training, 0.1, eps)

        return with_all

    ours, theirs = (gradients(call(f), *tensors) for f in (ops.batch_norm, F.batch_norm))
    for found, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(found, expected, atol=1e-9)


def test_batch_norm_by_hand():
    """1, 3 and 1, 3 again have mean 2 and variance 1, or 4/3 with n − 1."""
    x = torch.tensor([[1.0], [3.0], [1.0], [3.0]])
    mean, var = torch.zeros(1), torch.ones(1)
    found = ops.batch_norm(x, mean, var, training=True, eps=1e-12)
    assert torch.allclose(found, x - 2)
    assert torch.allclose(mean, torch.tensor(0.1 * 2))
    assert torch.allclose(var, torch.tensor(0.9 * 1 + 0.1 * 4 / 3))
    assert torch.allclose(ops.batch_norm(x, mean, var), (x - 0.2) / (0.9 + 0.4 / 3 + 1e-5) ** 0.5)


def test_batch_norm_takes_the_types_of_torch_batch_norm():
    floats = [dtype for dtype in TYPES if dtype in TOLERANCE and not dtype.is_complex]
    for of_x, of_stats, of_weight in itertools.product(floats, repeat=3):
        x, weight = noise(4, 2, 3).to(of_x), torch.ones(2, dtype=of_weight)
        mean, var = torch.zeros(2, dtype=of_stats), torch.ones(2, dtype=of_stats)
        for training in (True, False):
            arguments = (x, mean, var, weight, weight, training)
            same_or_both_refuse(
                lambda: ops.batch_norm(*arguments),  # noqa: B023
                lambda: F.batch_norm(*arguments),  # noqa: B023
                of_x,
            )


@pytest.mark.parametrize(
    "change",
    [
        {"input": noise(3)}, {"input": np.ones((2, 3))}, {"input": noise(1, 3)},
        {"running_mean": None, "running_var": None}, {"running_mean": [0.0] * 3},
        {"running_mean": noise(4)}, {"running_var": noise(1, 3)}, {"weight": noise(1)},
        {"weight": [1.0] * 3}, {"bias": noise(2)}, {"momentum": None}, {"momentum": "0.1"},
        {"momentum": np.float64(0.1)}, {"eps": None}, {"eps": 0.5}, {"eps": "x"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_what_batch_norm_takes(change, training):
    arguments = {"input": noise(4, 3, 2), "running_mean": noise(3), "running_var": noise(3).abs()}
    arguments |= {"training": training} | change
    x = arguments["input"]
    same_or_both_refuse(
        lambda: ops.batch_norm(**arguments), lambda: F.batch_norm(**arguments), x.dtype
    )


@pytest.mark.parametrize("missing", ["running_mean", "running_var"])
@pytest.mark.parametrize("training", [True, False])
def test_one_statistic_without_the_other_is_refused(missing, training):
    """PyTorch refuses it too, but the oldest release that we allow takes it in training."""
    arguments = {"running_mean": noise(3), "running_var": noise(3).abs()} | {missing: None}
    with pytest.raises(ValueError, match="give both or neither"):
        ops.batch_norm(noise(4, 3, 2), **arguments, training=training)


def test_an_eps_that_lets_divide_by_zero_is_refused():
    x, mean, var = torch.ones(4, 3), torch.zeros(3), torch.ones(3)
    assert torch.equal(ops.batch_norm(x, mean, var, eps=0), x)
    for training, eps in [(True, 0), (True, -1e-5), (False, -1e-5)]:
        with pytest.raises(ValueError, match=f"eps={eps}: give a number above 0"):
            ops.batch_norm(x, mean, var, training=training, eps=eps)
