"""`pytest --nbval` compares what a notebook prints, and reports its time."""

import json
import re

import jupytext
from good_chapter import NAME
from nbval_runs import nbval


def edit_outputs(project, old, new):
    """Change the stored outputs in the notebook's file, and them alone."""
    path = project / "chapters" / f"{NAME}.ipynb"
    notebook = jupytext.read(path)
    changed = json.loads(json.dumps([c.get("outputs") for c in notebook.cells]).replace(old, new))
    before = [c.get("outputs") for c in notebook.cells]
    assert changed != json.loads(json.dumps(before))
    for cell, outputs in zip(notebook.cells, changed, strict=True):
        if cell.cell_type == "code":
            cell.outputs = [type(notebook)(output) for output in outputs]
    jupytext.write(notebook, path)


def test_nbval_works_from_a_subfolder_and_reports_the_seconds(project):
    code, report = nbval(project / "chapters", ".")
    assert code == 0, report
    assert re.search(r"01_good.ipynb: \d+\.\d s of 50 s\n", report)


def test_nbval_catches_changed_outputs_and_passes_a_notebook_over_its_budget(project):
    edit_outputs(project, "93.1 %", "99.5 %")
    edit_outputs(project, "Exercise 1.4: right", "Exercise 1.5: right")
    edit_outputs(project, "Exercise 1.4: not yet", "Exercise 1.4: right")
    conftest = project / "conftest.py"
    conftest.write_text(conftest.read_text().replace('"00": 5', '"00": 0.01'))
    code, report = nbval(project, "chapters")
    assert code == 1, report
    assert "stored ≈ 99.5 %, now ≈ 93.1 %" in report
    assert "3 failed" in report
    assert "FAILED chapters/01_good.ipynb" in report
    assert "FAILED chapters/00_start.ipynb" not in report
    assert re.search(r"chapters/01_good.ipynb: \d+\.\d s of 50 s\n", report)
    assert re.search(r"00_start.ipynb: \d+\.\d s of 0.01 s, which is over budget", report)
