"""What the appendix says of LeNet-5 in 1998 and of files is what the package has."""

import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from cnn_course.models import LeNet5, load_pretrained, save_model
from cnn_course.models.lenet5 import C3_TABLE

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "appendix" / "lenet5_1998.md").read_text(encoding="utf-8")


def rows(head):
    """The cells of the table whose first line begins with `head`, below its two first lines."""
    table = PAGE[PAGE.index(f"| {head} ") :].split("\n\n")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def test_the_table_of_c3_is_the_models():
    seen = [[o for o, cell in enumerate(row[1:]) if cell] for row in rows("S2 \\ C3")]
    assert seen == [[o for o, maps in enumerate(C3_TABLE) if s in maps] for s in range(6)]


def test_the_picture_of_1998_says_what_the_model_says():
    tool = runpy.run_path(str(PROJECT / "tools" / "draw_lenet5_1998.py"))
    fresh, stored = tool["draw"](), tool["PICTURE"].read_text(encoding="utf-8")
    plt.close("all")
    texts = r"<!-- (.*?) -->"  # beside the paths of its letters, matplotlib writes each text
    assert re.findall(texts, stored) == re.findall(texts, fresh)
    assert "60,000 parameters · 415,680 multiply–accumulates" in re.findall(texts, stored)


@pytest.mark.parametrize(("model", "column"), [(LeNet5.published(), 2), (LeNet5(), 4)])
def test_the_parameters_of_both_forms_are_the_models(model, column):
    *layers, total = [int(row[column].replace(",", "")) for row in rows("layer")]
    sizes = [sum(p.numel() for p in layer.parameters()) for layer in model.layers]
    assert [n for n in layers if n] == [n for n in sizes if n]
    assert total == sum(layers) == sum(sizes)
    kernels = sum(map(len, C3_TABLE))
    assert f"{kernels} kernels of 5×5, by a table" in PAGE


def test_the_size_of_the_file_is_the_one_named(tmp_path):
    about = {"in_channels": 1, "input_size": 28, "classes": [str(d) for d in range(10)]}
    save_model(tmp_path / "lenet5.safetensors", load_pretrained("lenet5"), "lenet5", about)
    named = re.search(r"([\d,]+) bytes for LeNet-5", PAGE)[1]
    assert (tmp_path / "lenet5.safetensors").stat().st_size == int(named.replace(",", ""))
