"""The command line: runs that survive being killed, and errors told in one line."""

import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from cnn_course import commands
from cnn_course.cli import main
from cnn_course.data import load
from cnn_course.models import LeNet5, load_model, save_model

TRAIN = ["train", "lenet5", "--data", "mnist-sample", "--device", "cpu", "--limit", "200"]


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


def error(capsys, *arguments):
    """The one line that a failing command says."""
    assert main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert said.err.count("\n") == 1
    assert said.err.startswith("cnn-course: ")
    return said.err


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_on_a_terminal_a_bar_shows_loss_accuracy_speed_and_time_left(tmp_path):
    import fcntl
    import pty
    import struct
    import termios

    terminal, its_end = pty.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    command = [sys.executable, "-m", "cnn_course", *TRAIN, "--epochs", "4", "--limit", "1500"]
    result = subprocess.run(
        [*command, "--out", tmp_path / "run"], stdout=subprocess.PIPE, stderr=its_end, text=True
    )
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    os.close(its_end)
    assert result.returncode == 0
    assert re.search(r"\d+/6000 \[\d\d:\d\d<\d\d:\d\d.* images/s", shown)
    assert re.search(r"loss=\d\.\d+, accuracy=\d+\.\d%", shown)
    assert "images/s" not in result.stdout


def test_killed_at_any_moment_it_resumes_to_the_same_weights(tmp_path):
    command = [sys.executable, "-m", "cnn_course", *TRAIN, "--limit", "1500", "--epochs", "8"]
    command += ["--resume", "--out"]
    subprocess.run([*command, tmp_path / "undisturbed"], check=True, stdout=subprocess.DEVNULL)
    expected = load_model(tmp_path / "undisturbed" / "lenet5.safetensors")[0].state_dict()
    for number, seconds in enumerate((0.0, 0.1, 0.37)):
        out = tmp_path / f"killed {number}"
        process = subprocess.Popen([*command, out], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith("epoch"):
                break  # one epoch is done, seven are to come
        time.sleep(seconds)
        process.kill()
        process.wait()
        process.stdout.close()
        assert not list(out.glob("*.safetensors"))
        subprocess.run([*command, out], check=True, stdout=subprocess.DEVNULL)
        resumed = load_model(out / "lenet5.safetensors")[0].state_dict()
        assert all(torch.equal(resumed[name], value) for name, value in expected.items())


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
        (["--lr", "nan"], "lr=nan: give a finite learning rate above 0"),
        (["--epochs", "-1"], "epochs=-1: give 0 or more"),
        (["--batch-size", "0"], "batch_size=0: give 1 or more"),
        (["--limit", "0"], "--limit 0: give 1 or more"),
        (["--device", "moon"], "device 'moon' cannot be used here"),
        (["--data", "nothing"], "there is no data set 'nothing'; choose one of mnist-sample"),
        (["--data", "folder:/no/such"], "there is no folder /no/such"),
        (["--from", "nobody"], "'nobody' is neither a file nor a folder nor one of mlp"),
    ],
)
def test_bad_settings_are_named(tmp_path, capsys, arguments, words):
    assert words in error(capsys, *TRAIN, "--out", tmp_path / "run", *arguments)


def test_after_an_error_the_same_folder_can_be_used(tmp_path, capsys):
    out = tmp_path / "run"
    assert "epochs=-1" in error(capsys, *TRAIN, "--epochs", "-1", "--out", out)
    assert main([*TRAIN, "--epochs", "1", "--out", str(out)]) == 0


def test_a_model_that_there_is_not(tmp_path, capsys):
    said = error(capsys, "train", "lenet6", "--data", "mnist-sample", "--out", tmp_path / "a")
    assert "there is no model 'lenet6'; there are: mlp" in said


def test_a_loss_that_is_not_finite_says_where(tmp_path, capsys):
    out = tmp_path / "run"
    said = error(capsys, *TRAIN, "--lr", "1e30", "--out", out)
    assert "the loss is" in said
    assert "epoch 1; try a learning rate below" in said


def test_a_run_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert "is a file; give a folder" in error(capsys, *TRAIN, "--out", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_usage_errors_are_one_line(capsys):
    for arguments in ([], ["fly"], ["train", "lenet5"], [*TRAIN, "--epochs", "many"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="there is no data set"):
        main(["evaluate", "lenet5", "--data", "nothing", "--debug"])


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


def test_weights_are_taken_over_and_another_last_layer_is_fresh(run, tmp_path):
    start = load_model(run / "lenet5.safetensors")[0].state_dict()
    network = commands.build("lenet5", 1, 28, 3)
    commands._take_weights(network, str(run))
    for name, value in network.state_dict().items():
        same = value.shape == start[name].shape and torch.equal(value, start[name])
        assert same == ("layers.12" not in name), name
    with pytest.raises(ValueError, match="is another network, or for images of another size"):
        commands._take_weights(commands.build("mlp"), str(run))


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


def test_export_is_checked_and_takes_any_batch(run, tmp_path, capfd):
    onnxruntime = pytest.importorskip("onnxruntime")
    file = tmp_path / "lenet5.onnx"
    assert main(["export", str(run), "--out", str(file)]) == 0
    said = capfd.readouterr()
    assert said.out == f"wrote {file}; onnxruntime gives the same logits\n"
    assert said.err == ""
    session = onnxruntime.InferenceSession(file)
    x = torch.rand(5, 1, 28, 28)
    (found,) = session.run(None, {"images": x.numpy()})
    model = load_model(run / "lenet5.safetensors")[0]
    assert torch.allclose(torch.from_numpy(found), model(x), atol=1e-4)
    assert [p.name for p in tmp_path.iterdir()] == ["lenet5.onnx"]


def test_export_into_nowhere_is_named(run, tmp_path, capsys):
    assert "there is no folder" in error(capsys, "export", run, "--out", tmp_path / "no" / "a.onnx")
    assert "is a folder" in error(capsys, "export", run, "--out", tmp_path)


def test_summary_lists_the_layers(capsys):
    assert main(["summary", "lenet5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["total", "61,706", "416,520"]
    assert main(["summary", "lenet5", "--input-shape", "3,32,32"]) == 0
    assert "83,126" in capsys.readouterr().out
    for shape in ("3,32", "a,b,c", "1,28,30"):
        assert f"--input-shape {shape}" in error(
            capsys, "summary", "lenet5", "--input-shape", shape
        )
