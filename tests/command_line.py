"""A command as a person calls it, and the one line that it says where it fails."""

from cnn_course.cli import main


def status(*arguments):
    """The exit status of a command."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:  # argparse's way
        return stop.code


def error(capsys, *arguments, code=2):
    """The one line that a failing command says."""
    assert status(*arguments) == code
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert said.err.count("\n") == 1
    assert said.err.startswith("cnn-course: ")
    return said.err
