"""The process around a command: what it prints to, and how it is stopped."""

import io
import os
import signal
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress

READER_GONE = 141  # what a shell reports of a program whose output nobody reads any more
_received = []  # the numbers of the signals that asked the program to stop
_working = False  # whether a command runs, which has something to put in order when it is stopped


class OutputError(OSError):
    """Standard output cannot be written."""


def say(text: str, end: str = "\n") -> None:
    """Print `text` at once. Raises OutputError where standard output is full or has no reader."""
    try:
        print(text, end=end, flush=True)
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from error


def rank() -> str | None:
    """The number of this process among those that torchrun started, if it did."""
    return (os.environ.get("RANK") or None) if "TORCHELASTIC_RUN_ID" in os.environ else None


@contextmanager
def said_once():
    """What all processes of torchrun would say alike: the first of each machine alone says it."""
    if rank() is None or os.environ.get("LOCAL_RANK", "0") == "0":
        yield
    else:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield


def complain(text: str) -> None:
    """Print `text` as one line of standard error, if there is one that takes it."""
    line = " ".join(text.split())
    if rank() not in (None, "0"):
        line = f"rank {rank()}: {line}"
    if len(line) > 600:  # a path of thousands of characters: what is wrong, and the remedy
        line = f"{line[:300]} … {line[-300:]}"
    with suppress(OSError):
        # In one piece, as several processes may write there.
        print(f"cnn-course: {line}\n", end="", file=sys.stderr, flush=True)


@contextmanager
def program():
    """Streams that take any text, and signals that end in one line, for a process of its own.

    From here on SIGINT (Ctrl-C) and SIGTERM end the program at once, with the status that shells
    give them; inside `working` they raise KeyboardInterrupt first.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as behind nohup, or in the background
            signal.signal(number, _stop)
    sys.unraisablehook = _lost
    _open_streams()
    try:
        yield
    finally:
        ignore_signals()  # all is said and done; Python's own end must not be cut in two
        _close_streams()


@contextmanager
def working():
    """While a command runs: a signal raises KeyboardInterrupt in it, a second one ends it."""
    global _working
    _working = True
    try:
        yield
    finally:
        _working = False


def stopped_by() -> int | None:
    """The signal that asked the program to stop, if one did."""
    return _received[0] if _received else None


def ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) == _stop:
            signal.signal(number, signal.SIG_IGN)


def _stop(number, frame):
    _received.append(number)
    if _working and len(_received) == 1:
        raise KeyboardInterrupt
    # While modules are loaded an exception may come out as another one, or not at all.
    with suppress(OSError):
        os.write(2, b"cnn-course: stopped\n")
    os._exit(128 + number)


def _lost(unraisable):
    """A KeyboardInterrupt that met a destructor or a callback would be shown and forgotten."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt) and _received:
        _stop(_received[0], None)
    sys.__unraisablehook__(unraisable)


def _open_streams() -> None:
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file to be opened would be taken for this stream
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # whatever the encoding has not


def _close_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python would try again at its end, and report at length
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
