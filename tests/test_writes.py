"""Files are written whole or not at all: at kill -9, on a full disk, and beside other writers."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cnn_course import weight_files, writing
from cnn_course.cli import main
from cnn_course.data.cache import keep
from cnn_course.history import History
from cnn_course.running import RunFolder
from cnn_course.writing import write_whole

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(sys.platform == "win32", reason="these signals and limits are POSIX's")

# Twenty children write one checkpoint after another and say so; each is killed at a random moment.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from cnn_course import weight_files

path, written = Path(sys.argv[1]), -1
for start in range(0, 20_000, 1000):
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        for number in range(start, start + 1000):
            weight_files.write(path, {"a": torch.full((100_000,), number)}, {"number": number})
            os.write(theirs, number.to_bytes(4, "little"))
        os._exit(1)
    os.close(theirs)
    said = b""
    for _ in range(random.randint(0, 2)):
        said += os.read(ours, 4)
    time.sleep(random.uniform(0, 0.01))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    while more := os.read(ours, 4096):
        said += more
    os.close(ours)
    if said:
        written = int.from_bytes(said[-4:], "little")
    if path.exists():
        tensors, about = weight_files.read(path)
        assert (tensors["a"] == about["number"]).all()
        assert about["number"] >= written
    else:
        assert written == -1
    left = [file for file in path.parent.iterdir() if file != path]
    assert len(left) <= 1, left
weight_files.write(path, {"a": torch.zeros(1)}, {})
assert [file.name for file in path.parent.iterdir()] == [path.name]
print("whole")
"""


@posix
def test_killed_at_random_moments_the_file_stays_whole_and_nothing_piles_up(tmp_path):
    command = [sys.executable, "-c", KILLED, tmp_path / "state.safetensors"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.stdout == "whole\n", run.stderr


@posix
@pytest.mark.parametrize(("call", "new"), [("fsync", False), ("replace", False), ("close", True)])
def test_killed_at_the_worst_moment(tmp_path, call, new):
    """Before the content is on the disk, before it is in its place, and just after that."""
    file = tmp_path / "file"
    file.write_bytes(b"old")
    code = (
        "import os, signal, sys; from pathlib import Path; from cnn_course.writing import *\n"
        f"os.{call} = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole(Path(sys.argv[1]), b'new')"
    )
    run = subprocess.run([sys.executable, "-c", code, file])
    assert run.returncode == -9
    assert file.read_bytes() == (b"new" if new else b"old")
    assert len(list(tmp_path.iterdir())) == 1 + (not new)
    write_whole(file, "newer")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert file.read_bytes() == b"newer"


@posix
def test_what_others_are_writing_stays(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    here, alive, dead = writing.MACHINE, os.getppid(), child.pid
    kept = [
        f".file.{here}-{alive}-0123abcd.unfinished",
        f".file.{here}-{dead}-0123abcd.txt",
        f".other.{here}-{dead}-0123abcd.unfinished",
        f".file.another-{dead}-0123abcd.unfinished",
        f".file.{here}-notes-0123abcd.unfinished",
    ]
    left = [f".file.{here}-{number}-0123abcd.unfinished" for number in (dead, 2**70)]
    for name in (*kept, *left):
        (tmp_path / name).touch()
    write_whole(tmp_path / "file", "text")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*kept, "file"])


def test_two_at_one_file_do_not_get_into_each_others_way(tmp_path):
    with writing.replacing(tmp_path / "a") as first, writing.replacing(tmp_path / "a") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"
    assert len(list(tmp_path.iterdir())) == 1


def save_history(file):
    run = RunFolder(file.parent, "mlp")
    run.history = file
    run.save_history(History([1.0] * 5000))


@posix
@pytest.mark.parametrize(
    "write",
    [
        lambda file: write_whole(file, b"0" * 20_000),
        lambda file: write_whole(file, "0" * 20_000),
        lambda file: keep(file, b"0" * 20_000),
        lambda file: weight_files.write(file, {"a": torch.zeros(5000)}, {}),
        save_history,
    ],
    ids=["bytes", "text", "cache", "checkpoint", "history"],
)
def test_a_file_system_that_takes_no_more_keeps_the_old_file(tmp_path, write):
    import resource

    file = tmp_path / "file"
    file.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))  # bytes; Python ignores SIGXFSZ
    try:
        with pytest.raises(
            OSError, match=r"file could not be written \(File too large\)"
        ) as caught:
            write(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "what was saved is kept; make room there, or give another place" in str(caught.value)
    assert file.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


TRAIN = ["train", "lenet5", "--data", "mnist-sample", "--limit", "64", "--epochs", "2"]
TRAIN += ["--device", "cpu", "--out"]
FULL = f"""
import shutil, subprocess, sys
from cnn_course.cli import main

full, out = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", full], check=True)
status = main([*{TRAIN}, full + "/run"])
shutil.copytree(full, out)
sys.exit(status)
"""


@posix
def test_a_training_on_a_full_file_system_keeps_its_last_epoch(tmp_path):
    """A file system of its own has room for one checkpoint, and not for the next beside it."""
    full, out = tmp_path / "full", tmp_path / "out"
    full.mkdir()
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    run = subprocess.run(
        [*unshare, sys.executable, "-c", FULL, full, out], capture_output=True, text=True
    )
    assert run.returncode == 2, run.stderr
    assert "state.safetensors could not be written (No space left on device)" in run.stderr
    assert run.stderr.count("\n") == 1
    assert [p.name for p in out.rglob("*")] == ["run", "checkpoint", "state.safetensors"]
    assert main([*TRAIN, str(out / "run"), "--resume"]) == 0


def test_a_folder_that_cannot_be_synced_is_no_fault(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "open", refuse)
    write_whole(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"


def calls(folder):
    """Each call in the code of a folder, with its place."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", path, node


@pytest.mark.parametrize("folder", ["cnn_course", "benchmarks"])
def test_whatever_is_written_is_written_by_one_function(folder):
    for place, path, call in calls(folder):
        name = getattr(call.func, "attr", "")
        if path.name not in ("writing.py", "console.py"):  # where what is open is os.devnull
            assert getattr(call.func, "id", "") != "open", place
            assert name not in ("write_text", "write_bytes", "save_file", "savez"), place
