"""What the checks of all chapters share: judge a whole number, or a function by its cases.

Each gives None for a right answer, or one sentence about the first thing that is wrong.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnn_course.checks.values import real, show, tensor, whole

EXACT = 1e-5  # relative: float32 keeps seven digits, and a sum of a few terms six
ROUNDING = 1e-6  # of the largest number that goes in: some 8 times float32's own
HALF = {"torch.float16": 2e-3, "float16": 2e-3, "torch.bfloat16": 1.6e-2}  # twice their own


def first_line(error: BaseException) -> str:
    """The error's type and the first line of its message."""
    try:
        text = (str(error).splitlines() or ["(no message)"])[0]
    except Exception:
        text = "(no readable message)"
    return f"{type(error).__name__}: {text}"


def kind(answer) -> str:
    """What an answer of the wrong kind is, with the likely mistake."""
    if isinstance(answer, type):
        return f"this is the class {answer.__name__} itself"
    if isinstance(answer, str):
        return "this is a text; leave out the quotes"
    if isinstance(answer, Tensor):
        return f"this is a tensor of shape {tuple(answer.shape)} and type {answer.dtype}"
    if real(answer) is not None:
        return f"this is {show(answer)}, a float; divide with // and not with /"
    return f"this is of type {type(answer).__name__}"


def whole_number(answer, expected: int, hints: dict[int, str]) -> str | None:
    number = whole(answer)
    if number is None:
        return f"A whole number is asked for; {kind(answer)}."
    if number == expected:
        return None
    size = "small" if number < expected else "large"
    shown = f"{number:,}" if abs(number) < 1e15 else "Your number"
    return hints.get(number, f"{shown} is too {size}.")


class _Calls(TorchFunctionMode):
    """Notes whether a function of torch is called whose name begins like one of `names`."""

    def __init__(self, names: tuple[str, ...]):
        super().__init__()
        self.names, self.found = names, False

    def __torch_function__(self, called, types, args=(), kwargs=None):
        self.found |= bool(self.names) and getattr(called, "__name__", "").startswith(self.names)
        return called(*args, **(kwargs or {}))


def attempt(answer, where: str, *arguments) -> tuple[object, str | None]:
    """What the reader's function gives, and None; or None, and why there is nothing.

    `where` says, as the beginning of a sentence, what it was given. Only Ctrl-C goes through.
    """
    if not callable(answer):
        return None, f"A function is asked for; this is of type {type(answer).__name__}."
    try:
        return answer(*arguments), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, for one, is no Exception
        return None, f"{where} raised {first_line(error)}"


def function(
    answer, cases: list[tuple[tuple, object]], without: tuple[str, ...] = (), reason: str = ""
) -> str | None:
    """The first of `cases`, pairs of arguments and expected result, that the function fails.

    It must do `without` the functions of torch whose names begin so; else the `reason` is given.
    """
    for arguments, expected in cases:
        call = f"{_name(answer)}({', '.join(map(show, arguments))})"
        given = copy.deepcopy(arguments)  # a function may write into what it is given
        with _Calls(without) as calls:
            got, problem = attempt(answer, call, *given)
        if problem:
            return problem
        if calls.found:
            return reason
        if difference := _difference(got, expected, arguments):
            return f"{call} should give {difference}."
    return None


def cases_of(solution: Callable, *arguments: tuple) -> list[tuple[tuple, object]]:
    """Cases for `function`: each of `arguments` with what the solution makes of them."""
    return [(given, solution(*given)) for given in arguments]


def hinted(answer, cases, mistakes: list[tuple[Callable, str]], **options) -> str | None:
    """As `function`; if the answer does what one of `mistakes` does, its hint is added."""
    problem = function(answer, cases, **options)
    if problem and callable(answer):
        for wrong, hint in mistakes:
            wrong_cases = cases_of(wrong, *(given for given, _ in cases))
            if function(answer, wrong_cases, **options) is None:
                return f"{problem} {hint}"
    return problem


def _name(function) -> str:
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else "your function"


def _difference(got, expected, arguments) -> str | None:
    """How the result differs, as “3 and gave 4”, or None where it is the expected one."""
    if isinstance(expected, Tensor):
        return _difference_of_tensors(got, expected, arguments)
    number = whole(got) if isinstance(expected, int) else real(got)
    if number is None:
        if isinstance(expected, int) and real(got) is not None:
            return f"a whole number, {expected}, and gave the float {show(real(got))}"
        asked = "a whole number" if isinstance(expected, int) else "a number"
        return f"{asked}, {show(expected)}, and gave {show(got)}"
    if isinstance(expected, int):
        return None if number == expected else f"{expected} and gave {show(number)}"
    margin = _margin(getattr(got, "dtype", None), arguments)
    if abs(number - expected) <= margin[0] + margin[1] * abs(expected):
        return None
    return _apart(expected, number)


def _difference_of_tensors(got, expected, arguments) -> str | None:
    found = tensor(got)
    if found is None or found.dtype == torch.bool:
        return f"the tensor {show(expected)} and gave {show(got)}"
    if found.shape != expected.shape:
        return f"the shape {tuple(expected.shape)} and gave {tuple(found.shape)}"
    absolute, relative = _margin(found.dtype, arguments)
    ours, theirs = expected.double(), found.double()
    wrong = ~torch.isclose(theirs, ours, rtol=relative, atol=absolute)
    if not wrong.any():
        return None
    if show(expected) != show(found):
        return f"{show(expected)} and gave {show(found)}"
    place = tuple(wrong.nonzero()[0].tolist())  # too many numbers, or too much alike, for a look
    return f"at {place} {_apart(ours[place].item(), theirs[place].item())}"


def _margin(dtype, arguments) -> tuple[float, float]:
    """How far off a right result may be, absolute and relative: what rounding explains.

    Numbers of about 1,000 have an error of some 1e-4 in float32, which subtracting leaves there.
    A result in half precision may be off by the rounding of its type.
    """
    relative = HALF.get(str(dtype), EXACT)
    floats = [a for a in arguments if isinstance(a, Tensor) and a.is_floating_point()]
    largest = max((a.abs().max().item() for a in floats), default=None)
    return (0.0 if largest is None else max(EXACT, ROUNDING * largest)), relative


def _apart(expected: float, got: float) -> str:
    """Two numbers with as many digits as it takes to tell them apart."""
    for digits in (4, 6, 9, 17):
        texts = [f"{number:.{digits}g}" for number in (expected, got)]
        if texts[0] != texts[1]:
            break
    return f"{texts[0]} and gave {texts[1]}"
