"""Run a command of the command line, and put into words what went wrong."""

import errno
import json
import os
import re
import warnings

from cnn_course import console
from cnn_course.parser import parser

REMEDIES = {
    errno.ENAMETOOLONG: "give a shorter path",
    errno.ENOSPC: "make room there, or give a place on another disk",
    errno.EACCES: "give a place that you may read and write",
    errno.EPERM: "give a place that you may read and write",
    errno.EROFS: "give a place that can be written",
    errno.ELOOP: "give a path that does not lead in a circle",
    errno.ENOTDIR: "give a path that does not go through a file",
}
NO_MEMORY = (
    "there is not enough memory; try a smaller --batch-size, and fewer (--limit) or smaller images"
)
LOST = (
    "another process of this training has ended, and this one with it; what was saved is kept: "
    "start all of them again with --resume to go on after the last epoch"
)


def run(argv: list[str]) -> int:
    """Run the command that `argv` asks for; its exit status."""
    debug = "--debug" in argv
    try:
        with console.said_once():
            try:
                arguments = vars(parser().parse_args(argv))
            finally:
                console.say("", end="")  # what --help and --version say is out, or an error
        command, debug = arguments.pop("command"), arguments.pop("debug")
        if command != "train" and console.rank() not in (None, "0"):
            return 0  # what torchrun started more than once is done and said by one process
        _check_place()
        from cnn_course import commands  # takes seconds, as it loads torch

        with console.working(), warnings.catch_warnings():
            # What a library thinks of a damaged file, say, would come on top of our own sentence.
            warnings.simplefilter("ignore")
            warnings.filterwarnings("default", module="cnn_course")
            result = getattr(commands, command)(**arguments)
        if result is not None:
            console.say(result if isinstance(result, str) else json.dumps(result, allow_nan=False))
        return 0
    except (Exception, KeyboardInterrupt) as error:
        # Code of others may have made another exception of a Ctrl-C.
        if isinstance(error, KeyboardInterrupt) or console.stopped_by():
            console.ignore_signals()
            advice = str(error) if isinstance(error, KeyboardInterrupt) else ""
            console.complain("; ".join(filter(None, ["stopped", advice])))
            return 128 + (console.stopped_by() or 2)
        if debug:
            raise
        status, sentence = explain(error)
        if sentence:
            console.complain(sentence)
        return status


def _check_place() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:  # without which torch's libraries do not load
        raise FileNotFoundError("the current folder is no more; go to another one") from None


def explain(error: Exception) -> tuple[int, str]:
    """The exit status and the sentence for an error that can be expected; raises any other."""
    text = str(error)
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return console.READER_GONE, ""
    if isinstance(error, console.OutputError):
        return 2, f"standard output cannot be written ({error.strerror}); send it elsewhere"
    if isinstance(error, FloatingPointError):
        return 1, text
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and re.search(r"memory|alloc|Storage size", text)
    ):
        return 2, NO_MEMORY
    if isinstance(error, RuntimeError) and "start new thread" in text:
        return 2, "no more threads can be started here; end other programs, or raise the limit"
    connection = re.search(r"(?i)gloo|nccl|connection", text)
    if isinstance(error, RuntimeError) and connection and console.rank() is not None:
        return 1, LOST
    if isinstance(error, ConnectionAbortedError) and error.errno is None:
        return 2, ""  # another process of this training says what is wrong
    if isinstance(error, OSError) and error.errno is not None:
        remedy = REMEDIES.get(error.errno, "give another")
        path = f"{error.filename}: " if error.filename is not None else ""
        return 2, f"{path}{error.strerror}; {remedy}"
    if isinstance(error, ValueError | OSError | ImportError):
        return 2, text
    raise error
