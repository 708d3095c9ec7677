"""The rules for the course as a whole fire."""

import re
import shutil

import pytest
from course_rules import contents_agree, imports_are_declared, nothing_is_left_to_do
from good_chapter import GOOD, NAME, complaint


def test_a_good_course_passes(project):
    assert imports_are_declared(project) == []
    assert contents_agree(project) == []
    assert nothing_is_left_to_do(project) == []


@pytest.mark.parametrize(
    ("file", "code", "problem"),
    [
        ("benchmarks/run.py", "import pandas.api", "pandas"),
        ("cnn_course/new.py", "def f():\n    from no_such_package import x", "no_such_package"),
        ("tests/test_new.py", "import yaml", "yaml"),
    ],
)
def test_undeclared_import(project, file, code, problem):
    (project / file).write_text(code)
    assert f"imports {problem}," in complaint(imports_are_declared(project))


def test_a_chapter_may_not_import_the_tools_of_tests(project):
    page = project / "chapters" / f"{NAME}.md"
    page.write_text(page.read_text().replace("import json", "import pytest"))
    assert "imports pytest" in complaint(imports_are_declared(project))


def test_unpinned_import(project):
    pins = (project / "requirements.txt").read_text()
    (project / "requirements.txt").write_text(re.sub(r"^matplotlib==.*\n", "", pins, flags=re.M))
    assert "imports matplotlib" in imports_are_declared(project)[0]


def test_declared_imports_and_siblings_pass(project):
    (project / "tests/helper.py").write_text("import PIL, sklearn, torch, pytest, cnn_course.data")
    (project / "tests/test_new.py").write_text("import helper\nfrom . import other")
    assert imports_are_declared(project) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("- file: chapters/01_good\n", "", "does not list chapters/01_good"),
        ("01_good\n", "01_good\n- file: appendix/x\n", "appendix/x, which does not exist"),
        ("root: chapters/00_start", "root: chapters/01_good", "does not list chapters/00_start"),
        ("01_good\n", "01_good\n- file: chapters/01_good\n", "twice"),
        (
            "00_start\nchapters:\n- file: chapters/01_good",
            "01_good\nchapters:\n- file: chapters/00_start",
            "order",
        ),
    ],
)
def test_contents_that_differ(project, old, new, problem):
    toc = project / "_toc.yml"
    toc.write_text(toc.read_text().replace(old, new))
    assert any(problem in found for found in contents_agree(project))


def test_a_gap_in_the_chapters_numbers(project):
    (project / "chapters/00_start.md").unlink()
    assert any("count on from 00" in found for found in contents_agree(project))


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["01b_deeper"], None),
        (["01b_deeper", "01c_deeper_still"], None),
        (["01c_deeper"], "chapter 01c has no 01b before it"),
        (["02b_deeper"], "chapter 02b has no 02 before it"),
        (["01_none"], "one number"),
    ],
)
def test_chapters_that_go_deeper(project, names, problem):
    for name in names:
        shutil.copy(GOOD, project / "chapters" / f"{name}.md")
        with (project / "_toc.yml").open("a") as toc:
            toc.write(f"- file: chapters/{name}\n")
    complaints = contents_agree(project)
    assert any(problem in found for found in complaints) if problem else complaints == []


def test_an_unlisted_appendix(project):
    (project / "appendix/notation.md").write_text("# Notation\n")
    assert complaint(contents_agree(project)) == "_toc.yml does not list appendix/notation"


def test_what_is_left_to_do_is_found_in_a_text_and_in_a_figure_s_words(project):
    page = project / "chapters" / f"{NAME}.md"
    page.write_text(page.read_text().replace("alt: ", "alt: TODO look again. ", 1))
    assert "TODO look again" in complaint(nothing_is_left_to_do(project))
