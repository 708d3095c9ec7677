"""What a shell or a home directory holds for other programs changes no notebook and no test."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
from nbconvert.preprocessors import ExecutePreprocessor

ROOT = Path(__file__).parents[1]

# What must not reach a kernel, each with a value that would break or empty an output.
FOREIGN = {
    "MPLBACKEND": "Agg",
    "MATPLOTLIBRC": "matplotlibrc",
    "CNN_COURSE_DATA": "full",
    "PYTHONSTARTUP": "startup.py",
    "PYTHONWARNINGS": "always",
    "PYTHONOPTIMIZE": "2",
    "PYTHONIOENCODING": "ascii",
    "PYTHONDEVMODE": "1",
    "IPYTHONDIR": "ipython",
    "JUPYTER_PATH": "jupyter",
    "JUPYTER_CONFIG_DIR": "jupyter",
    "JUPYTER_RUNTIME_DIR": "not/writable",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PY_COLORS": "1",
    "COLUMNS": "20",
    "LINES": "5",
    "OMP_DISPLAY_ENV": "true",
    "KMP_SETTINGS": "1",
}
# What is the user's to say.
KEPT = {
    "PYTHONPATH": "somewhere",
    "PYTHONDONTWRITEBYTECODE": "1",
    "CNN_COURSE_CACHE": "cache",
    "OMP_NUM_THREADS": "2",
    "CNN_COURSE_DEVICE": "cuda",
    "LANG": "C",
    "TZ": "Asia/Tokyo",
}


def after_conftest(environment, monkeypatch):
    """The environment that conftest.py makes of this one."""
    monkeypatch.setattr(os, "environ", dict(environment))
    runpy.run_path(str(ROOT / "conftest.py"))
    return os.environ


@pytest.mark.parametrize("name", FOREIGN)
def test_a_setting_for_other_programs_is_left_out(name, monkeypatch):
    found = after_conftest({name: FOREIGN[name]}, monkeypatch)
    assert found.get(name) != FOREIGN[name]


@pytest.mark.parametrize("name", KEPT)
def test_a_setting_for_the_course_is_kept(name, monkeypatch):
    assert after_conftest(KEPT, monkeypatch)[name] == KEPT[name]


@pytest.mark.parametrize("value", [None, "", " "])
@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("OMP_NUM_THREADS", "1"),
        ("OMP_WAIT_POLICY", "PASSIVE"),
        ("CNN_COURSE_DEVICE", "cpu"),
        ("TQDM_DISABLE", "1"),
    ],
)
def test_an_empty_setting_is_none(name, default, value, monkeypatch):
    before = {} if value is None else {name: value}
    assert after_conftest(before, monkeypatch)[name] == default


@pytest.fixture
def home(tmp_path):
    """A home directory whose owner has set up Python, IPython and matplotlib otherwise."""
    files = {
        "startup.py": "print('start-up file'); range = None",
        "matplotlibrc": "text.usetex: True\nno.such.key: 1\n",
        ".config/matplotlib/matplotlibrc": "text.usetex: True\n",
    }
    for profile in ("ipython/profile_default", ".ipython/profile_default"):
        files[f"{profile}/startup/00.py"] = "print('profile'); len = None"
        files[f"{profile}/ipython_kernel_config.py"] = (
            "c.InteractiveShell.ast_node_interactivity = 'all'\n"
            "c.InlineBackend.figure_formats = {'svg'}\n"
        )
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def nbval(home, *arguments):
    foreign = FOREIGN | {n: str(home / FOREIGN[n]) for n in ("PYTHONSTARTUP", "MATPLOTLIBRC")}
    foreign["IPYTHONDIR"] = str(home / "ipython")
    # These two are for the pytest that a reader calls, before conftest.py can say anything.
    del foreign["PYTHONOPTIMIZE"], foreign["PYTHONWARNINGS"]
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "OMP", "CNN"))
    }
    environment |= foreign | {"HOME": str(home), "OMP_NUM_THREADS": "", "CNN_COURSE_DEVICE": ""}
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_a_chapter_runs_and_compares_in_a_shell_set_up_for_others(home):
    done = nbval(home, "chapters/00_welcome.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("backend", ["Agg", "pdf", "TkAgg", "module://nowhere"])
def test_the_first_cell_brings_figures_into_the_notebook_for_any_program(backend, monkeypatch):
    """Also where neither conftest.py nor the Makefile is asked: in JupyterLab, or in nbconvert."""
    monkeypatch.setenv("MPLBACKEND", backend)
    chapter = jupytext.read(ROOT / "chapters" / "00_welcome.ipynb")
    first = next(cell.source for cell in chapter.cells if cell.cell_type == "code")
    draw = "import matplotlib.pyplot as plt\nplt.plot([0, 1])\nplt.show()"
    notebook = jupytext.reads(f"# %%\n{first}\n\n# %%\n{draw}\n", "py:percent")
    ExecutePreprocessor(kernel_name="python3", startup_timeout=600).preprocess(notebook, {})
    assert [sorted(output.data) for output in notebook.cells[1].outputs] == [
        ["image/png", "text/plain"]
    ]


# ---------------------------------------------------------------------------- scratch notebooks


@pytest.fixture
def scratch(tmp_path):
    """A project whose folder of chapters holds other notebooks as well."""
    (tmp_path / "chapters").mkdir()
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("test_*"))
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/00_start\nchapters:\n"
        "- file: chapters/01_first.ipynb  # with its suffix\n# - file: chapters/02_second\n"
    )
    for stem in ("00_start", "01_first", "02_second", "Untitled", "00_start-Copy1", "00_star"):
        notebook = jupytext.reads("# %%\n1\n", "py:percent")
        jupytext.write(notebook, tmp_path / f"chapters/{stem}.ipynb")
    return tmp_path


# One process for all, since most of its time goes into loading pytest's plugins.
COLLECT = """
import pytest, sys
for argument in sys.argv[1:]:
    print("asked for", argument, flush=True)
    assert pytest.main(["--nbval", "--collect-only", "-q", argument]) == 0
"""


def test_scratch_notebooks_are_collected_only_when_named(scratch):
    arguments = ["chapters", ".", "chapters/Untitled.ipynb"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, *arguments],
        cwd=scratch,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    reports = re.split(r"^asked for (.+)$", done.stdout, flags=re.MULTILINE)[1:]
    assert reports[::2] == arguments
    found = [set(re.findall(r"(\S+)\.ipynb::", report)) for report in reports[1::2]]
    listed = {"chapters/00_start", "chapters/01_first"}
    assert found == [listed, listed, {"chapters/Untitled"}]


# ------------------------------------------------------------------------------ temporary files

LEAVES = """
import subprocess, sys

MAKE = "import os, tempfile; assert tempfile.mkdtemp().startswith(os.environ['ASKED'] + os.sep)"

def leave(folder):
    (folder / "left").touch()
    subprocess.run([sys.executable, "-c", MAKE], check=True)

def test_passes(tmp_path):
    leave(tmp_path)

def test_fails(tmp_path):
    leave(tmp_path)
    assert False
"""


def test_of_temporary_files_a_run_leaves_those_of_a_failed_test(scratch):
    (scratch / "tests/test_leaves.py").write_text(LEAVES)
    (scratch / "temporary").mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    asked = str(scratch / "temporary")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests"],
        cwd=scratch,
        env=environment | {"TMPDIR": asked, "ASKED": asked},
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in done.stdout
    left = {p.name for p in (scratch / "temporary").glob("*") if not p.name.startswith("pytest-")}
    assert not left
    (file,) = (scratch / "temporary").rglob("left")
    assert file.parent.name == "test_fails0"
