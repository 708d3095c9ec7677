"""`make repository URL=…` writes the address of a copy wherever it belongs, and nothing else."""

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
from chapter import chapter_files
from jupytext.compare import compare_notebooks

ROOT = Path(__file__).parents[1]
TOOL = runpy.run_path(str(ROOT / "tools" / "repository.py"))
CHAPTERS = [path.stem for path in chapter_files(ROOT)]
NAMED, BRANCH = TOOL["current"](ROOT)

ELSEWHERE = "https://codeberg.org/someone/course"
GITLAB = "https://gitlab.com/group/subgroup/course"
GITHUB = "https://github.com/someone/cnn-course"


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """A copy of the files that hold the address, naming none."""
    root = tmp_path_factory.mktemp("without")
    for name in ("pyproject.toml", "_config.yml", "CITATION.cff", "README.md"):
        shutil.copy(ROOT / name, root)
    (root / "chapters").mkdir()
    for stem in CHAPTERS[:2]:
        for end in (".md", ".ipynb"):
            shutil.copy(ROOT / "chapters" / (stem + end), root / "chapters")
    TOOL["main"]("none", root=root)
    return root


@pytest.fixture
def project(without, tmp_path):
    return shutil.copytree(without, tmp_path / "project")


def write(project, *arguments):
    TOOL["main"](*arguments, root=project)


def refusal(project, *arguments):
    """What it says; it must have written nothing."""
    before = contents(project)
    with pytest.raises(SystemExit) as stop:
        write(project, *arguments)
    assert contents(project) == before
    assert isinstance(stop.value.code, str)
    assert "\n" not in stop.value.code
    return stop.value.code


def contents(project):
    return {p.relative_to(project): p.read_bytes() for p in project.rglob("*.*") if p.is_file()}


def setting(project, key):
    """The value of `key` in _config.yml, as it is written."""
    text = (project / "_config.yml").read_text(encoding="utf-8")
    return re.search(rf"^ *{key}: (.*)$", text, re.MULTILINE)[1]


def first_cell(project, stem, end):
    cells = jupytext.read(project / "chapters" / (stem + end)).cells
    return next(cell.source for cell in cells if cell.cell_type == "code")


def test_the_files_are_as_the_tool_writes_them():
    """So every place names one address, and a new chapter begins as the others do."""
    texts = TOOL["written"](ROOT, NAMED, BRANCH)
    assert {path.stem for path in texts} >= set(CHAPTERS)
    for path, text in texts.items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.name}: run `make repository URL={NAMED or 'none'} BRANCH={BRANCH}`"
        )


@pytest.mark.parametrize("stem", CHAPTERS)
def test_the_first_cell_draws_into_the_notebook_whatever_the_shell_says(stem):
    assert first_cell(ROOT, stem, ".md").startswith(
        "%matplotlib inline\ntry:\n    import cnn_course"
    )


@pytest.mark.parametrize("stem", CHAPTERS[:2])
def test_without_an_address_the_first_cell_says_what_to_do(project, stem):
    code = first_cell(project, stem, ".ipynb").replace("%matplotlib inline", "")
    code = code.replace("import cnn_course", "raise ImportError")
    with pytest.raises(ImportError, match="cnn_course is missing: run `%pip install FOLDER`"):
        exec(code)


