"""The command line: runs that survive being killed, and errors told in one line."""

import contextlib
import io
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import error, status
from damage import contents
from PIL import Image
from ranks import stop

import cnn_course
from cnn_course import commands, reporting, running, weight_files
from cnn_course.cli import main
from cnn_course.data import load
from cnn_course.history import History
from cnn_course.models import LeNet5, build, load_model, pretrained, save_model
from cnn_course.names import MODELS
from cnn_course.reporting import Progress

with contextlib.suppress(ImportError):  # Windows
    import fcntl

TRAIN = ["train", "lenet5", "--data", "mnist-sample", "--device", "cpu", "--limit", "200"]
SMALLEST = {
    "flatten-cnn": 4, "global-pool-cnn": 4, "deep-cnn": 2, "lenet5": 12, "lenet5-1998": 12,
    "modern_cnn": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run, finished: its folder."""
    out = tmp_path_factory.mktemp("run")
    assert main([*TRAIN, "--epochs", "3", "--out", str(out)]) == 0
    return out


@pytest.fixture
def folder(tmp_path):
    """Images of two classes, of several sizes and kinds, as a reader has them."""
    for split, count in (("train", 6), ("test", 3)):
        for name, value in (("bright", 220), ("dark", 30)):
            place = tmp_path / "mine" / split / name
            place.mkdir(parents=True)
            for i in range(count):
                mode, colour = [("RGB", (value, value - 20, value)), ("L", value)][i % 2]
                Image.new(mode, (40 + 3 * i, 36), colour).save(place / f"{i}.png")
    return tmp_path / "mine"


def test_a_run_leaves_one_file_of_weights_and_its_history(run):
    assert sorted(p.name for p in run.iterdir()) == ["history.json", "lenet5.safetensors"]
    history = json.loads((run / "history.json").read_text())
    assert len(history["train_loss"]) == len(history["validation_accuracy"]) == 3
    model, about = load_model(run / "lenet5.safetensors")
    assert about["classes"] == [str(digit) for digit in range(10)]
    assert model.layers[0].mean.item() > 0.1  # the normalisation travels along


def test_a_row_an_epoch_and_no_bar_where_there_is_no_terminal(tmp_path, capsys):
    assert main([*TRAIN, "--epochs", "2", "--out", str(tmp_path / "run")]) == 0
    said = capsys.readouterr()
    rows = [line for line in said.out.splitlines() if line.startswith("epoch")]
    assert [row.split()[1] for row in rows] == ["1/2", "2/2"]
    assert said.err == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("columns", ["120", "1", "0", "wide"])
def test_on_a_terminal_a_bar_shows_loss_accuracy_speed_and_time_left(monkeypatch, columns):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", columns)
    images = load("mnist-sample", "validation")
    with Progress(images, epochs=4, batch_size=100) as progress:
        history = History([2.0], [1.5], [0.6], [0.1])
        progress(1, 20, 2.3, History())
        progress(5, 20, 1.3, history)
        progress(7, 20, 1.25, history)
        bar = str(progress.bar)
    if columns == "120":
        assert re.search(r"700/2000 \[\d\d:\d\d<\d\d:\d\d, .* images/s", bar)
        assert "loss=1.250, accuracy=60.0%" in bar


@pytest.mark.parametrize(
    ("batch", "asked", "threads"), [("32", "", 1), ("400", "", 2), ("32", "2", 2)]
)
def test_small_steps_are_taken_on_one_thread_unless_threads_are_asked_for(
    tmp_path, monkeypatch, batch, asked, threads
):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        options = ["--epochs", "1", "--batch-size", batch, "--out", str(tmp_path / "run")]
        assert main([*TRAIN, *options]) == 0
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


KILLED = """
import os, signal, sys
from cnn_course import reporting
from cnn_course.cli import main
row = reporting.say
def say(text):
    row(text)
    if text.startswith("epoch   3"):
        os.kill(os.getpid(), signal.SIGKILL)
reporting.say = say
main(sys.argv[1:])
"""


def test_killed_or_stopped_it_resumes_to_the_same_weights(tmp_path, capsys, monkeypatch):
    command = [*TRAIN, "--epochs", "5", "--out"]
    assert status(*command, tmp_path / "undisturbed") == 0
    expected = load_model(tmp_path / "undisturbed" / "lenet5.safetensors")[0].state_dict()

    killed, stopped = tmp_path / "killed", tmp_path / "stopped"
    result = subprocess.run([sys.executable, "-c", KILLED, *command, killed], capture_output=True)
    assert result.returncode == -signal.SIGKILL
    assert result.stderr == b""

    def stop(text):
        if text.startswith("epoch   2"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reporting, "say", stop)
        said = error(capsys, *command, stopped, code=130)
    assert said == "cnn-course: stopped; add --resume to go on after the last epoch\n"

    for out in (killed, stopped):
        assert sorted(path.name for path in out.rglob("*")) == ["checkpoint", "state.safetensors"]
        assert status(*command, out, "--resume") == 0
        assert sorted(p.name for p in out.rglob("*")) == ["history.json", "lenet5.safetensors"]
        resumed = load_model(out / "lenet5.safetensors")[0].state_dict()
        assert all(torch.equal(resumed[name], value) for name, value in expected.items())


@pytest.mark.parametrize("place", ["cnn_course.running.fit", "cnn_course.running.load"])
def test_stopped_before_anything_is_saved_there_is_nothing_to_resume(
    tmp_path, capsys, monkeypatch, place
):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, stop)
    said = error(capsys, *TRAIN, "--out", tmp_path / "runs" / "run", code=130)
    assert said == "cnn-course: stopped\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["evaluate", "predict", "export", "summary"])
def test_stopped_in_any_other_command_it_does_not_speak_of_resuming(capsys, monkeypatch, command):
    def stop(**arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, command, stop)
    more = {
        "evaluate": ["--data", "mnist-m"], "predict": ["a.png"], "export": ["--out", "a.onnx"],
        "summary": [],
    }[command]  # fmt: skip
    assert error(capsys, command, "lenet5", *more, code=130) == "cnn-course: stopped\n"


def test_finished_and_unfinished_runs_are_not_overwritten(run, tmp_path, capsys):
    before = (run / "lenet5.safetensors").read_bytes()
    assert "holds a finished run; give another --out" in error(capsys, *TRAIN, "--out", run)
    assert "finished run" in error(capsys, *TRAIN, "--out", run, "--resume")
    assert (run / "lenet5.safetensors").read_bytes() == before
    state = tmp_path / "begun" / "checkpoint" / "state.safetensors"
    state.parent.mkdir(parents=True)
    state.write_bytes(b"precious")
    assert "add --resume" in error(capsys, *TRAIN, "--out", tmp_path / "begun")
    assert state.read_bytes() == b"precious"


@pytest.fixture
def unfinished(tmp_path, monkeypatch):
    """A folder of a training that was stopped after its first epoch."""
    with monkeypatch.context() as patch:
        patch.setattr(reporting, "say", stop)
        assert status(*TRAIN, "--epochs", "2", "--out", tmp_path / "run") == 130
    return tmp_path / "run"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no folder")
@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_where_a_training_is_at_work_none_begins(tmp_path, capsys, monkeypatch, more):
    """Nor does one in its place end it, or take away what it has saved."""
    out, said = tmp_path / "run", []

    def meanwhile(text):  # after the first epoch, and the second
        before = contents(out)
        assert status(*TRAIN, "--epochs", "1", "--out", out, *more) == 2
        said.append(capsys.readouterr().err)
        assert contents(out) == before

    with monkeypatch.context() as patch:
        patch.setattr(reporting, "say", meanwhile)
        patch.setattr(running.RunFolder, "check_free", lambda self, resume: None)
        assert status(*TRAIN, "--epochs", "2", "--out", out) == 0
    sentence = f"another training is at work in {out}; wait for its end, or give another --out"
    assert said == [f"cnn-course: {sentence}\n"] * 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no folder")
def test_a_folder_is_free_again_when_its_training_was_killed(unfinished):
    code = (
        "import os; from pathlib import Path; from cnn_course.running import RunFolder\n"
        f"with RunFolder(Path({str(unfinished)!r}), 'lenet5').claimed(resume=True):\n"
        "    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert status(*TRAIN, "--epochs", "2", "--out", unfinished, "--resume") == 0


def test_a_run_that_ends_before_this_one_begins_is_kept(tmp_path, capsys, monkeypatch):
    """Images take a while to load, in which another training may have come and gone."""
    out, data = tmp_path / "run", running._training_data

    def meanwhile(*arguments):
        monkeypatch.setattr(running, "_training_data", data)
        assert status(*TRAIN, "--epochs", "1", "--out", out) == 0
        capsys.readouterr()
        return data(*arguments)

    monkeypatch.setattr(running, "_training_data", meanwhile)
    assert "holds a finished run" in error(capsys, *TRAIN, "--epochs", "2", "--out", out)
    assert len(json.loads((out / "history.json").read_text())["train_loss"]) == 1


@pytest.mark.parametrize("content", ['{"mine": 1}', "[1]", "", '{"train_loss": []}'])
def test_a_foreign_history_outlives_a_resumption(unfinished, capsys, content):
    (unfinished / "history.json").write_text(content)
    before = contents(unfinished)
    for more in ([], ["--resume"]):
        said = error(capsys, *TRAIN, "--epochs", "2", "--out", unfinished, *more)
        assert "history.json is of something else; give another --out" in said
        assert contents(unfinished) == before


def test_a_huge_history_is_not_read(tmp_path, capsys):
    with open(tmp_path / "history.json", "wb") as file:
        file.truncate(2**36)  # more than there is memory, and no space on the disk
    assert "history.json is of something else" in error(capsys, *TRAIN, "--out", tmp_path)


def test_resume_where_there_is_nothing_starts_afresh(tmp_path):
    out = tmp_path / "new"
    assert main([*TRAIN, "--epochs", "1", "--resume", "--out", str(out)]) == 0
    assert (out / "lenet5.safetensors").is_file()


def test_a_damaged_checkpoint_is_named_and_kept(tmp_path, capsys):
    state = tmp_path / "checkpoint" / "state.safetensors"
    state.parent.mkdir()
    state.write_bytes(b"half")
    assert "state.safetensors is damaged" in error(capsys, *TRAIN, "--resume", "--out", tmp_path)
    assert state.read_bytes() == b"half"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lr", "nan"], "--lr: nan: give a learning rate above 0"),
        (["--lr", "inf"], "--lr: inf: give a learning rate"),
        (["--lr", "1e-400"], "--lr: 1e-400: give a learning rate"),
        (["--lr", "-1"], "--lr: -1: give a learning rate"),
        (["--lr", "fast"], "--lr: fast: give a learning rate"),
        (["--lr", "1e39"], "--lr: 1e39: give a learning rate above 0, and 1e+38 at most"),
        (["--lr", "1e308"], "--lr: 1e308: give"),
        (["--lr", "1_0"], "--lr: 1_0: give"),
        (["--lr", "\u0661"], "--lr: \u0661: give"),
        (["--epochs", "-1"], "--epochs: -1: give a whole number from 1 to"),
        (["--epochs", "0"], "--epochs: 0: give a whole number from 1 to"),
        (["--epochs", "1.5"], "--epochs: 1.5: give a whole number"),
        (["--epochs", "9" * 5000], "give a whole number from 1 to 1,000,000,000"),
        (["--batch-size", "0"], "--batch-size: 0: give"),
        (["--batch-size", str(2**70)], "give a whole number from 1 to"),
        (["--batch-size=--"], "argument --batch-size"),
        (["--from", "lenet5", "--seed=--"], "argument --seed"),
        (["--limit", "0"], "--limit: 0: give"),
        (["--limit", "1e3"], "--limit: 1e3: give a whole number"),
        (["--seed", "-1"], "--seed: -1: give a whole number from 0 to"),
        (["--seed", str(2**64)], "--seed: 18446744073709551616: give a whole number from 0"),
        (["--device", "moon"], "device 'moon' cannot be used here"),
        (["--data", "nothing"], "there is no data set 'nothing'; choose one of mnist-sample"),
        (["--data", "folder:"], "there is no data set 'folder:'"),
        (["--data", "folder:/no/such"], "there is no folder /no/such"),
        (["--from", "nobody"], "'nobody' is neither a file nor a folder nor one of mlp"),
        (["--from", "a" * 300], "give a shorter path"),
        (["--out", "a" * 300], "give a shorter path"),
        (["--out", "/proc/a"], "/proc/a"),
        (["--out", "/proc/" + "no/" * 1300], "/proc/no"),
    ],
)
def test_bad_settings_are_named(tmp_path, capsys, arguments, words):
    assert words in error(capsys, *TRAIN, "--out", tmp_path / "run", *arguments)
    assert not list(tmp_path.iterdir())


def test_after_an_error_the_same_folder_can_be_used(tmp_path, capsys):
    out = tmp_path / "run"
    assert "'moon'" in error(capsys, *TRAIN, "--device", "moon", "--out", out)
    assert main([*TRAIN, "--epochs", "1", "--out", str(out)]) == 0


def test_a_model_that_there_is_not(tmp_path, capsys):
    said = error(capsys, "train", "lenet6", "--data", "mnist-sample", "--out", tmp_path / "a")
    assert "there is no model 'lenet6'; there are: mlp" in said


def failed_run(capsys, out, *arguments):
    """What a training that fails says; it leaves its history and no weights."""
    command = ["train", "mlp", "--data", "mnist-sample", "--device", "cpu", "--out", out]
    said = error(capsys, *command, *arguments, code=1)
    assert f"no weights are saved, and {out / 'history.json'} shows how it went" in said
    assert not list(out.rglob("*.safetensors")) or (out / "checkpoint").is_dir()
    history = json.loads((out / "history.json").read_text())
    assert history["failure"] in said
    return said, history


def test_a_loss_that_is_not_finite_fails(tmp_path, capsys):
    said, history = failed_run(capsys, tmp_path / "run", "--lr", "1e30")
    assert re.search(r"the loss is \w+ at step \d+ of epoch 1; try a learning rate below", said)
    assert history["train_loss"] == []


def test_a_loss_that_explodes_fails(tmp_path, capsys):
    said, history = failed_run(capsys, tmp_path / "run", "--lr", "100", "--epochs", "2")
    assert "the loss has exploded" in said
    assert "try a smaller learning rate (the learning rate was 100)" in said
    assert history["train_loss"][-1] > 1e6


def test_a_run_that_ends_at_guessing_fails_and_its_folder_can_be_used(tmp_path, capsys):
    out = tmp_path / "run"
    said, history = failed_run(capsys, out, "--lr", "1e-9", "--epochs", "2")
    assert "no better than guessing: of 500 validation images" in said
    assert len(history["train_loss"]) == 2
    train = ["train", "mlp", "--data", "mnist-sample", "--epochs", "2", "--out", out]
    assert "leave out --resume" in error(capsys, *train, "--lr", "1e-9", "--resume")
    assert status(*train) == 0
    assert "holds a run that failed, whose place this one takes" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["history.json", "mlp.safetensors"]
    assert "failure" not in json.loads((out / "history.json").read_text())


def test_a_short_run_may_end_at_guessing(tmp_path):
    options = ["--lr", "1e-9", "--limit", "200", "--epochs", "2", "--out", tmp_path / "run"]
    assert status("train", "mlp", "--data", "mnist-sample", *options) == 0


def test_what_a_reader_has_in_the_folder_stays(tmp_path, capsys):
    (tmp_path / "history.json").write_text('{"mine": 1}')
    assert "history.json is of something else" in error(capsys, *TRAIN, "--out", tmp_path)
    assert (tmp_path / "history.json").read_text() == '{"mine": 1}'
    other = tmp_path / "other"
    (other / "checkpoint").mkdir(parents=True)
    (other / "checkpoint" / "notes.txt").write_text("mine")
    assert status(*TRAIN, "--epochs", "1", "--out", other) == 0
    assert [path.name for path in (other / "checkpoint").iterdir()] == ["notes.txt"]


def test_a_full_disk_says_so_and_keeps_what_was_saved(tmp_path, capsys, monkeypatch):
    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = error(capsys, *TRAIN, "--epochs", "1", "--out", tmp_path / "runs" / "run")
    assert "could not be written (No space left on device); what was saved is kept" in said
    assert not list(tmp_path.iterdir())


def run_out(error):
    raise error


@pytest.mark.parametrize(
    "use",
    [
        lambda **arguments: run_out(MemoryError()),
        lambda **arguments: run_out(torch.OutOfMemoryError("CUDA out of memory.")),
        lambda **arguments: torch.empty(2**60),
        lambda **arguments: torch.empty(2**62, 2**62),
        lambda **arguments: np.empty(2**58),
    ],
)
def test_too_little_memory_is_one_line(capsys, monkeypatch, use):
    monkeypatch.setattr(commands, "summary", use)
    assert "there is not enough memory; try" in error(capsys, "summary", "mlp")


def test_other_errors_are_faults_and_keep_their_traceback(monkeypatch):
    monkeypatch.setattr(commands, "summary", lambda **arguments: run_out(RuntimeError("a fault")))
    with pytest.raises(RuntimeError, match="a fault"):
        status("summary", "mlp")


def test_a_run_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert "is a file; give a folder" in error(capsys, *TRAIN, "--out", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert "is a link that leads nowhere" in error(capsys, *TRAIN, "--out", tmp_path / "link")


def test_usage_errors_are_one_line(capsys):
    for arguments in ([], ["fly"], ["train", "lenet5"], [*TRAIN, "--epochs", "many"]):
        assert "see cnn-course" in error(capsys, *arguments)


def test_the_version(capsys):
    assert status("--version") == 0
    assert capsys.readouterr().out == f"cnn-course {cnn_course.__version__}\n"


def test_debug_shows_the_traceback():
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        main(["evaluate", "lenet5", "--data", "folder:/no/such", "--debug"])


def test_evaluate_as_json_and_as_text(run, capsys):
    assert main(["evaluate", str(run), "--data", "mnist-sample", "--json"]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert said.err == ""
    assert list(result) == ["accuracy", "loss", "count", "confusion"]
    confusion = torch.tensor(result["confusion"])
    assert result["count"] == confusion.sum() == 1000
    assert confusion.diagonal().sum().item() / 1000 == pytest.approx(result["accuracy"])
    assert confusion.sum(1).tolist() == [100] * 10  # a row for each true class
    assert main(["evaluate", str(run), "--data", "mnist-sample", "--split", "validation"]) == 0
    assert "of 500 images right" in capsys.readouterr().out


def test_own_images_of_any_size_through_all_commands(folder, tmp_path, capsys):
    out = tmp_path / "run"
    data = f"folder:{folder}"
    command = ["train", "lenet5", "--data", data, "--epochs", "8", "--batch-size", "4"]
    assert main([*command, "--out", str(out)]) == 0
    assert main(["evaluate", str(out), "--data", data, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["count"] == 6
    image = folder / "test" / "dark" / "0.png"
    assert main(["predict", str(out), str(image), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["class"] in ("bright", "dark")
    assert 0.5 <= answer["probability"] <= 1
    # Fine-tuned on other classes: the last layer starts afresh.
    again = tmp_path / "again"
    (folder / "train" / "dark").rename(folder / "train" / "night")
    (folder / "test" / "dark").rename(folder / "test" / "night")
    assert main([*command, "--from", str(out), "--epochs", "1", "--out", str(again)]) == 0
    assert load_model(again / "lenet5.safetensors")[1]["classes"] == ["bright", "night"]
    assert "the class 'night', which the network does not know" in error(
        capsys, "evaluate", out, "--data", data
    )


def test_weights_are_taken_over_and_another_last_layer_is_fresh(run):
    start = load_model(run / "lenet5.safetensors")[0].state_dict()
    network = build("lenet5", 1, 28, 3)
    running._take_weights(network, str(run))
    for name, value in network.state_dict().items():
        same = value.shape == start[name].shape and torch.equal(value, start[name])
        assert same == ("layers.12" not in name), name
    with pytest.raises(ValueError, match="is another network, or for images of another size"):
        running._take_weights(build("mlp"), str(run))


def test_two_dashes_are_no_image(capsys):
    assert "argument --: give a value" in error(capsys, "predict", "lenet5", "--", "--")


def test_predict_names_what_is_no_image(run, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no picture")
    said = error(capsys, "predict", run, tmp_path / "text.png")
    assert "text.png is no image that Pillow can read" in said
    assert "there is no file" in error(capsys, "predict", run, tmp_path / "none.png")
    digit = load("mnist-sample", "test").images[0, 0]
    Image.fromarray(digit.numpy()).resize((100, 80)).save(tmp_path / "digit.png")
    assert main(["predict", str(run), str(tmp_path / "digit.png")]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'digit.png'}: ")


def test_a_folder_without_a_network(tmp_path, capsys):
    assert "holds no trained network" in error(
        capsys, "evaluate", tmp_path, "--data", "mnist-sample"
    )
    said = error(capsys, "evaluate", "mlp", "--data", "mnist-sample")
    assert "no weights come with the course for mlp" in said
    for name in ("b.safetensors", "a.safetensors"):
        (tmp_path / name).touch()
    said = error(capsys, "evaluate", tmp_path, "--data", "mnist-sample")
    assert "holds several networks; give one of its files: a.safetensors, b.safetensors" in said


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("mnist-m", "mlp-mnist-m"),
        ("folder:photos", "mlp-folder-photos"),
        ("folder:/a/b c/", "mlp-folder--a-b c"),
        (r"folder:C:\me\photos", "mlp-folder-C--me-photos"),
        ("folder:" + "я/" * 5000, "mlp-" + "-я" * 25),
        ("folder:/", "mlp-folder-"),
    ],
)
def test_the_name_of_a_runs_folder(data, name):
    assert running._default_name("mlp", data) == name


def test_what_is_no_plain_file_is_not_waited_for(run, tmp_path, capsys):
    pipe = tmp_path / "pipe.onnx"
    os.mkfifo(pipe)
    assert "neither a file" in error(capsys, "evaluate", pipe, "--data", "mnist-sample")
    assert "is a file; give a folder" in error(capsys, *TRAIN, "--out", pipe)
    assert "give a file" in error(capsys, "export", run, "--out", pipe)
    assert pipe.is_fifo()


def test_a_network_that_gives_nan_has_no_accuracy(tmp_path, capsys):
    about = {"in_channels": 1, "input_size": 28, "classes": list("0123456789")}
    model = LeNet5()
    model.layers[1].bias.data.fill_(math.nan)
    save_model(tmp_path / "a.safetensors", model, "lenet5", about)
    said = error(capsys, "evaluate", tmp_path, "--data", "mnist-sample", "--json")
    assert "numbers that are not finite" in said


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_download_reaches_the_data(command, capsys, monkeypatch):
    asked = []

    def load(name, split, *, download=False, **options):
        asked.append((name, download))
        raise FileNotFoundError("none")

    monkeypatch.setattr(running if command == "train" else commands, "load", load)
    for more in ([], ["--download"]):
        error(capsys, command, "lenet5", "--data", "cifar10", *more)
    assert asked == [("cifar10", False), ("cifar10", True)]


@pytest.mark.parametrize(("model", "data"), [("grey", "mnist-m"), ("colour", "mnist-sample")])
def test_evaluate_brings_images_to_the_networks_size_and_channels(
    run, tmp_path, capsys, model, data
):
    if model == "colour":
        about = {"in_channels": 3, "input_size": 32, "classes": list("0123456789")}
        save_model(tmp_path / "a.safetensors", LeNet5(3, 32), "lenet5", about)
        run = tmp_path
    assert main(["evaluate", str(run), "--data", data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 1000


def test_grey_is_what_pillow_makes_of_colour():
    about = {"in_channels": 1, "input_size": 32, "classes": list("0123456789")}
    ours = commands._fitting("mnist-m", "validation", about).images[0, 0]
    colour = load("mnist-m", "validation").images[0].permute(1, 2, 0)
    theirs = torch.from_numpy(np.array(Image.fromarray(colour.numpy()).convert("L")))
    assert (ours.int() - theirs.int()).abs().max() <= 1


def test_summary_lists_the_layers(capsys):
    assert main(["summary", "lenet5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["total", "61,706", "416,520"]
    assert main(["summary", "lenet5", "--input-shape", "3,32,32"]) == 0
    assert "83,126" in capsys.readouterr().out


@pytest.mark.parametrize(
    "shape",
    ["3,32", "a,b,c", "1,28,30", "-1,28,28", "0,28,28", "1,0,0", "1,28,28,1", "1,1e3,1e3", "", ",,",
     "1,28.0,28.0", "1,70000,70000", "1,99999999999,99999999999", "１,28,28"],
)  # fmt: skip
def test_a_shape_that_cannot_be_is_named(capsys, shape):
    said = error(capsys, "summary", "lenet5", f"--input-shape={shape}")
    assert f"--input-shape: {shape}: " in said


@pytest.mark.parametrize("model", MODELS)
def test_summary_of_images_of_any_size(capsys, model):
    assert main(["summary", model, "--input-shape", "3,65536,65536"]) == 0
    assert "65536" in capsys.readouterr().out


@pytest.mark.parametrize(("model", "smallest"), SMALLEST.items())
def test_images_too_small_for_a_network(tmp_path, capsys, model, smallest):
    side = smallest - 1
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            place = tmp_path / "mine" / split / name
            place.mkdir(parents=True)
            for i in range(6):
                Image.new("L", (side, side), 40 * i).save(place / f"{i}.png")
    out = tmp_path / "run"
    said = error(capsys, "train", model, "--data", f"folder:{tmp_path / 'mine'}", "--out", out)
    assert f"input_size={side}" in said
    assert f"needs {smallest} or more" in said
    assert not out.exists()
    said = error(capsys, "summary", model, "--input-shape", f"1,{side},{side}")
    assert f"needs {smallest} or more" in said
    assert main(["summary", model, "--input-shape", f"1,{smallest},{smallest}"]) == 0


# ------------------------------------------------------------------------ files that say anything


@pytest.mark.parametrize(
    "content", ['["failure"]', '"a failure"', '{"failure": 1}', "[" * 10**5, "\xff"]
)
def test_a_history_that_is_not_ours_stays(tmp_path, capsys, content):
    (tmp_path / "history.json").write_text(content, encoding="latin-1")
    assert "history.json is of something else" in error(capsys, *TRAIN, "--out", tmp_path)
    assert (tmp_path / "history.json").read_text(encoding="latin-1") == content


def test_a_history_that_is_a_pipe_is_not_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "history.json")
    assert "history.json is of something else" in error(capsys, *TRAIN, "--out", tmp_path)
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "state.safetensors").write_bytes(b"what was saved")
    said = error(capsys, *TRAIN, "--out", tmp_path, "--resume")
    assert "history.json is of something else" in said


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_network_that_gives_nan_has_no_answer(tmp_path, capsys, json):
    model = LeNet5()
    model.layers[1].bias.data.fill_(math.nan)
    about = {"in_channels": 1, "input_size": 28, "classes": list("0123456789")}
    save_model(tmp_path / "a.safetensors", model, "lenet5", about)
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    said = error(capsys, "predict", tmp_path, tmp_path / "a.png", *json)
    assert "gives numbers that are not finite: its training failed, or it is damaged" in said


def test_a_network_of_digits_of_another_size_takes_the_image_as_it_is(tmp_path, capsys):
    about = {"in_channels": 3, "input_size": 32, "classes": list("0123456789"), "data": "mnist"}
    save_model(tmp_path / "a.safetensors", LeNet5(3, 32), "lenet5", about)
    Image.new("L", (40, 30)).save(tmp_path / "a.png")
    assert status("predict", tmp_path, tmp_path / "a.png") == 0
    about["in_channels"] = 2
    save_model(tmp_path / "a.safetensors", LeNet5(2, 32), "lenet5", about)
    assert "channels=2: give 1 (grey)" in error(capsys, "predict", tmp_path, tmp_path / "a.png")


def test_what_libraries_warn_of_is_no_part_of_an_answer(recwarn, monkeypatch):
    def summary(**arguments):
        warnings.warn("a library thinks something", stacklevel=1)
        warnings.warn_explicit("we think so too", UserWarning, "data.py", 1, "cnn_course.data")

    monkeypatch.setattr(commands, "summary", summary)
    assert status("summary", "mlp") == 0
    assert [str(warning.message) for warning in recwarn] == ["we think so too"]


@pytest.mark.parametrize("side", [1025, 10**5, 2**31, 2**63, 10**30])
def test_a_network_for_images_of_any_size_is_for_none_that_are_huge(tmp_path, capsys, side):
    """Global pooling has no weights that would say how large its images are."""
    about = {"in_channels": 1, "input_size": 28, "classes": list("0123456789"), "data": "mnist"}
    tensors, file = build("global-pool-cnn").state_dict(), tmp_path / "a.safetensors"
    weight_files.write(file, tensors, about | {"model": "global-pool-cnn", "input_size": side})
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    for command in (
        ["predict", file, tmp_path / "a.png"],
        ["evaluate", file, "--data", "mnist-sample"],
        ["export", file, "--out", tmp_path / "a.onnx"],
    ):
        assert f"input_size={side} is more than 1024); give another" in error(capsys, *command)


def test_a_network_for_large_images_takes_few_at_a_time(tmp_path, monkeypatch):
    seen = []

    def logits(network, images, *, batch_size, device):
        seen.append((batch_size, tuple(images.images.shape)))
        return torch.zeros(len(images), 10)

    monkeypatch.setattr(commands, "predict_logits", logits)
    for side in (28, 64, 128, 256):
        about = {"in_channels": 1, "input_size": side, "classes": list("0123456789")}
        file = tmp_path / f"{side}.safetensors"
        save_model(file, build("global-pool-cnn"), "global-pool-cnn", about)
        assert status("evaluate", file, "--data", "mnist-sample", "--split", "validation") == 0
    assert seen == [(n, (500, 1, s, s)) for n, s in ((500, 28), (500, 64), (125, 128), (31, 256))]


def test_a_data_set_that_a_network_would_make_too_large_is_refused(tmp_path, capsys, monkeypatch):
    about = {"in_channels": 3, "input_size": 1000, "classes": list("0123456789")}
    save_model(tmp_path / "a", build("modern_cnn", 3), "modern_cnn", about)
    monkeypatch.setattr(commands, "MAX_BYTES", 2_999_999_999)
    said = error(capsys, "evaluate", tmp_path / "a", "--data", "mnist-sample")
    assert "takes 3 GB at the network's 1000×1000 pixels; give a network for smaller" in said


def test_weights_that_cannot_be_read_are_named(capsys, tmp_path):
    """A file that is there and whose disk fails, as a process's own memory does at its start."""
    assert status("predict", "/proc/self/mem", tmp_path / "a.png") == 2
    said = capsys.readouterr().err
    assert said == "cnn-course: /proc/self/mem: Input/output error; give another\n"


# ------------------------------------------------------------------- a folder that does not stay


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no folder")
@pytest.mark.parametrize("taken", ["moved", "removed"])
def test_a_training_whose_folder_is_taken_away_leaves_the_next_ones_alone(
    tmp_path, capsys, monkeypatch, taken
):
    out, rows = tmp_path / "run", []

    def meanwhile(text):
        rows.append(text)
        if len(rows) == 1:
            out.rename(tmp_path / "elsewhere") if taken == "moved" else shutil.rmtree(out)
            (out / "checkpoint").mkdir(parents=True)
            (out / "checkpoint" / "state.safetensors").write_bytes(b"another one's")

    monkeypatch.setattr(reporting, "say", meanwhile)
    said = error(capsys, *TRAIN, "--epochs", "3", "--out", out)
    assert f"{out} was moved or removed while a training saved into it" in said
    assert len(rows) == 1
    assert [p.name for p in out.rglob("*")] == ["checkpoint", "state.safetensors"]
    assert (out / "checkpoint" / "state.safetensors").read_bytes() == b"another one's"
    if taken == "moved":
        monkeypatch.undo()
        moved = tmp_path / "elsewhere"
        assert status(*TRAIN, "--epochs", "3", "--out", moved, "--resume") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no folder")
def test_a_folder_that_is_made_anew_before_it_is_locked_is_another_ones(
    tmp_path, capsys, monkeypatch
):
    out, flock = tmp_path / "run", fcntl.flock

    def meanwhile(handle, how):
        shutil.rmtree(out)
        out.mkdir()
        return flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    assert f"another training is at work in {out}" in error(capsys, *TRAIN, "--out", out)
    assert not list(out.iterdir())


def test_a_resumed_run_that_fails_keeps_the_history_so_far(tmp_path, capsys, monkeypatch):
    rows = []

    def stop_at_two(text):
        rows.append(text)
        if len(rows) == 2:
            raise KeyboardInterrupt

    train = [*TRAIN, "--epochs", "2", "--out", tmp_path / "run"]
    with monkeypatch.context() as patch:
        patch.setattr(reporting, "say", stop_at_two)
        assert status(*train) == 130
    capsys.readouterr()
    monkeypatch.setattr(running, "failure", lambda *run: "it has failed")
    assert "it has failed" in error(capsys, *train, "--resume", code=1)
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert len(history["train_loss"]) == 2


def test_what_cannot_be_saved_into_is_told_before_the_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(running, "fit", None)
    (tmp_path / "checkpoint").touch()
    said = error(capsys, *TRAIN, "--out", tmp_path)
    assert f"{tmp_path / 'checkpoint'} is a file; give another --out" in said

    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(running.tempfile, "TemporaryFile", refuse)
    said = error(capsys, *TRAIN, "--out", tmp_path / "a" / "b")
    assert "checkpoint: Permission denied; give a place that you may read and write" in said
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]
    assert "argument --out: give a folder" in error(capsys, *TRAIN, "--out", "")


