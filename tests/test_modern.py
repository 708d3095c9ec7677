"""ModernCNN: its size, its shapes, its shortcuts; and trainings of it that are killed."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cnn_course.cli import main
from cnn_course.inspection import layer_table
from cnn_course.models import ModernCNN, build, load_model
from cnn_course.models.modern import InvertedBlock, ResidualBlock, convolution

LIMIT = 272_378  # parameters of the residual network of the UvA course


def test_it_is_smaller_and_cheaper_than_the_peers():
    table = layer_table(ModernCNN(), (3, 32, 32))
    assert table.parameters <= LIMIT
    assert table.macs <= 40_813_184  # of ResNet-20 with projection shortcuts


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 4, 4), (3, 33, 17), (3, 64, 64)])
def test_it_takes_images_of_any_size(shape):
    assert ModernCNN(num_classes=7)(torch.rand(2, *shape)).shape == (2, 7)


def test_widths_depths_and_blocks_are_arguments():
    model = ModernCNN(
        1,
        stem=8,
        widths=(12, 16, 20),
        depths=(1, 0, 3),
        blocks=(ResidualBlock,) * 2 + (InvertedBlock,),
    )
    kinds = [type(layer) for layer in model.layers]
    assert [kinds.count(kind) for kind in (nn.MaxPool2d, ResidualBlock, InvertedBlock)] == [3, 1, 3]
    channels = [m.out_channels for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert channels == [8, 12, 12, 12, 16, 20, *[60, 60, 20] * 3]
    x = torch.rand(2, 1, 32, 32)
    assert model.layers[:-3](x).shape == (2, 20, 4, 4)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"in_channels": 0}, "in_channels=0: ModernCNN needs 1 or more"),
        ({"num_classes": 0}, "num_classes=0: ModernCNN needs 1 or more"),
        ({"stem": 0}, "stem=0: ModernCNN needs 1 or more"),
        ({"widths": (8, 0)}, "widths=0: ModernCNN needs 1 or more"),
        ({"depths": (2, 0.5)}, "depth=0.5: give a whole number"),
        ({"depths": (2, -1)}, "depth=-1: ModernCNN needs 0 or more"),
        ({"widths": (8, 8), "depths": (1,)}, r"widths=\(8, 8\), depths=\(1,\) and blocks .* 2\)"),
        ({"blocks": (ResidualBlock,)}, r"blocks \(which has 1\) for each stage"),
    ],
)
def test_sizes_that_cannot_be_are_named(sizes, said):
    with pytest.raises(ValueError, match=said):
        ModernCNN(**sizes)


def test_a_block_of_nothing_but_its_shortcut():
    """Where the last batch normalization gives 0, the block is ReLU of its input."""
    block = ResidualBlock(5, 5).eval()
    nn.init.zeros_(block.body[-1][1].weight)
    x = torch.randn(2, 5, 6, 6)
    assert torch.equal(block(x), x.relu())


def test_an_inverted_block_of_nothing_but_its_shortcut():
    """No ReLU behind the sum: what is negative goes past unchanged."""
    block = InvertedBlock(5, 5).eval()
    nn.init.zeros_(block.body[-1][1].weight)
    x = torch.randn(2, 5, 6, 6)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(("out_channels", "stride"), [(4, 1), (6, 1), (4, 2), (6, 2)])
def test_an_inverted_block_has_a_shortcut_where_the_shape_stays(out_channels, stride):
    block = InvertedBlock(4, out_channels, stride, expansion=5)
    x = torch.randn(3, 4, 8, 8)
    inside = block.body(x)
    assert inside.shape == (3, out_channels, 8 // stride, 8 // stride)
    assert torch.equal(block(x), inside + x if (out_channels, stride) == (4, 1) else inside)
    depthwise = block.body[2][0]
    assert depthwise.weight.shape == (20, 1, 3, 3)


def test_a_block_is_the_sum_of_its_two_ways():
    block = ResidualBlock(4, 6, stride=2)
    x = torch.randn(3, 4, 8, 8)
    expected = (block.body(x) + block.shortcut(x)).relu()
    assert expected.shape == (3, 6, 4, 4)
    assert torch.equal(block(x), expected)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU, nn.GELU])
def test_the_activation_is_the_same_everywhere(activation):
    """Two around the first block's sum, two in each inverted block, one behind each of three."""
    model = ModernCNN(activation=activation)
    found = [type(m) for m in model.modules() if type(m).__module__ == activation.__module__]
    assert found == [activation] * (3 + 2 + 3 * 2)


def test_the_default_activation_is_silu():
    assert isinstance(ModernCNN().layers[2], nn.SiLU)
    block = ResidualBlock(4, 4, activation=nn.SiLU)
    x = torch.randn(3, 4, 8, 8)
    total = block.body(x) + x
    assert torch.equal(block(x), nn.functional.silu(total))


def test_a_convolution_with_normalization_has_no_bias():
    assert {n for n, _ in convolution(3, 8).named_parameters()} == {
        "0.weight", "1.weight", "1.bias",
    }  # fmt: skip


def test_the_name_builds_it():
    assert isinstance(build("modern_cnn", 3, 32, 10), ModernCNN)


# ----------------------------------------------------------------------- killed, and resumed

# Each training is a process of its own, all of them of one that has loaded torch.
KILLED = """
import os, signal, sys
from cnn_course import commands, reporting
from cnn_course.cli import main
call = reporting.Progress.__call__
def kill(self, step, steps, loss, history):
    call(self, step, steps, loss, history)
    if step == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)
reporting.Progress.__call__ = kill
for killed_at, more in ((5, []), (11, ["--resume"])):  # of three steps an epoch
    child = os.fork()
    if child == 0:
        os._exit(main([*sys.argv[1:], *more]))
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
"""


def test_killed_twice_in_an_epoch_it_ends_with_the_weights_of_an_undisturbed_run(tmp_path):
    train = ["train", "modern_cnn", "--data", "mnist-m", "--limit", "96"]
    train += ["--flip", "--lr", "0.02", "--batch-size", "32", "--epochs", "4"]
    train += ["--device", "cpu", "--out"]
    undisturbed, killed = str(tmp_path / "undisturbed"), str(tmp_path / "killed")
    done = subprocess.run([sys.executable, "-c", KILLED, *train, killed], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert main([*train, killed, "--resume"]) == 0
    assert main([*train, undisturbed]) == 0
    expected, found = (
        load_model(Path(out) / "modern_cnn.safetensors")[0].state_dict()
        for out in (undisturbed, killed)
    )
    assert all(torch.equal(found[name], value) for name, value in expected.items())
