"""The Makefile: what it installs and when, and what it lets the shell's settings change.

Its Python is a stand-in here, which writes down what it is asked and makes the files that count.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from room import shortage

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="there is no make")

STAND_IN = """#!/bin/sh
echo "$*" >> asked
env > environment
case "$*" in
  *"-m venv"*) rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  *"-m uv venv"*) mkdir -p .venv/oldest/bin; cp "$0" .venv/oldest/bin/python ;;
  *starts*) echo starts ;;
  *"pip install"*) test ! -e no-network ;;
  *jupyter_book*) mkdir -p _build/html; touch _build/html/index.html ;;
esac
"""
READING, EVERYTHING = "-r requirements-book.txt", "-r requirements.txt"


@pytest.fixture
def project(tmp_path):
    """The Makefile and what it looks at, in a folder whose name asks for care."""
    root = tmp_path / "a[b] 'c'"
    root.mkdir()
    for name in ("Makefile", "requirements.txt", "requirements-book.txt", "pyproject.toml",
                 "_config.yml", "_toc.yml", "references.bib"):  # fmt: skip
        shutil.copy(ROOT / name, root)
    for name in ("chapters/00_first.md", "chapters/my own notes.md", "appendix/references.md",
                 "_static/logo.svg", "tools/tool.py"):  # fmt: skip
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    (root / "python").write_text(STAND_IN)
    (root / "python").chmod(0o755)
    return root


def make(project, *goals, **environment):
    """Call `make`; return its exit status, and what its Python was asked since the last call."""
    (project / "asked").write_text("")
    done = subprocess.run(
        ["make", *goals, "PYTHON=./python"],
        cwd=project,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    return done.returncode, (project / "asked").read_text()


def installs(asked):
    return re.findall(r"pip install .*?(-r \S+)", asked)


def age(project):
    """Make all files an hour older, as time does."""
    for path in project.rglob("*"):
        os.utime(path, (path.stat().st_mtime - 3600,) * 2)


def test_reading_installs_little_and_once(project):
    status, asked = make(project, "book")
    assert status == 0
    assert installs(asked) == [READING]
    assert "--editable" not in asked
    assert "pip check" in asked
    assert asked.count("jupyter_book") == 1
    status, asked = make(project, "book")
    assert status == 0
    assert not re.search("pip|venv|jupyter_book", asked)


@pytest.mark.parametrize(
    "goals", [["test"], ["setup"], ["lint"], ["nbval"], ["book", "test"], ["test", "book", "-j4"]]
)
def test_the_rest_installs_everything_at_once(project, goals):
    status, asked = make(project, *goals)
    assert status == 0
    assert installs(asked) == [EVERYTHING]
    assert asked.count("-m venv") == asked.count("--editable") == asked.count("pip check") == 1
    status, asked = make(project, *goals)
    assert status == 0
    assert not re.search("pip|venv", asked)


def test_everything_is_added_to_what_reading_needs(project):
    make(project, "book")
    status, asked = make(project, "test")
    assert status == 0
    assert installs(asked) == [EVERYTHING]
    assert "-m venv" not in asked
    for goal in ("book", "serve", "test"):
        status, asked = make(project, goal)
        assert status == 0
        assert not re.search("pip|venv", asked)


def test_the_oldest_releases_are_tried_apart_and_by_the_tests_of_the_package(project):
    (project / "tests").mkdir()
    for name in ("arithmetic", "book", "chapters", "making", "weights"):
        (project / "tests" / f"test_{name}.py").touch()
    status, asked = make(project, "test-oldest")
    assert status == 0
    assert installs(asked) == [EVERYTHING]
    extras = ".[export,notebooks,test]"
    assert f"--python .venv/oldest --resolution lowest-direct --editable {extras}" in asked
    (line,) = [line for line in asked.splitlines() if "-m pytest" in line]
    assert re.findall(r"tests/test_(\w+)\.py", line) == ["arithmetic", "weights"]


def test_every_notebook_is_tried_three_times_in_each_of_four_ways(project):
    status, asked = make(project, "test-all")
    assert status == 0
    calls = asked[asked.index("-m slow") :].splitlines()[1:]
    plain, beside = "-m pytest --nbval chapters", "tools/beside_a_busy_core.py .venv/bin/python "
    assert calls == [plain, plain, plain, beside + plain] * 3


BESIDE = [sys.executable, ROOT / "tools" / "beside_a_busy_core.py", sys.executable, "-c"]
NEIGHBOUR = """
import os, sys, psutil
(busy,) = {child.pid for child in psutil.Process(os.getppid()).children()} - {os.getpid()}
print(busy)
sys.exit(3)
"""


def test_a_command_beside_a_busy_core_keeps_its_status_and_the_core_is_free_again():
    done = subprocess.run([*BESIDE, NEIGHBOUR], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert not psutil.pid_exists(int(done.stdout))


@pytest.mark.parametrize(("goal", "file"), [("book", READING), ("setup", EVERYTHING)])
def test_other_pins_are_installed_into_the_same_place(project, goal, file):
    make(project, goal)
    age(project)
    (project / "requirements.txt").touch()
    status, asked = make(project, goal)
    assert status == 0
    assert installs(asked) == [file]
    assert "-m venv" not in asked


@pytest.mark.parametrize("before", [[], ["book"]])
@pytest.mark.parametrize("after", ["book", "test"])
def test_a_half_made_install_is_made_anew(project, before, after):
    make(project, *before) if before else None
    (project / "no-network").touch()
    status, _ = make(project, "setup")
    assert status != 0
    (project / "no-network").unlink()
    status, asked = make(project, after)
    assert status == 0
    assert asked.count("-m venv --clear") == 1
    assert installs(asked) == [READING if after == "book" else EVERYTHING]


@pytest.mark.parametrize(("goal", "gigabytes"), [("book", 0.3), ("setup", 7.1)])
def test_an_install_that_breaks_off_asks_whether_there_was_room(project, goal, gigabytes):
    (project / "no-network").touch()
    status, asked = make(project, goal)
    assert status != 0
    assert asked.endswith(f"tools/room.py {gigabytes} .venv\n")


@pytest.mark.parametrize(("free", "short"), [(1e9, True), (4.9e9, True), (5.2e9, False)])
def test_where_there_is_no_room_for_an_install_it_says_how_much_is_wanted(
    tmp_path, monkeypatch, free, short
):
    (tmp_path / "lib").mkdir()
    with open(tmp_path / "lib/large", "wb") as file:
        file.truncate(2 * 10**9)  # takes no room
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    said = f"takes about 7.1 GB; {tmp_path} holds 2.0 GB of it and {free / 1e9} GB of disk are free"
    assert (said in shortage(7.1, tmp_path)) == short
    assert short or not shortage(7.1, tmp_path)


def test_a_python_that_no_longer_starts_is_made_anew(project):
    make(project, "book")
    (project / ".venv/bin/python").write_text("#!/bin/sh\nexit 1\n")
    status, asked = make(project, "book")
    assert status == 0
    assert "-m venv --clear" in asked
    assert installs(asked) == [READING]


def test_a_failed_build_is_repeated(project):
    script = project / "python"
    script.write_text(STAND_IN.replace("touch _build/html/index.html", "exit 1"))
    assert make(project, "book")[0] != 0
    assert not (project / "_build").exists()
    status, asked = make(project, "book")
    assert status != 0
    assert asked.count("jupyter_book") == 1


def test_a_changed_look_reaches_the_book_though_no_page_has_changed(project):
    make(project, "book")
    age(project)
    (project / "_static" / "course.css").write_text("p { color: red }")
    assert make(project, "book")[0] == 0
    built = project / "_build" / "html" / "_static" / "course.css"
    assert built.read_text() == "p { color: red }"


# ------------------------------------------------------------------------- the shell's settings

FOREIGN = {
    "MPLBACKEND": "Agg",
    "MATPLOTLIBRC": "/nowhere",
    "CNN_COURSE_DATA": "full",
    "PYTHONPATH": "/nowhere",
    "PYTHONHOME": "/nowhere",
    "PYTHONSTARTUP": "/nowhere/startup.py",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONIOENCODING": "cp1251",
    "PYTHONDEVMODE": "1",
    "PYTEST_ADDOPTS": "--no-such-option",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "JUPYTER_PATH": "/nowhere",
    "JUPYTER_CONFIG_DIR": "/nowhere",
    "IPYTHONDIR": "/nowhere",
    "PIP_TARGET": "/nowhere",
    "SOURCE_DATE_EPOCH": "0",
}


def seen(project):
    lines = (project / "environment").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize("goal", ["setup", "book", "nbval", "lint", "bench"])
def test_what_a_shell_has_set_for_others_is_left_out(project, goal):
    status, _ = make(project, goal, **FOREIGN)
    assert status == 0
    assert not FOREIGN.keys() & seen(project).keys()
    assert seen(project)["PYTHONUTF8"] == "1"


def test_a_notebook_is_stored_with_the_courses_settings(project):
    settings = {"CNN_COURSE_DEVICE": "cuda", "OMP_NUM_THREADS": ""}
    status, asked = make(project, "run", "CH=00", **FOREIGN, **settings)
    assert status == 0
    assert "--execute --inplace" in asked
    found = seen(project)
    assert FOREIGN.keys() & found.keys() == {"IPYTHONDIR"}
    assert found["IPYTHONDIR"] == str(project / ".venv" / "ipython")
    assert found["JUPYTER_NO_CONFIG"] == "1"
    assert (found["CNN_COURSE_DEVICE"], found["OMP_NUM_THREADS"]) == ("cpu", "1")


@pytest.mark.parametrize(
    ("goal", "names"),
    [
        (["run", "CH=02"], ["02_size"]),
        (["run", "CH=02b"], ["02b_deeper"]),
        (["run-all"], ["00_first", "02_size", "02b_deeper"]),
    ],
)
def test_a_chapter_and_the_one_that_goes_deeper_are_run_apart_and_all_together(
    project, goal, names
):
    for name in ("02_size", "02b_deeper"):
        (project / "chapters" / f"{name}.md").touch()
        (project / "chapters" / f"{name}.ipynb").touch()
    (project / "chapters" / "00_first.ipynb").touch()
    status, asked = make(project, *goal)
    assert status == 0
    for tool, end in (("jupytext", "md"), ("nbconvert", "ipynb")):
        (line,) = [line for line in asked.splitlines() if f"-m {tool}" in line]
        assert re.findall(r"chapters/(\w+)\." + end, line) == names


@pytest.mark.parametrize(("before", "after"), [("", "1"), (" ", "1"), ("2", "2")])
def test_the_number_of_threads_is_one_unless_it_is_set(project, before, after):
    make(project, "nbval", OMP_NUM_THREADS=before)
    assert seen(project)["OMP_NUM_THREADS"] == after


def test_only_asked_for_does_a_notebook_run_on_cuda(project):
    make(project, "nbval", CNN_COURSE_DEVICE="cuda")
    assert seen(project)["CNN_COURSE_DEVICE"] == "cpu"
    make(project, "nbval-cuda")
    assert seen(project)["CNN_COURSE_DEVICE"] == "cuda"


# ------------------------------------------------------------------- one set of pins, one of ends


def names(lines):
    found = (re.match(r"[A-Za-z0-9][\w.-]*", line) for line in lines)
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in found if name}


def test_reading_needs_the_extra_book_and_only_pinned_packages():
    lines = (ROOT / "requirements-book.txt").read_text(encoding="utf-8").splitlines()
    assert "-c requirements.txt" in lines
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    todo = names(lines)
    assert todo == names(project["optional-dependencies"]["book"])
    needed = set()
    while todo:
        name = todo.pop()
        try:
            wanted = requires(name) or []
        except PackageNotFoundError:  # it belongs to another system, or another Python
            continue
        needed.add(name)
        todo |= names(line for line in wanted if "extra ==" not in line) - needed
    assert len(needed) > 50
    assert not needed & {"torch", "torchvision", "scikit-learn", "mlxtend", "jupyterlab"}
    assert needed <= names((ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_line_ends_stay_as_they_are_in_any_checkout(tmp_path, autocrlf):
    """Git for Windows turns them into CRLF by default, and bash and make stop at those."""
    files = [".gitattributes", ".ci/run", "Makefile", "requirements-book.txt", "pyproject.toml"]
    files += ["_static/readme.png", "_static/logo.svg", "chapters/00_welcome.md"]
    files += [path.relative_to(ROOT) for path in ROOT.glob("cnn_course/weights/*")]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.invalid"]
        command = ["git", *identity, "-c", f"core.autocrlf={autocrlf}", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", "--all", "--force")
    git("commit", "--quiet", "--message", "files")
    before = {name: (tmp_path / name).read_bytes() for name in files}
    for name in files[1:]:
        (tmp_path / name).unlink()
    git("checkout", "--", ".")
    assert {name: (tmp_path / name).read_bytes() for name in files} == before
    assert b"\r" not in before[".ci/run"] + before["Makefile"]
