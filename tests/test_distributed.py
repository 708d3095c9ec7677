"""Two processes train as one does: the same gradients, every image once, and no lost run."""

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import ranks
import torch
from PIL import Image

from cnn_course import reporting, weight_files
from cnn_course.cli import main
from cnn_course.data import load
from cnn_course.dispatch import LOST
from cnn_course.models import load_model
from cnn_course.training import evaluate

PATIENCE = 900  # seconds: for a rank that is gone, gloo would wait twice as long
TRAIN = ["train", "lenet5", "--data", "mnist-sample", "--device", "cpu"]
TRAIN += ["--limit", "997", "--epochs", "6"]  # the last step of an epoch has five images


def torchrun(*command):
    """What two processes on one thread each said and did."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*launch, "--nproc-per-node", "2", *map(str, command)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def torchrun_twice(*command):
    """The same of two launchers with one process each, as on two machines: errors and statuses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = ["--master-addr", "127.0.0.1", "--master-port", str(free.getsockname()[1])]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", *address]
    runs = [
        subprocess.Popen(
            [*launch, "--node-rank", str(rank), *map(str, command)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    return [(run.communicate(timeout=PATIENCE)[1], run.returncode) for run in runs]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A finished run of two processes: its folder, and what was said."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run = torchrun("-m", "cnn_course", *TRAIN, "--out", out)
    assert run.returncode == 0, run.stderr
    return out, run


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The same run, one of whose processes was killed after three epochs."""
    out = tmp_path_factory.mktemp("killed") / "run"
    return out, torchrun(Path(ranks.__file__), *TRAIN, "--out", out)


@pytest.fixture(scope="module")
def folder(killed, tmp_path_factory):
    """What tests/ranks.py writes of each of two ranks: all of it, as a launch takes seconds."""
    folder = tmp_path_factory.mktemp("ranks")
    shutil.copytree(killed[0], folder / "resumed")
    with pytest.MonkeyPatch.context() as stopping:
        stopping.setattr(reporting, "say", ranks.stop)
        assert main([*TRAIN, "--out", str(folder / "joined")]) == 130
    commands = {
        "resumed": [*TRAIN, "--out", str(folder / "resumed"), "--resume"],
        # As on another machine, which has not the first one's disk.
        "joined": [
            *TRAIN,
            "--out",
            [str(folder / "joined"), str(folder / "not there" / "joined")],
            "--resume",
        ],
        "evaluated": ["evaluate", "lenet5", "--data", "mnist-sample"],
        "failed": [*TRAIN, "--out", str(folder / "failed"), "--lr", "1e30"],
    }
    shutil.copytree(folder / "joined", folder / "damaged")
    (folder / "damaged/checkpoint/state.safetensors").write_bytes(b"damaged")
    (folder / "a file").touch()
    for rank in (0, 1):
        images = folder / f"images{rank}"
        for split, count in (("train", 6), ("val", 6 - rank)):
            for name, shade in (("dark", 30), ("light", 220)):
                (images / split / name).mkdir(parents=True)
                for i in range(count):
                    picture = Image.new("L", (28, 28), shade + i)
                    picture.save(images / split / name / f"{i}.png")
    other = [f"folder:{folder / f'images{rank}'}" for rank in (0, 1)]
    asked = {
        "a file": [*TRAIN, "--out", str(folder / "a file")],
        "damaged": [*TRAIN, "--out", str(folder / "damaged"), "--resume"],
        "small step": [*TRAIN, "--out", str(folder / "new"), "--batch-size", "3"],
        "other rate": [*TRAIN, "--out", str(folder / "new"), "--lr", ["0.02", "0.03"]],
        "other images": ["train", "lenet5", "--data", other, "--epochs", "1", "--device", "cpu"],
        "other model": ["train", ["mlp", "flatten-cnn"], "--data", other[0], "--device", "cpu"],
    }
    for name in ("other images", "other model"):
        asked[name] += ["--out", str(folder / "new"), "--batch-size", "8"]
    commands |= asked
    (folder / "commands.json").write_text(json.dumps(commands))
    for errors, status in torchrun_twice(Path(ranks.__file__), folder):
        assert status == 0, errors
        assert not re.search("Warning|Exception ignored", errors), errors
    return folder


def said(folder, name):
    """Status, output and errors of this command, of each rank."""
    return [json.loads((folder / f"{rank}.json").read_text())[name] for rank in (0, 1)]


# --------------------------------------------------------------------------- two gloo ranks' steps


@pytest.fixture(scope="module")
def measured(folder):
    """Of each rank: tensors, and what is known of them."""
    return [weight_files.read(folder / f"{rank}.safetensors") for rank in (0, 1)]


def of(tensors, name):
    prefix = f"{name} "
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


@pytest.mark.parametrize("name", ranks.GRADIENTS)
def test_averaged_gradients_are_those_of_one_process(measured, name):
    expected = ranks.gradients(*ranks.GRADIENTS[name])
    for tensors, _ in measured:
        found = of(tensors, name)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, atol=1e-6, rtol=0)


def test_every_image_is_taken_once_in_an_epoch(measured):
    parts = [tensors["seen"].tolist() for tensors, _ in measured]
    halves = [[part[: len(part) // 2], part[len(part) // 2 :]] for part in parts]
    for epoch in (0, 1):
        taken = [number for half in halves for number in half[epoch]]
        assert sorted(taken) == list(range(ranks.COUNTED))
    assert halves[0][0] != halves[0][1]
    # The first step is that of one process: the first half of it is the first rank's.
    torch.manual_seed(0)
    order = torch.randperm(ranks.COUNTED).tolist()
    assert (halves[0][0][:16], halves[1][0][:16]) == (order[:16], order[16:32])


def test_all_ranks_end_with_one_network_that_is_as_good(measured):
    first, second = (of(tensors, "learned") for tensors, _ in measured)
    assert any(name.endswith("running_var") for name in first)
    for name, value in first.items():
        assert torch.equal(second[name], value), name
    _, accuracy = ranks.learned()
    assert accuracy > 0.93
    for _, about in measured:
        assert abs(about["accuracy"] - accuracy) < 0.015


# ---------------------------------------------------------------------------- the command line


def accuracy(out):
    """On the digits that were not trained on."""
    train_set, model = load("mnist-sample", "train"), load_model(out / "lenet5.safetensors")[0]
    order = torch.randperm(3500, generator=torch.Generator().manual_seed(0))
    return evaluate(model, train_set.subset(order[997:]), device="cpu").accuracy


def test_two_processes_train_as_well_as_one_and_one_of_them_speaks(undisturbed, tmp_path):
    out, run = undisturbed
    lines = run.stdout.splitlines()
    assert lines[0].endswith(f"lenet5 on cpu, into {out}")
    assert lines[1] == (
        "2 processes share each step of 32 images, 16 each; "
        "the peak learning rate is 0.02, as for one process"
    )
    assert [line.split()[1] for line in lines[2:-1]] == [f"{n}/6" for n in range(1, 7)]
    assert lines[-1] == f"saved {out / 'lenet5.safetensors'}"
    assert "Warning" not in run.stderr
    assert sorted(p.name for p in out.rglob("*")) == ["history.json", "lenet5.safetensors"]
    assert main([*TRAIN, "--out", str(tmp_path / "one")]) == 0
    assert abs(accuracy(out) - accuracy(tmp_path / "one")) < 0.015


def test_two_launchers_train_together_as_on_two_machines(folder):
    first, second = said(folder, "resumed")
    assert "2 processes share each step of 32 images" in first[1]
    assert first[1].endswith(f"saved {folder / 'resumed' / 'lenet5.safetensors'}\n")
    assert second == [0, "", ""]


def test_a_killed_process_ends_the_other_and_resume_goes_on(killed, undisturbed, folder):
    run = killed[1]
    assert run.returncode != 0
    lines = [line for line in run.stderr.splitlines() if line.startswith("cnn-course: ")]
    # torchrun asks the others to stop; most often they have noticed before.
    assert {line.removeprefix("cnn-course: ") for line in lines} <= {
        LOST,
        "stopped; add --resume to go on after the last epoch",
        "stopped",
    }
    assert lines
    assert len(run.stderr.splitlines()) < 60  # nearly all of them torchrun's report
    assert "cnn_course/" not in run.stderr  # no traceback of ours
    (status, resumed, _), second = said(folder, "resumed")
    assert status == 0
    assert second == [0, "", ""]
    assert "processes:" not in resumed
    expected = load_model(undisturbed[0] / "lenet5.safetensors")[0].state_dict()
    found = load_model(folder / "resumed" / "lenet5.safetensors")[0].state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_two_processes_go_on_where_one_stopped_and_say_so(undisturbed, folder):
    first, second = said(folder, "joined")
    assert (first[0], first[2]) == (0, "")
    assert second == [0, "", ""]
    assert "processes: 1 up to here, and now 2; steps and learning rates stay" in first[1]
    assert [line.split()[1] for line in first[1].splitlines()[3:-1]] == [
        f"{n}/6" for n in range(2, 7)
    ]
    assert abs(accuracy(folder / "joined") - accuracy(undisturbed[0])) < 0.015
    assert not (folder / "not there").exists()


def test_what_is_no_training_is_said_once(folder):
    first, second = said(folder, "evaluated")
    assert first[0] == 0
    assert first[1].count("of 1,000 images right") == 1
    assert second == [0, "", ""]


@pytest.mark.parametrize(
    ("name", "finder", "sentence"),
    [
        ("a file", 0, r"--out .*/a file is a file; give a folder"),
        ("damaged", 0, r".*/state\.safetensors is damaged"),
        ("small step", 0, r"batch_size=3: give 4 or more"),
        ("other rate", 1, r"rank 1: rank 1 was given lr=0\.03, and rank 0 lr=0\.02; give all"),
        ("other images", 1, r"rank 1: rank 1 was given validation='\w{64}', and rank 0 valid"),
        ("other model", 1, r"rank 1: rank 1 was given model='FlattenCNN.*rank 0 model='MLP"),
    ],
)
def test_what_one_process_refuses_ends_all_and_is_said_by_it(folder, name, finder, sentence):
    answers = said(folder, name)
    assert [status for status, _, _ in answers] == [2, 2]
    assert re.match(f"cnn-course: {sentence}", answers[finder][2])
    # The other one is on a machine of its own, as it were, and has to tell the person there.
    asker = "rank 1: " * (finder == 0)
    other = f"cnn-course: {asker}rank {finder} cannot go on, and says why\n"
    assert answers[1 - finder][2] == other
    assert not (folder / "new").exists()


def test_images_of_their_own_are_refused_without_a_checkpoint_too(measured):
    first, second = (about["refused"] for _, about in measured)
    assert second.startswith("rank 1 was given data='")
    assert first == "rank 1 cannot go on, and says why"


def test_a_training_that_fails_is_told_by_one_process(folder):
    first, second = said(folder, "failed")
    assert first[0] == 1
    assert second == [0, "", ""]
    (line,) = first[2].splitlines()
    assert line.startswith("cnn-course: the loss is")
    assert "no weights are saved, and" in line
    history = json.loads((folder / "failed" / "history.json").read_text())
    assert history["failure"] in line
    assert not list((folder / "failed").rglob("*.safetensors"))


@pytest.mark.slow
def test_torchrun_s_own_status_tells_of_a_training_that_fails(tmp_path):
    run = torchrun("-m", "cnn_course", *TRAIN, "--out", tmp_path / "run", "--lr", "1e30")
    assert run.returncode != 0
    assert run.stderr.count("cnn-course: the loss is") == 1


def test_one_process_goes_on_where_two_stopped_and_says_so(killed, undisturbed, tmp_path, capsys):
    out = tmp_path / "run"
    shutil.copytree(killed[0], out)
    assert main([*TRAIN, "--out", str(out), "--resume"]) == 0
    lines = capsys.readouterr().out
    assert "processes: 2 up to here, and now 1; steps and learning rates stay the same" in lines
    history = json.loads((out / "history.json").read_text())
    before = json.loads((undisturbed[0] / "history.json").read_text())
    assert len(history["train_loss"]) == 6
    assert history["train_loss"][:2] == before["train_loss"][:2]
    assert abs(accuracy(out) - accuracy(undisturbed[0])) < 0.015
