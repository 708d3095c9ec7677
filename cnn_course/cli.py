"""The command line, cnn-course, from its start: signals first, and then all that takes time."""

import sys

from cnn_course import console


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit status, as `cnn-course --help` lists them.

    With no `argv` it is the whole program: the arguments are the process's, and so are the signals
    and the streams.
    """
    if argv is None:
        with console.program():
            return main(sys.argv[1:])
    from cnn_course.dispatch import run  # here, so that a Ctrl-C finds the signals taken

    return run(argv)
