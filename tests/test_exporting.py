"""A network as ONNX: the same logits for any number of images, or one sentence with the reason."""

import math
import re

import pytest
import torch
from command_line import error

from cnn_course.cli import main
from cnn_course.exporting import to_onnx
from cnn_course.models import LeNet5, ModernCNN
from cnn_course.models.pretrained import find

onnxruntime = pytest.importorskip("onnxruntime")


def test_export_is_checked_and_takes_any_batch(tmp_path, capfd):
    file = tmp_path / "lenet5.onnx"
    assert main(["export", "lenet5", "--out", str(file)]) == 0
    said = capfd.readouterr()
    assert said.out == f"wrote {file}; onnxruntime gives the same logits\n"
    assert said.err == ""
    session = onnxruntime.InferenceSession(file)
    x = torch.rand(5, 1, 28, 28)
    (found,) = session.run(None, {"images": x.numpy()})
    assert torch.allclose(torch.from_numpy(found), find("lenet5")[0](x), atol=1e-4)
    assert [p.name for p in tmp_path.iterdir()] == ["lenet5.onnx"]


def test_a_network_with_batch_normalization_is_exported(tmp_path):
    to_onnx(ModernCNN(stem=4, widths=(4, 8)), (3, 32, 32), tmp_path / "a.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_an_exporter_that_fails_says_why_and_what_helps(tmp_path, capsys, monkeypatch):
    def fail(*arguments, **options):
        try:
            raise AttributeError("'tuple' object has no attribute 'dtype'.\nSee the log")
        except AttributeError as error:
            raise RuntimeError("a page of advice\n- to the makers\n- of exporters") from error

    monkeypatch.setattr(torch.onnx, "export", fail)
    assert error(capsys, "export", "lenet5", "--out", tmp_path / "a.onnx") == (
        "cnn-course: the network cannot be written as ONNX with these packages "
        "(AttributeError: 'tuple' object has no attribute 'dtype'); update them: "
        "pip install --upgrade torch torchvision onnx onnxscript onnxruntime\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_other_logits_are_refused(tmp_path, capsys, monkeypatch):
    export = torch.onnx.export

    def another(model, *arguments, **options):
        export(LeNet5().eval(), *arguments, **options)

    monkeypatch.setattr(torch.onnx, "export", another)
    said = error(capsys, "export", "lenet5", "--out", tmp_path / "a.onnx")
    assert re.search(r"differ from PyTorch's by up to [\d.e+]+, and nothing was written; use", said)
    assert list(tmp_path.iterdir()) == []


def test_export_where_it_cannot_be(tmp_path, capsys):
    assert "there is no folder" in error(
        capsys, "export", "lenet5", "--out", tmp_path / "no" / "a.onnx"
    )
    (tmp_path / "b.onnx").mkdir()
    assert "is a folder" in error(capsys, "export", "lenet5", "--out", tmp_path / "b.onnx")
    said = error(capsys, "export", "lenet5", "--out", tmp_path / f"{'a' * 300}.onnx")
    assert "could not be written (File name too long)" in said
    for name in ("a.pt", "onnx", "a.onnx.txt"):
        with pytest.raises(SystemExit):
            main(["export", "lenet5", "--out", str(tmp_path / name)])
        said = capsys.readouterr().err
        assert "what is written is ONNX; give a name that ends in .onnx" in said
    assert [path.name for path in tmp_path.iterdir()] == ["b.onnx"]


def test_what_the_network_cannot_give_is_not_written(tmp_path):
    model = LeNet5()
    with pytest.raises(
        ValueError, match=r"the model takes images with 1 channel.* shape \(3, 3, 28"
    ):
        to_onnx(model, (3, 28, 28), tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"does not take images of shape \(1, 20, 20\)"):
        to_onnx(model, (1, 20, 20), tmp_path / "a.onnx")
    for value in (math.nan, math.inf):
        model.layers[1].bias.data.fill_(value)
        with pytest.raises(ValueError, match="not finite, and nothing was written: its training f"):
            to_onnx(model, (1, 28, 28), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