def test_without_an_address_nothing_leads_nowhere(project):
    assert setting(project, "repository") == '{url: ""}'
    assert setting(project, "launch_buttons") == "{thebe: false}"
    assert setting(project, "use_repository_button") == "false"
    for name in ("CITATION.cff", "pyproject.toml"):
        assert "repository" not in (project / name).read_text(encoding="utf-8").lower()
    assert "](https://colab" not in (project / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("url", [ELSEWHERE, GITLAB, GITHUB])
def test_an_address_is_written_wherever_it_belongs(project, url):
    write(project, url)
    for stem in CHAPTERS[:2]:
        for end in (".md", ".ipynb"):
            assert f"    %pip install --quiet git+{url}\n" in first_cell(project, stem, end) + "\n"
        pair = [jupytext.read(project / "chapters" / (stem + end)) for end in (".ipynb", ".md")]
        compare_notebooks(*pair, fmt="md:myst", compare_outputs=False)
    citation = (project / "CITATION.cff").read_text(encoding="utf-8")
    assert citation.count(f'\nrepository-code: "{url}"\n') == 1
    assert f'Repository = "{url}"\n' in (project / "pyproject.toml").read_text(encoding="utf-8")
    assert f"`git clone {url}`" in (project / "README.md").read_text(encoding="utf-8")
    assert TOOL["current"](project) == (url, "main")


def test_nothing_but_the_address_changes(project):
    outputs = {}
    for address in ("none", GITHUB):
        write(project, address)
        for stem in CHAPTERS[:2]:
            notebook = json.loads((project / f"chapters/{stem}.ipynb").read_text(encoding="utf-8"))
            first = next(c for c in notebook["cells"] if c["cell_type"] == "code")
            first["source"] = []
            outputs.setdefault(stem, []).append(json.dumps(notebook))
    assert all(without == with_it for without, with_it in outputs.values())


def test_it_can_be_repeated_changed_and_taken_out(project, capsys):
    without = contents(project)
    write(project, GITHUB)
    first = contents(project)
    assert first != without
    capsys.readouterr()
    write(project, GITHUB)
    assert contents(project) == first
    assert capsys.readouterr().out.startswith("0 of ")
    write(project, GITLAB, "develop")
    second = b"\n".join(contents(project).values())
    assert b"someone/cnn-course" not in second
    assert b"colab.research.google.com/github" not in second
    write(project, GITHUB)
    assert contents(project) == first
    write(project, "none")
    assert contents(project) == without


def test_only_github_has_a_button_for_colab(project):
    """Colab opens notebooks from no other host, and the theme stops at hosts unknown to it."""
    for url in (GITHUB, GITLAB, ELSEWHERE):
        write(project, url, "v1.0")
        address = '{url: ""}' if url == ELSEWHERE else f'{{url: "{url}", branch: "v1.0"}}'
        assert setting(project, "repository") == address
        assert setting(project, "use_repository_button") == str(url != ELSEWHERE).lower()
        launch = setting(project, "launch_buttons")
        assert ('colab_url: "https://colab.research.google.com"' in launch) is (url == GITHUB)
        chapter = f"colab.research.google.com/github{url[18:]}/blob/v1.0/chapters/00_welcome.ipynb"
        assert (chapter in (project / "README.md").read_text(encoding="utf-8")) is (url == GITHUB)


@pytest.mark.parametrize("end", ["", "/", "//", ".git", ".git/", " "])
def test_the_end_of_an_address_is_normalised(end):
    assert TOOL["normalised"](GITHUB + end) == GITHUB


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "the address is missing: make repository URL=https://"),
        ("  ", "the address is missing"),
        ("github.com/someone/course", "must begin with https://"),
        ("http://github.com/someone/course", "must begin with https://"),
        ("ftp://example.org/someone/course", "must begin with https://"),
        ("git@github.com:someone/course.git", "must begin with https://"),
        ("ssh://git@github.com/someone/course", "must begin with https://"),
        ("https://someone:secret@github.com/someone/course", "a user's name"),
        ("https://github.com/some one/course", "neither spaces"),
        ("https://github.com/someone/course?tab=readme", "a query"),
        ("https://github.com/someone/course#readme", "a fragment"),
        ("https://github.com/someone/$(reboot)", "is no address"),
        ('https://github.com/someone/"; reboot', "is no address"),
        ("https://github.com/someone/course\nreboot", "is no address"),
        ("https://github.com/someone/../course", "is no address"),
        ("https://gitlab.com/group/course/-/tree/main", "is no address"),
        ("https://github.com/someone/kürs", "is no address"),
        ("https://", "is no address"),
        ("https://github.com", "is no address"),
        ("https://github.com/someone", "as in https://HOST/OWNER/REPOSITORY"),
        ("https://github.com/someone/course/tree/main", "as in https://HOST/OWNER/REPOSITORY"),
        ("https://github.com/someone/.git", "as in https://HOST/OWNER/REPOSITORY"),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(project, url, words):
    said = refusal(project, url)
    assert said.startswith("repository: ")
    assert words in said


@pytest.mark.parametrize("branch", ["a b", "/main", "main/", "$(reboot)", '"', "a//b"])
def test_what_is_no_branch_is_refused(project, branch):
    assert "is no branch: give its name" in refusal(project, GITHUB, branch)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("_config.yml", "launch_buttons:", "no_buttons:"),
        ("README.md", "<!-- to here -->", ""),
        ("pyproject.toml", "[project.scripts]", ""),
        ("chapters/00_welcome.md", "import cnn_course", "import something"),
        ("chapters/00_welcome.ipynb", "{", ""),
    ],
)
def test_a_file_without_the_form_is_named_and_nothing_is_written(project, name, old, new):
    path = project / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    said = refusal(project, GITHUB).replace("\\", "/")
    assert f"{name} has not the form that is needed" in said


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_hands_the_address_over_as_it_is(project):
    shutil.copy(ROOT / "Makefile", project)
    shutil.copytree(ROOT / "tools", project / "tools")
    done = subprocess.run(
        ["make", "repository", f"URL={GITHUB}.git", "BRANCH=v1", f"PYTHON={sys.executable}"],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert TOOL["current"](project) == (GITHUB, "v1")
    assert re.search(r"wrote README.md\n", done.stdout)
