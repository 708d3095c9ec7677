"""`check` never raises, says what is wrong, and knows right from wrong for each exercise."""

import contextlib
import io
from fractions import Fraction

import numpy as np
import pytest
import torch
from failing_answers import UnspeakableError, leaves, throws
from IPython.core.formatters import DisplayFormatter
from torch import nn

from cnn_course.checks import CHECKS, Verdict, check
from cnn_course.checks.values import real, show, tensor, truth, whole
from cnn_course.models import MLP


class Hostile:
    """Every look at it fails."""

    def fail(self, *arguments):
        raise RuntimeError("no look")

    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = __getitem__ = fail
    __index__ = __int__ = __float__ = __call__ = __array__ = fail
    __hash__ = None


class Disguised:
    """It cannot even be asked what it is."""

    @property
    def __class__(self):
        raise RuntimeError("no class")


class HostileNumber(int):
    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __lt__ = __gt__ = __repr__ = __str__ = __format__ = __hash__ = __index__ = __eq__


class HostileModel(nn.Module):
    def forward(self, x):
        raise UnspeakableError

    def __repr__(self):
        raise RuntimeError("no look")


def escapes(*arguments):
    raise GeneratorExit


def recurses(*arguments):
    return recurses(*arguments)


def generates(*arguments):
    yield 1


endless = []
endless.append(endless)


JUNK = [
    None, ..., 0, 1.5, float("nan"), True, "", "text", b"bytes", [], {}, {1: 2}, object(),
    Hostile(), throws, leaves, len, lambda: None, lambda *a: Hostile(),
    lambda *a: torch.rand(3), int, MLP, torch.rand(2, 2), torch.nn.Linear(2, 3), MLP(),
    dict.fromkeys(["ReLU"]), Disguised, HostileModel(), HostileModel, escapes, recurses, generates,
    endless, 1j, np.array([1, "a"], dtype=object), [[1], 2], torch.ones(3).to_sparse(), "\ud800",
    torch.ones(2, dtype=torch.complex64), torch.empty(3, 3, device="meta"), nn.LazyLinear(10),
    np.ones((3, 3), dtype=object), np.datetime64("2000-01-01"), lambda *a: Disguised(),
    lambda *a: endless, lambda *a: torch.empty(1, device="meta"),
]  # fmt: skip


@pytest.mark.parametrize("number", CHECKS)
def test_junk_is_wrong_with_a_reason(number, capsys):
    not_even_pytest_can_look_at = [Disguised(), HostileNumber(3), 10**5000, {1: Disguised()}]
    for answer in JUNK + not_even_pytest_can_look_at:
        assert_refused(number, answer, capsys)


def assert_refused(number, answer, capsys):
    assert not check(number, answer)
    said = capsys.readouterr().out
    assert said.startswith(f"Exercise {number}: not yet. ")
    assert len(said.split()) > 6
    assert said.count("\n") == 1
    assert len(said) < 500
    assert " at 0x" not in said  # differs each time


@pytest.mark.parametrize("number", [None, "9.9", [], 3, "", 9.9, b"1.1", True, Hostile()])
def test_an_unknown_number_lists_the_known_ones(number, capsys):
    assert not check(number, 1)
    said = capsys.readouterr().out
    assert said.startswith(f"There is no exercise {show(number)}; there are 1.1, 1.2")


def test_a_number_that_cannot_be_looked_at_is_refused(capsys):
    for number in (Disguised(), 10**5000, HostileNumber(3)):
        assert not check(number, 1)
        assert len(capsys.readouterr().out.split()) > 6


@pytest.mark.parametrize("number", [3.1, np.float64(3.1)])
def test_a_number_without_quotes_is_told_so(number, capsys):
    assert not check(number, 1)
    assert capsys.readouterr().out == 'An exercise\'s number wants quotes: check("3.1", …).\n'


def test_blanks_around_a_number_do_no_harm(capsys):
    assert check(" 2.1 ", 14)
    assert capsys.readouterr().out == "Exercise 2.1: right.\n"


@pytest.mark.parametrize("number", ["2.1", "2.3", "4.9"])
def test_ctrl_c_goes_through(number):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    class Interrupted(nn.Module):
        forward = interrupted

    answer = {"2.1": type("X", (), {"__class__": property(interrupted)})(), "2.3": interrupted}
    with pytest.raises(KeyboardInterrupt):
        check(number, answer.get(number, Interrupted()))


def test_a_notebook_shows_no_verdict_below_the_message():
    for answer, verdict in [(14, True), (..., False)]:
        found = check("2.1", answer)
        assert found == verdict
        assert bool(found) is verdict
        assert repr(found) == str(found) == f"{found}" == repr(verdict)
        assert DisplayFormatter().format(found) == ({}, {})
    assert isinstance(found, Verdict)


