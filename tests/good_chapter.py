"""A good small chapter and its project, for tests that break one thing in them."""

import copy
import json
import shutil
from pathlib import Path

import jupytext
import pytest
from chapter import Chapter, Course
from nbconvert.preprocessors import ExecutePreprocessor

ROOT = Path(__file__).parents[1]
GOOD = Path(__file__).parent / "data" / "01_good.md"
NAME = "01_good"


@pytest.fixture(scope="session")
def good_project(tmp_path_factory):
    """A project with one executed chapter and the settings of the real one."""
    root = tmp_path_factory.mktemp("project")
    for folder in ("chapters", "tests", "cnn_course/results", "benchmarks", "appendix"):
        (root / folder).mkdir(parents=True)
    for name in ("conftest.py", "pyproject.toml", "requirements.txt", "tests/measured.py"):
        shutil.copy(ROOT / name, root / name)
    shutil.copy(GOOD, root / "chapters")
    shutil.copy(GOOD, root / "chapters" / "00_start.md")
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/00_start\nchapters:\n- file: chapters/01_good\n"
    )
    (root / "references.bib").write_text(
        "@article{LeCun1998,\n  title = {Gradient-based learning},\n"
        "  doi = {10.1109/5.726791},\n}\n"
    )
    results = {"runs": [{"accuracy": 0.87251}, {"accuracy": [0.8734, 0.6], "seconds": 213.7}]}
    (root / "cnn_course" / "results" / "small_run.json").write_text(json.dumps(results))
    notebook = jupytext.read(GOOD)
    place = {"metadata": {"path": str(root / "chapters")}}
    # A busy machine may send a line in two pieces; stored apart, no test would find its words.
    options = {"record_timing": False, "kernel_name": "python3", "coalesce_streams": True}
    ExecutePreprocessor(**options).preprocess(notebook, place)
    jupytext.write(notebook, root / "chapters" / f"{NAME}.ipynb")
    shutil.copy(root / "chapters" / f"{NAME}.ipynb", root / "chapters" / "00_start.ipynb")
    return root


@pytest.fixture
def project(good_project, tmp_path):
    """A copy to break."""
    return shutil.copytree(good_project, tmp_path / "project")


@pytest.fixture(scope="session")
def good_chapter(good_project):
    checks = frozenset({"1.1", "1.2", "1.3", "1.4", "2.1"})
    return Chapter.read(good_project / "chapters" / f"{NAME}.md", Course(good_project, checks))


@pytest.fixture
def chapter(good_chapter):
    """A copy to break."""
    return copy.deepcopy(good_chapter)


def cell_with(chapter, text):
    """The only cell whose source contains `text`."""
    (cell,) = [cell for cell in chapter.notebook.cells if text in cell.source]
    return cell


def change(chapter, old, new):
    cell = cell_with(chapter, old)
    cell.source = cell.source.replace(old, new)
    return cell


def complaint(complaints):
    """The one complaint."""
    (only,) = complaints
    return only
