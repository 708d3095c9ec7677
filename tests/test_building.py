"""The strict build: from any folder, of the listed pages alone, and it stops at what is broken."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[1]
REPOSITORY = runpy.run_path(str(ROOT / "tools" / "repository.py"))
# Who only reads has neither of these two.
BUILD = "import sys; sys.modules['torch'] = sys.modules['cnn_course'] = None; "
BUILD += "from jupyter_book.cli.main import main; main()"


def strict_build(folder, body, address=None, suffix=".md"):
    """Build a book of one page, with the course's own settings; return the finished process.

    `body` is the page's Markdown under its title, or a notebook.
    """
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, folder)
    settings = (folder / "_config.yml").read_text(encoding="utf-8")
    settings = REPOSITORY["settings"](settings, address, "main")
    (folder / "_config.yml").write_text(settings, encoding="utf-8")
    for name in ("_static", "tools"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: page\n")
    page = jupytext.reads(f"# A page\n\n{body}\n", "md:myst") if isinstance(body, str) else body
    page.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    jupytext.write(page, folder / f"page{suffix}", fmt=None if suffix == ".ipynb" else "md:myst")
    # None of these is a page: they would stop the build.
    for name in ("README.md", "tests/notes.md", "chapters/00_draft.md", "chapters/Untitled.ipynb",
                 ".venv/README.md", ".github/README.md", ".pytest_cache/README.md"):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        jupytext.write(jupytext.reads("[not ours](nowhere.md)\n", "md:myst"), folder / name)
    return subprocess.run(
        [sys.executable, "-c", BUILD, "build", folder, "-n", "-W", "--keep-going", "--quiet"],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


# Names that a glob takes for patterns, that a shell takes apart, and that are not ASCII.
@pytest.mark.parametrize("name", ["a[b] c", "[!a]*?{1,2}", "é '\" $(x) #%;&"])
def test_a_sound_page_builds_strictly_and_alone_in_any_folder(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    done = strict_build(folder, "See [the top](page.md).")
    assert done.returncode == 0, done.stdout + done.stderr
    built = {p.relative_to(folder / "_build" / "html") for p in folder.rglob("*.html")}
    pages = {path.as_posix() for path in built if "_static" not in path.parts}
    assert pages == {"index.html", "page.html", "search.html"}


def test_a_sound_page_builds_strictly_behind_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder", target_is_directory=True)
    done = strict_build(tmp_path / "link", "See [the top](page.md).")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_reference_stops_the_strict_build(tmp_path):
    done = strict_build(tmp_path, "See [the top](no_such_page.md).")
    assert done.returncode != 0
    assert "no_such_page" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("address", "links"),
    [
        (None, set()),
        (
            "https://github.com/someone/course",
            {
                "https://github.com/someone/course",
                "https://colab.research.google.com/github/someone/course/blob/main/page.ipynb",
            },
        ),
        ("https://gitlab.com/group/subgroup/course", {"https://gitlab.com/group/subgroup/course"}),
        ("https://codeberg.org/someone/course", set()),
    ],
)
def test_a_page_has_the_buttons_that_lead_somewhere(tmp_path, address, links):
    done = strict_build(tmp_path, "A page.", address, ".ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "_build" / "html" / "page.html").read_text(encoding="utf-8")
    header = page[page.index('class="article-header-buttons"') : page.index("<article")]
    assert set(re.findall(r'href="(http[^"]*)"', header)) == links
