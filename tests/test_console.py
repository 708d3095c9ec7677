"""The command line as a process: its start, its streams, and the signals that stop it.

Nearly all of it without torch, in which a process takes seconds to start.
"""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and devices are POSIX's")

# The real program with commands of our own, which print a line once they are at work.
STUB = """
import sys, time, types
import cnn_course
from cnn_course.console import say

def summary(**arguments):
    say("working")
    {summary}

class Finder:
    def find_spec(self, name, path, target=None):
        if name == "cnn_course.commands":
            print("loading", flush=True)
            {loading}

stub = types.ModuleType("cnn_course.commands")
stub.summary = summary
sys.meta_path.insert(0, Finder())
if {stubbed}:
    sys.modules["cnn_course.commands"] = cnn_course.commands = stub
from cnn_course.cli import main
sys.exit(main())
"""
SLEEP = "time.sleep(60)"


def stub(summary="pass", loading=None):
    code = STUB.format(summary=summary, loading=loading or "pass", stubbed=loading is None)
    return [sys.executable, "-c", code, "summary", "lenet5"]


def started(command):
    """The command as a terminal starts it; what is started in the background hears no Ctrl-C."""
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def stopped(command, number, after):
    """What a command says that is stopped when it has printed the line `after`."""
    with started(command) as process:
        while process.stdout.readline().strip() != after:
            assert process.poll() is None
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("command", "after"),
    [
        (stub(SLEEP), "working"),
        (stub(loading=SLEEP), "loading"),
        # What loads a library may make another error of a Ctrl-C, or lose it in a destructor.
        (stub(f"try:\n        {SLEEP}\n    finally:\n        raise ImportError('a')"), "working"),
        (
            stub(f"type('A', (), {{'__del__': lambda self: {SLEEP}}})(); {SLEEP}"),
            "working",
        ),
    ],
)
def test_a_signal_ends_a_command_in_one_line_at_any_moment(command, after, number):
    assert stopped(command, number, after) == (128 + number, "cnn-course: stopped\n")


def test_what_is_under_way_is_put_in_order_and_a_second_signal_does_not_wait():
    tidy = (
        f"try:\n        print('begun', flush=True); {SLEEP}\n"
        f"    finally:\n        print('tidying', flush=True); {SLEEP}"
    )
    with started(stub(tidy)) as process:
        assert process.stdout.readline().strip() == "working"
        for line in ("begun", "tidying"):
            assert process.stdout.readline().strip() == line
            process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == "cnn-course: stopped\n"
    assert process.returncode == 130


def test_a_signal_that_is_ignored_stays_ignored():
    ignoring = f"import signal; signal.signal(2, signal.SIG_IGN); {stub('time.sleep(0.1)')[2]}"
    command = [sys.executable, "-c", ignoring, "summary", "lenet5"]
    assert stopped(command, signal.SIGINT, "working") == (0, "")


def shell(command, *arguments, **environment):
    """Run a line of the shell, in which "$@" is the command: status, output and errors as bytes."""
    line = ["bash", "-c", f"set -o pipefail; {command}", "bash", *map(os.fspath, arguments)]
    result = subprocess.run(line, capture_output=True, env=os.environ | environment, timeout=60)
    return result.returncode, result.stdout, result.stderr


PROGRAM = (sys.executable, "-m", "cnn_course")
FULL = b"cnn-course: standard output cannot be written (No space left on device); send it elsewhere"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"$@" >&-', (0, b"", b"")),
        ('"$@" <&- >&- 2>&-', (0, b"", b"")),
        ('"$@" > /dev/full', (2, b"", FULL + b"\n")),
        ('"$@" > /dev/full 2>&1', (2, b"", b"")),
        ('"$@" 2> /dev/full', (0, None, b"")),
    ],
)
def test_standard_output_that_is_closed_or_full(line, expected):
    status, out, err = expected
    for command in (stub(), [*PROGRAM, "--help"], [*PROGRAM, "--version"]):
        found = shell(line, *command)
        assert found == (status, found[1] if out is None else out, err)


def test_standard_output_that_nobody_reads():
    lines = "print('a line\\n' * 100_000)"
    assert shell('"$@" | head -1', *stub(lines)) == (141, b"working\n", b"")
    assert shell('"$@" | head -1', *stub("return 'a line\\n' * 100_000"))[::2] == (141, b"")


@pytest.mark.parametrize("line", ['"$@" 2>&-', '"$@" 2> /dev/full', '"$@" >&- 2>&-'])
def test_errors_that_cannot_be_told_keep_their_status(line):
    assert shell(line, *PROGRAM, "summary", "nothing") == (2, b"", b"")
    assert shell(line, *stub("raise ValueError('a')"))[0] == 2


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs /dev/fd")
def test_no_file_is_opened_in_the_place_of_a_closed_stream(tmp_path):
    write = f"file = open({str(tmp_path / 'a')!r}, 'w'); import os; os.write(1, b'noise')"
    assert shell('"$@" >&-', *stub(write))[0] == 0
    assert (tmp_path / "a").read_text() == ""


