"""What the appendix says of several processes: its arithmetic, its commands, its example."""

import re
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from cnn_course import dispatch, results
from cnn_course.inspection import layer_table
from cnn_course.models import LeNet5, ModernCNN
from cnn_course.parser import parser
from cnn_course.recipes import RECIPES

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "appendix" / "beyond_one_machine.md").read_text(encoding="utf-8")
WRITER, READER = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_bytes_of_a_gradient():
    parameters = sum(p.numel() for p in ModernCNN().parameters())
    assert f"ModernCNN has {parameters:,} parameters, a gradient of {4 * parameters:,}" in PAGE
    assert f"eight ranks {2 * 7 / 8 * 4 * parameters:,.0f} bytes" in PAGE


def test_the_table_of_computing_and_sending():
    macs = layer_table(ModernCNN(), (3, 32, 32)).macs
    assert f"{macs / 1e6:.1f} million MACs" in PAGE
    operations = 6 * macs * 128
    assert f"{operations / 1e9:.1f} billion operations" in PAGE
    rows = re.findall(r"^\| [28] .*? \| ([\d.]+) ms at .* \| ([\d.]+) ms at .*$", PAGE, re.M)
    ways = [(2, 50e9, 1e9 / 8), (8, 5e12, 10e9 / 8), (8, 5e12, 100e9)]
    assert len(rows) == len(ways)
    for (computing, sending), (ranks, rate, width) in zip(rows, ways, strict=True):
        assert float(computing) == pytest.approx(1000 * operations / ranks / rate, rel=0.01)
        sent = 2 * (ranks - 1) / ranks * 4 * 269_466
        assert float(sending) == pytest.approx(1000 * sent / width, rel=0.05)


def test_macs_for_each_parameter():
    def ratio(model, shape):
        macs, parameters = (
            layer_table(model, shape).macs,
            sum(p.numel() for p in model.parameters()),
        )
        return macs, parameters, macs / parameters

    macs, parameters, each = ratio(LeNet5(), (1, 28, 28))
    assert f"{macs:,} MACs for {parameters:,} parameters, {each:.1f} each" in PAGE
    assert f"ModernCNN has {ratio(ModernCNN(), (3, 32, 32))[2]:.0f}." in PAGE


def test_the_sizes_of_data():
    assert f"are {45_000 * 3 * 32 * 32 / 1e6:.0f} megabytes" in PAGE
    assert f"are {1e6 * 3 * 224 * 224 / 1e9:.0f} gigabytes" in PAGE


def test_the_measured_rates():
    rows = results.load("scaling")["rows"]
    for row in rows:
        names = f"| {row['network']} | {row['processes']} | {row['threads']} "
        assert f"{names}| {row['images_per_second']:,.0f} |" in PAGE
    lenet5, modern_cnn = rows[:3], rows[3:]
    rates = [row["images_per_second"] for row in modern_cnn]
    assert f"ModernCNN makes {rates[2] / rates[0]:.2f} times as many" in PAGE
    assert abs(rates[1] / rates[2] - 1) < 0.03  # about as many
    rates = [row["images_per_second"] for row in lenet5]
    assert all(0.6 < rate / rates[0] < 0.72 for rate in rates[1:])  # a third fewer
    assert 1000 * RECIPES["lenet5"]["batch_size"] / rates[0] < 9  # milliseconds a step


def test_what_one_gpu_measured():
    rows = {(row["network"], row["way"]): row for row in results.load("gpu")["rows"]}
    for (network, way), row in rows.items():
        assert row["hardware"]["gpu"].startswith("NVIDIA H100")
        assert f"| {network} | {way} | {row['images_per_second']:,.0f} |" in PAGE
    rates = {names: row["images_per_second"] for names, row in rows.items()}
    for network in ("LeNet-5", "ModernCNN"):
        plain, *others = (rates[names] for names in rates if names[0] == network)
        assert plain > max(others)
    (run,) = rows["ModernCNN", "float32"]["runs"]
    peers = results.load("cifar10")["rows"]
    ours = [r["runs"][0]["test_accuracy"] for r in peers if r["network"] == "ModernCNN"]
    assert f"took {sum(run['history']['seconds']):.0f} seconds there" in PAGE
    assert f"{run['test_accuracy']:.2%}".replace("%", " %") + " with one seed" in PAGE
    assert f"beside {100 * statistics.mean(ours):.2f} with three" in PAGE
    assert f"after {until(0.995, rows['LeNet-5', 'float32']):.0f} seconds" in PAGE
    lenet5 = results.load("lenet5")["rows"][0]
    assert f"seed 0 took {until(0.995, lenet5):.0f}." in PAGE
    trainings = results.load("modern_cnn")["rows"]
    rate = 45_000 * 100 * len(trainings) / max(row["seconds"] for row in trainings)
    assert rate == pytest.approx(70_000, rel=0.03)


def until(accuracy: float, row: dict) -> float:
    """The seconds until the first validation accuracy that is as high."""
    history = row["runs"][0]["history"]
    passed = [a >= accuracy for a in history["validation_accuracy"]].index(True)
    return sum(history["seconds"][: passed + 1])


def test_the_commands_are_the_command_lines():
    blocks = re.findall(r"```\n(torchrun.*?)```", PAGE.replace("\\\n", " "), re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(commands) == 5
    for command in commands:
        arguments = shlex.split(command.split("-m cnn_course ")[1])
        assert parser().parse_args(arguments).command == "train"
    assert f"cnn-course: {dispatch.LOST}\n" in PAGE.replace("`", "")


def test_synchronized_statistics_are_refused_on_the_cpu():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        with pytest.raises(ValueError, match="GPU"):
            torch.nn.SyncBatchNorm(3)(torch.rand(4, 3, 2, 2))
    finally:
        dist.destroy_process_group()


def test_the_streamed_training_learns(tmp_path, monkeypatch):
    assert sum(map(bool, READER.splitlines())) <= 40
    assert max(map(len, READER.splitlines())) <= 88
    monkeypatch.chdir(tmp_path)
    exec(WRITER, {})
    Path("stream.py").write_text(READER, encoding="utf-8")
    quiet = ["-W", "ignore:This DataLoader will create"]  # more readers than this machine has cores
    command = [sys.executable, *quiet, "stream.py"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert len(list((tmp_path / "shards").iterdir())) == 7
    accuracy = float(re.search(r"accuracy=([\d.]+)", run.stdout)[1])
    (said,) = re.findall(r"reads some (\d+) of 100 test digits", PAGE)
    assert abs(accuracy - int(said) / 100) < 0.03
    assert run.stderr == ""
