"""Two processes train as one does: the same gradients, every image once, and no lost run."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import ranks
import torch

from cnn_course import checkpoints, console
from cnn_course.cli import main
from cnn_course.data import load
from cnn_course.dispatch import LOST, explain
from cnn_course.distributed import Ranks, _meet, _own_device
from cnn_course.models import load_model
from cnn_course.training import _check_parts, evaluate

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


def among(rank, count):
    """A rank of so many, as `part` sees it, without the others."""
    one = Ranks("cpu")
    one.rank, one.count = rank, count
    return one


# ------------------------------------------------------------------------------- parts of a batch


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 17, 64, 65])
def test_the_parts_of_a_batch_are_the_batch(size, count):
    losses = torch.rand(size, dtype=torch.float64)
    parts = [among(rank, count).part(torch.arange(size)) for rank in range(count)]
    taken = torch.cat([own for own, weight in parts if weight])
    assert taken.tolist() == list(range(size))
    assert all(len(own) > 1 for own, weight in parts) or size == 1
    mean = sum(weight * losses[own].mean() for own, weight in parts) / count
    assert mean.item() == pytest.approx(losses.mean().item(), abs=1e-12)


def test_a_process_alone_takes_all_and_weighs_nothing():
    alone = Ranks("cpu")
    own, weight = alone.part(torch.arange(7))
    assert (alone.rank, alone.count, own.tolist(), weight) == (0, 1, list(range(7)), 1)
    model = ranks.network()
    assert alone.wrap(model) is model
    assert alone.mean(0.1) == 0.1
    assert alone.share(b"data") == b"data"


# --------------------------------------------------------------------------- two gloo ranks' steps


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What tests/ranks.py writes, of each of two ranks: tensors, and what is known of them."""
    folder = tmp_path_factory.mktemp("ranks")
    run = torchrun(Path(ranks.__file__), folder)
    assert run.returncode == 0, run.stderr
    assert "Warning" not in run.stderr
    return [checkpoints.read(folder / f"{rank}.safetensors") for rank in (0, 1)]


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


def test_a_killed_process_ends_the_other_and_resume_goes_on(killed, undisturbed, tmp_path):
    out, run = killed
    assert run.returncode != 0
    said = [line for line in run.stderr.splitlines() if line.startswith("cnn-course: ")]
    # torchrun asks the others to stop; most often they have noticed before.
    assert {line.removeprefix("cnn-course: ") for line in said} <= {
        LOST,
        "stopped; add --resume to go on after the last epoch",
        "stopped",
    }
    assert said
    assert len(run.stderr.splitlines()) < 60  # nearly all of them torchrun's report
    assert "cnn_course/" not in run.stderr  # no traceback of ours
    again = tmp_path / "again"
    shutil.copytree(out, again)
    resumed = torchrun("-m", "cnn_course", *TRAIN, "--out", again, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "processes:" not in resumed.stdout
    expected = load_model(undisturbed[0] / "lenet5.safetensors")[0].state_dict()
    found = load_model(again / "lenet5.safetensors")[0].state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_one_process_goes_on_where_two_stopped_and_says_so(killed, undisturbed, tmp_path, capsys):
    out = tmp_path / "run"
    shutil.copytree(killed[0], out)
    assert main([*TRAIN, "--out", str(out), "--resume"]) == 0
    said = capsys.readouterr().out
    assert "processes: 2 up to here, and now 1; steps and learning rates go on" in said
    history = json.loads((out / "history.json").read_text())
    before = json.loads((undisturbed[0] / "history.json").read_text())
    assert len(history["train_loss"]) == 6
    assert history["train_loss"][:2] == before["train_loss"][:2]
    assert abs(accuracy(out) - accuracy(undisturbed[0])) < 0.015


# --------------------------------------------------------------------------------------- errors


@pytest.fixture
def as_rank(monkeypatch):
    def set_rank(number):
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
        monkeypatch.setenv("RANK", str(number))

    return set_rank


CLOSED = (
    "[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [::1]:29500"
)


def test_a_lost_connection_is_told_in_a_line(as_rank):
    with pytest.raises(RuntimeError):
        explain(RuntimeError(CLOSED))  # in a process alone nothing has been lost
    as_rank(0)
    assert explain(RuntimeError(CLOSED)) == (1, LOST)
    with pytest.raises(RuntimeError, match="shape"):
        explain(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_processes_that_do_not_meet_say_so(monkeypatch):
    def fail(backend):
        raise RuntimeError("Gloo connectFullMesh failed with timed out connecting")

    monkeypatch.setattr("torch.distributed.init_process_group", fail)
    with pytest.raises(ConnectionError, match="cannot be reached; start all of them again") as lost:
        _meet("gloo")
    assert explain(lost.value) == (2, str(lost.value))


def test_all_but_the_first_say_who_they_are(as_rank, capsys):
    for number, line in ((0, "cnn-course: no\n"), (1, "cnn-course: rank 1: no\n")):
        as_rank(number)
        console.complain("no")
        assert capsys.readouterr().err == line


def test_a_step_has_two_images_for_each():
    _check_parts(1, 1)
    _check_parts(4, 2)
    with pytest.raises(ValueError, match=r"batch_size=3: give 4 or more, two images for each of"):
        _check_parts(3, 2)


def test_other_settings_than_those_of_the_first_are_refused(monkeypatch):
    second = among(1, 2)
    monkeypatch.setattr(second, "share", lambda data: b'{"lr": 0.1, "seed": 1, "augment": "<f>"}')
    second.check_same({"lr": 0.1, "seed": 1, "augment": "<f at 0x7fbf73092d40>"})
    with pytest.raises(ValueError, match=r"rank 1 was given lr=0.2, and rank 0 lr=0.1; give all"):
        second.check_same({"lr": 0.2, "seed": 1, "augment": "<f>"})


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr("cnn_course.distributed.choose_device", torch.device)
    assert [str(_own_device("cuda", rank)) for rank in (0, 1)] == ["cuda", "cuda"]
    assert chosen == [0, 1]
    assert str(_own_device("cpu", 7)) == "cpu"
    with pytest.raises(ValueError, match="process 3 of this machine has no GPU of its own"):
        _own_device("cuda", 2)
    for device in ("cuda:1", "mps"):
        with pytest.raises(ValueError, match=re.escape(f"device {device!r}: several processes")):
            _own_device(device, 0)