def test_where_a_folder_cannot_be_locked_nothing_stays(tmp_path, capsys, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(running, "_locked", refuse)
    assert "Permission denied" in error(capsys, *TRAIN, "--out", tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_listed_is_not_taken_for_an_empty_one(
    tmp_path, capsys, monkeypatch
):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    assert f"{tmp_path}: Permission denied" in error(capsys, "predict", tmp_path, "a.png")
    assert f"{tmp_path}: Permission denied" in error(capsys, *TRAIN, "--out", tmp_path)


def test_too_many_classes_are_told_before_a_training(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(pretrained, "MOST_CLASSES", 1)
    out = tmp_path / "run"
    said = error(capsys, "train", "mlp", "--data", f"folder:{folder}", "--out", out)
    assert "2 classes are more than 1; give fewer" in said
    assert not out.exists()


def test_a_current_folder_that_is_no_more_is_named(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; from cnn_course.cli import main\n"
        "os.rmdir(os.getcwd()); sys.exit(main(['summary', 'mlp']))"
    )
    paths = os.pathsep.join([str(Path(cnn_course.__file__).parents[1]), *sys.path])
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=gone, env=os.environ | {"PYTHONPATH": paths},
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr == "cnn-course: the current folder is no more; go to another one\n"


def test_threads_that_cannot_be_started_are_told(folder, tmp_path, capsys, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    said = error(capsys, *TRAIN, "--data", f"folder:{folder}", "--out", tmp_path / "run")
    assert "no more threads can be started here; end other programs, or raise the limit" in said
