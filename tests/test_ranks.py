"""A rank's part of a batch, its device and its errors, as one process alone can try them."""

import re

import pytest
import ranks
import torch

from cnn_course import console, distributed
from cnn_course.cli import main
from cnn_course.dispatch import LOST, explain
from cnn_course.distributed import Ranks, _meet, _own_device
from cnn_course.running import _say_who_trains
from cnn_course.training import check_parts


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


@pytest.mark.parametrize(
    ("arguments", "status"), [("train lenet5 --lr fast", 2), ("--help", 0), ("train nothing", 2)]
)
def test_what_all_would_say_alike_the_first_of_a_machine_says(
    as_rank, monkeypatch, arguments, status, capfd
):
    as_rank(3)
    said = {}
    for local_rank in ("1", "0"):
        monkeypatch.setenv("LOCAL_RANK", local_rank)
        with pytest.raises(SystemExit) as ended:
            main(arguments.split())
        assert ended.value.code == status
        said[local_rank] = "".join(capfd.readouterr())
    assert not said["1"]
    assert said["0"]


@pytest.mark.parametrize(
    ("rank", "count", "local_rank"),
    [(None, "2", "0"), ("0", "two", "0"), ("0", "", "0"), ("0", "2", None), ("3", "1", "0"),
     ("-1", "2", "0"), ("0", "0", "0"), ("0", "2", "1"), ("1.0", "2", "0")],
)  # fmt: skip
def test_numbers_that_torchrun_would_not_give_are_refused(monkeypatch, rank, count, local_rank):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    for name, value in (("RANK", rank), ("WORLD_SIZE", count), ("LOCAL_RANK", local_rank)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    found = f"RANK={rank or ''}, WORLD_SIZE={count}, LOCAL_RANK={local_rank or ''}: these are not"
    with pytest.raises(ValueError, match=re.escape(found)):
        Ranks("cpu")


@pytest.mark.parametrize(
    ("rank", "local_rank", "kind"), [(1, 1, ConnectionAbortedError), (2, 0, ConnectionError)]
)
def test_where_one_cannot_go_on_those_of_its_machine_end_silently(
    monkeypatch, rank, local_rank, kind
):
    one = among(rank, 4)
    one.local_rank = local_rank
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(one, "_first", lambda fails: 0)
    match = "rank 0 cannot go on, and says why"
    with pytest.raises(ConnectionError, match=match) as caught, one.together():
        pass
    assert type(caught.value) is kind
    assert explain(caught.value) == (2, "" if local_rank else str(caught.value))


def test_the_first_that_cannot_go_on_says_why(monkeypatch):
    one = among(0, 2)
    monkeypatch.setattr(one, "_first", lambda fails: 0 if fails else None)
    with one.together():
        pass
    with pytest.raises(ValueError, match="the reason"), one.together():
        raise ValueError("the reason")


@pytest.mark.parametrize(
    "command", ["evaluate lenet5 --data mnist-sample", "predict lenet5 no.png",
                "export lenet5 --out no/a.onnx", "summary lenet5"]
)  # fmt: skip
def test_what_is_no_training_is_left_to_the_first(as_rank, command, capfd):
    as_rank(1)
    assert main(command.split()) == 0
    assert capfd.readouterr() == ("", "")
    as_rank(0)
    main(command.split())
    assert "".join(capfd.readouterr())


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda", "cpu:gloo,cuda:nccl")])
def test_the_processes_of_torchrun_meet_by_what_their_device_needs(
    as_rank, monkeypatch, device, backend
):
    met = []
    as_rank(1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setattr(distributed, "_own_device", lambda *asked: torch.device(device))
    monkeypatch.setattr(distributed, "_meet", met.append)
    found = Ranks(device)
    assert (found.rank, found.count, found.local_rank) == (1, 2, 0)
    assert met == [backend]


@pytest.mark.parametrize(("local_rank", "order"), [(0, "load wait wait"), (1, "wait load wait")])
def test_the_first_process_of_a_machine_downloads_alone(monkeypatch, local_rank, order):
    one, done = among(3, 4), []
    one.local_rank = local_rank
    monkeypatch.setattr(one, "_first", lambda fails: done.append("wait"))
    with one.first_on_each_machine():
        done.append("load")
    assert done == order.split()


@pytest.mark.parametrize(
    ("count", "before", "said"),
    [
        (1, None, ""),
        (1, 1, ""),
        (3, 3, "3 processes share each step of 32 images, 10 or 11 each; the peak learning rate"),
        (2, None, "2 processes share each step of 32 images, 16 each; the peak learning rate"),
        (1, 4, "processes: 4 up to here, and now 1; steps and learning rates stay the same"),
    ],
)
def test_what_several_processes_do_is_said(count, before, said, capsys):
    _say_who_trains(count, before, 32, 0.02)
    out = capsys.readouterr().out
    assert out.startswith(said)
    assert out.count("\n") == bool(said)


def test_a_step_has_two_images_for_each():
    check_parts(1, 1)
    check_parts(4, 2)
    with pytest.raises(ValueError, match=r"batch_size=3: give 4 or more, two images for each of"):
        check_parts(3, 2)


def test_other_settings_than_those_of_the_first_are_refused(monkeypatch):
    second = among(1, 2)
    monkeypatch.setattr(second, "share", lambda data: b'{"lr": 0.1, "seed": 1, "augment": "<f>"}')
    monkeypatch.setattr(second, "_first", lambda fails: 1 if fails else None)
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


def test_an_empty_rank_is_none(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    for text, rank in (("", None), ("0", "0"), ("1", "1")):
        monkeypatch.setenv("RANK", text)
        assert console.rank() == rank