@pytest.mark.parametrize("encoding", ["cp1251", "cp437", "ascii", "latin-1", "utf-16", "utf-8"])
def test_any_output_encoding_will_do(encoding):
    text = "1×28×28 … Кот \udce9 — ≈"
    for command in (
        stub(f"return {text!r}"),
        stub(f"raise ValueError({text!r})"),
        [*PROGRAM, "train", "--help"],
        [*PROGRAM, "summary", "Кот×"],
    ):
        status, out, err = shell('"$@"', *command, PYTHONIOENCODING=encoding)
        assert status in (0, 2)
        said = (out + err).decode(encoding)
        assert "Traceback" not in said
        assert "cnn-course" in said or "28" in said


def test_json_is_ascii_and_valid():
    answer = {"class": "Кот \udce9", "image": "é", "loss": 0.5}
    status, out, err = shell('"$@"', *stub(f"return [{answer!r}]"), PYTHONIOENCODING="ascii")
    assert (status, err) == (0, b"")
    assert json.loads(out.splitlines()[-1]) == [answer]
    status, out, err = shell('"$@"', *stub("return {'loss': float('nan')}"))
    assert (status, err.count(b"\n")) == (2, 1)


def test_arguments_that_are_not_utf_8_and_that_are_long():
    for name in (os.fsdecode(b"\xe9t\xe9"), "a" * 100_000, "a\nb"):
        status, out, err = shell('"$@"', *PROGRAM, "summary", name)
        assert (status, out, err.count(b"\n")) == (2, b"", 1)
        assert len(err) < 1000
        assert b"there is no model" in err
        assert b"see cnn-course summary --help" in err


@pytest.mark.parametrize("columns", ["0", "1", "-5", "many", "100000"])
def test_help_fits_any_terminal(columns):
    status, out, err = shell('"$@"', *PROGRAM, "train", "--help", COLUMNS=columns, TERM="dumb")
    assert (status, err) == (0, b"")
    assert b"--download" in out


def test_the_statuses_are_told_alike_in_the_help_and_the_readme():
    out = shell('"$@"', *PROGRAM, "--help")[1].decode()
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for status in ("0", "1", "2", "130", "141"):
        assert re.search(rf"^ +{status}  \w+", out, re.MULTILINE)
        assert re.search(rf"^\| {status}[ ,]", readme, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"], ["--version"], ["train", "--help"], ["predict", "--help"], [], ["fly"],
        ["train", "lenet6"], ["train", "lenet5"], ["evaluate", "lenet5", "--data", "nothing"],
        ["export", "lenet5", "--out", "a.pt"], ["summary", "lenet5", "--input-shape", "1"],
        ["train", "lenet5", "--data", "mnist-m", "--epochs", "0"],
    ],
)  # fmt: skip
def test_help_and_usage_errors_load_nothing_large(arguments):
    code = (
        "import sys; from cnn_course.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True
    )
    modules = set(result.stderr.splitlines()[-1].split())
    assert {"cnn_course.cli", "argparse"} <= modules
    assert not modules & {"torch", "numpy", "PIL", "matplotlib", "tqdm", "cnn_course.commands"}


def test_importing_the_package_loads_nothing():
    code = "import sys; old = set(sys.modules); import cnn_course; print(*set(sys.modules) - old)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split() == ["cnn_course"]


EVERYTHING = """
import importlib, os, pkgutil, sys

asked = []
def hook(event, arguments):
    if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
        asked.append((event, arguments))
sys.addaudithook(hook)

from cnn_course.cli import main
os.chdir(sys.argv[1])
for arguments in (
    "train mlp --data mnist-sample --limit 50 --epochs 1 --out run",
    "evaluate run --data mnist-sample",
    "predict lenet5 digit.png",
    "export lenet5 --out a.onnx",
    "summary lenet5",
):
    assert main(arguments.split()) == 0
left = [os.path.join(p, n) for d in ("home", "tmp") for p, _, fs in os.walk(d) for n in fs]
left = [path for path in left if "_remote_module" not in path]  # by older releases of PyTorch
import cnn_course
for module in pkgutil.walk_packages(cnn_course.__path__, "cnn_course."):
    if module.name != "cnn_course.__main__":
        importlib.import_module(module.name)
print(*asked, *left, sep="\\n", file=sys.stderr)
"""


def test_nothing_asks_the_network_or_leaves_files_behind(tmp_path):
    """Every command and every module; what is not Python's, under strace where there is one."""
    digit = Image.new("L", (28, 28))
    digit.paste(255, (12, 4, 16, 24))
    digit.save(tmp_path / "digit.png")
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_", "MPL"))}
    environment |= {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}
    trace = ["strace", "-f", "--seccomp-bpf", "-e", "trace=network", "-o", str(tmp_path / "trace")]
    can_trace = shutil.which("strace") and subprocess.run([*trace, "true"]).returncode == 0
    result = subprocess.run(
        [*(trace if can_trace else []), sys.executable, "-c", EVERYTHING, tmp_path],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert (result.returncode, result.stderr.strip()) == (0, "")
    if can_trace:
        lines = (tmp_path / "trace").read_text().splitlines()
        assert [line for line in lines if "AF_INET" in line] == []


def test_errors_of_the_system_say_what_to_do():
    from cnn_course import dispatch

    for number in dispatch.REMEDIES:
        status, sentence = dispatch.explain(OSError(number, os.strerror(number), "/a/b"))
        assert status == 2
        assert sentence == f"/a/b: {os.strerror(number)}; {dispatch.REMEDIES[number]}"
    assert dispatch.explain(OSError(errno.EIO, "Input/output error"))[1].endswith("; give another")
    assert dispatch.explain(OSError("it is so; do this")) == (2, "it is so; do this")