@pytest.mark.parametrize("encoding", ["ascii", "cp1251", "latin-1", "utf-8", "utf-16"])
def test_it_prints_in_any_encoding(encoding):
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) as out:
        assert not check("1.5", {})  # whose message has ×
        assert not check("1.5", dict.fromkeys(["ReLU", "\ud800"]))
        assert not check("\ud800", 1)
    out.flush()
    text = out.buffer.getvalue().decode(encoding)
    assert text.count("A dictionary with these keys is asked for: 1") == 2
    assert ("3×3" in text) == (encoding not in ("ascii", "cp1251"))


class Full(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("kind", ["closed", "full", "none", "of no encoding"])
def test_it_answers_where_nothing_can_be_printed(kind):
    out = {"full": Full(), "none": None}.get(kind, io.StringIO())
    if kind == "closed":
        out.close()
    if kind == "of no encoding":
        out = type("Out", (io.StringIO,), {"encoding": "nonsense"})()
    with contextlib.redirect_stdout(out):
        assert check("2.1", 14)
        assert not check("2.1", 13)


WHOLE = {
    "int": int, "numpy": np.int64, "numpy, 8 bits": np.uint8, "numpy, 0-dim": np.array,
    "numpy, (1,)": lambda n: np.array([n]), "torch": torch.tensor,
    "torch, (1, 1)": lambda n: torch.tensor([[n]]),
    "torch, 8 bits": lambda n: torch.tensor(n).byte(),
}  # fmt: skip


@pytest.mark.parametrize("of_type", WHOLE.values(), ids=WHOLE)
def test_a_whole_number_is_one_in_any_type(of_type, capsys):
    assert check("2.1", of_type(14))
    assert not check("2.1", of_type(12))
    assert "without the padding" in capsys.readouterr().out
    assert not check("2.1", of_type(3))
    assert "3 is too small" in capsys.readouterr().out
    assert check("2.3", lambda kernel_size, dilation: of_type(dilation * (kernel_size - 1) // 2))
    assert not check("2.3", lambda kernel_size, dilation: of_type(0))
    assert "2.3: not yet. <lambda>(3, 1) should give 1 and gave 0." in capsys.readouterr().out
    assert check(
        "2.6",
        [{k: of_type(v) for k, v in {"kernel_size": 3, "dilation": d, "padding": d}.items()}
         for d in (1, 2, 4, 8)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (14.0, "this is 14.0, a float; divide with // and not with /"),
        (14.5, "14.5, a float"),
        (np.float32(14), "14.0, a float"),
        (torch.tensor(14.0), "a tensor of shape () and type torch.float32"),
        (torch.tensor([14, 14]), "a tensor of shape (2,) and type torch.int64"),
        (True, "of type bool"),
        (np.True_, "of type bool"),
        (torch.tensor(True), "type torch.bool"),
        ("14", "leave out the quotes"),
        ([14], "of type list"),
        (MLP, "this is the class MLP itself"),
        (14j, "of type complex"),
        (None, "of type NoneType"),
    ],
)
def test_what_is_no_whole_number_is_told_why(answer, words, capsys):
    assert not check("2.1", answer)
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (1.0, "should give a whole number, 1, and gave the float 1.0."),
        (torch.tensor(1.0), "the float 1.0."),
        (np.float64(1), "the float 1.0."),
        (True, "a whole number, 1, and gave True."),
        ("1", "a whole number, 1, and gave '1'."),
        (None, "and gave None."),
        (..., "and gave the three dots."),
        (torch.ones(2, 2), "and gave [[1, 1], [1, 1]]."),
        (2, "should give 1 and gave 2."),
    ],
)
def test_no_message_says_that_one_thing_is_not_the_same_thing(result, words, capsys):
    assert not check("2.3", lambda kernel_size, dilation: result)
    assert words in capsys.readouterr().out


def momentum_step(w, v, g, lr, mu):
    v = mu * v + g
    return torch.stack([w - lr * v, v])


TENSORS = {
    "float64": lambda t: t.double(), "float16": lambda t: t.half(),
    "bfloat16": lambda t: t.bfloat16(), "with gradient": lambda t: t.clone().requires_grad_(),
    "from a graph": lambda t: t.clone().requires_grad_() * 1,
    "not contiguous": lambda t: t.T.contiguous().T,
    "sparse": lambda t: t.to_sparse(), "parameter": nn.Parameter, "numpy": lambda t: t.numpy(),
    "numpy, float64": lambda t: t.double().numpy(), "numpy, float16": lambda t: t.half().numpy(),
    "numpy, backwards": lambda t: t.flip(0).numpy()[::-1],
    "numpy, another order of bytes": lambda t: t.numpy().astype(">f4"),
    "lists": lambda t: t.tolist(), "tuple of tensors": lambda t: tuple(t),
    "list of arrays": lambda t: list(t.numpy()),
    "lists of scalars": lambda t: [[np.float32(v) for v in row.tolist()] for row in t],
    "lists of tensors": lambda t: [list(row) for row in t],
}  # fmt: skip


@pytest.mark.parametrize("of_type", TENSORS.values(), ids=TENSORS)
def test_numbers_count_and_not_the_type_that_holds_them(of_type, capsys):
    assert check("4.4", lambda *arguments: of_type(momentum_step(*arguments)))
    assert not check("4.4", lambda *arguments: of_type(momentum_step(*arguments)).__class__)
    assert not check("4.4", lambda *arguments: of_type(1.05 * momentum_step(*arguments)))
    assert not check("4.4", lambda *arguments: of_type(momentum_step(*arguments)[:1]))
    assert "should give the shape (2, 2) and gave (1, 2)" in capsys.readouterr().out
    mover = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 0, 0]])
    assert check("2.4", of_type(mover))
    assert not check("2.4", of_type(mover.T))


def test_counts_may_be_of_any_type_but_true_and_false():
    def confusion(labels, answers, classes):
        return torch.bincount(labels * classes + answers, minlength=classes**2).view(classes, -1)

    for dtype in (torch.uint8, torch.int32, torch.float32, torch.float16):
        assert check("4.3", lambda *arguments: confusion(*arguments).to(dtype))  # noqa: B023
    assert not check("4.3", lambda *arguments: confusion(*arguments).bool())


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (torch.zeros(2, 2), "[[0.5, 2.5], [1, -1]] and gave [[0, 0], [0, 0]]"),
        (torch.zeros(2, 2) + 1j, "the tensor [[0.5, 2.5], [1, -1]] and gave [[1j, 1j], [1j, 1j]]"),
        ([[1, 2], [3]], "the tensor [[0.5, 2.5], [1, -1]] and gave [[1, 2], [3]]"),
        ([["1", "2"]], "and gave [['1', '2']]"),
        (None, "[1, -1]] and gave None"),
        (torch.tensor([[0.5001, 2.5], [1, -1]]), "[[0.5, 2.5], [1, -1]] and gave [[0.5001, 2.5]"),
        (torch.tensor([[0.5000249, 2.5], [1, -1]]).double(), "gave [[0.500025, 2.5]"),
        (torch.tensor([[torch.nan, 2.5], [1, -1]]), "gave [[nan, 2.5]"),
    ],
)
def test_a_wrong_tensor_is_shown_beside_the_right_one(result, words, capsys):
    assert not check("4.4", lambda *arguments: result)
    assert words in capsys.readouterr().out


def test_large_tensors_differ_at_a_named_place(capsys):
    def unscramble(scrambled, order):
        images = scrambled.flatten(1)[:, order.argsort()].view_as(scrambled).float()
        if images.shape[-1] == 28:
            images[1, 0, 2, 3] += 0.01
        return images

    assert not check("1.3", unscramble)
    said = capsys.readouterr().out
    assert "(<Tensor of shape (4, 1, 28, 28)>, <Tensor of shape (784,)>) should give at" in said
    assert "at (1, 0, 2, 3) " in said
    assert len(said) < 200


@pytest.mark.parametrize("number", ["1.2", "1.3", "1.4", "2.5", "3.1", "3.2", "4.2", "4.4"])
def test_what_a_function_does_to_its_arguments_changes_no_message(number, capsys):
    def spoils(*arguments):
        for argument in arguments:
            if isinstance(argument, torch.Tensor):
                argument.zero_()
        return None

    assert not check(number, spoils)
    first = capsys.readouterr().out
    assert not check(number, lambda *arguments: None)
    assert capsys.readouterr().out == first.replace("spoils", "<lambda>")


def test_a_function_may_work_in_place_and_give_what_it_was_given():
    def in_place(w, v, g, lr, mu):
        w -= lr * v.mul_(mu).add_(g)
        return torch.stack([w, v])

    assert check("4.4", in_place)
    assert check("1.3", lambda x, order: x.copy_(x.flatten(1)[:, order.argsort()].view_as(x)))


def test_a_function_that_prints_is_heard_and_judged(capsys):
    def flat_index(row, column, width):
        print("seen")
        return row * width + column

    assert check("1.2", flat_index)
    assert capsys.readouterr().out.endswith("seen\nExercise 1.2: right.\n")


@pytest.mark.parametrize("value", [5, np.int8(5), torch.tensor([5]), np.array([[5]])])
def test_values_are_known_whatever_holds_them(value):
    assert whole(value) == real(value) == 5
    assert type(whole(value)) is int
    assert type(real(value)) is float
    assert truth(value) is None


@pytest.mark.parametrize("value", [0.5, np.float16(0.5), torch.tensor(0.5), Fraction(1, 2)])
def test_fractions_are_real_and_not_whole(value):
    assert real(value) == 0.5
    assert whole(value) is None


@pytest.mark.parametrize("value", ["5", b"5", None, [5], (5,), {5}, True, np.True_, 5j, int])
def test_what_is_no_number(value):
    assert whole(value) is None
    assert real(value) is None


def test_tensors_of_lists_keep_whole_numbers_and_digits():
    assert tensor([[1, 2], [3, 4]]).dtype == torch.int64
    assert tensor([1, 2.5]) is not None
    assert tensor([0.1]).item() == 0.1
    assert tensor([]).shape == (0,)
    assert tensor(Hostile) is None
