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


def strict_build(folder, body, words="See [the page](page.ipynb).", address=None):
    """Build a book with the course's own settings; return the finished process.

    It has a notebook and a page of text, as the course has. `body` is the notebook, or its Markdown
    under its title; `words` is the text.
    """
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, folder)
    settings = (folder / "_config.yml").read_text(encoding="utf-8")
    settings = REPOSITORY["settings"](settings, address, "main")
    (folder / "_config.yml").write_text(settings, encoding="utf-8")
    for name in ("_static", "tools"):
        shutil.copytree(ROOT / name, folder / name)
    contents = "format: jb-book\nroot: page\nchapters:\n- file: words\n"
    (folder / "_toc.yml").write_text(contents)
    page = jupytext.reads(f"# A page\n\n{body}\n", "md:myst") if isinstance(body, str) else body
    page.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    jupytext.write(page, folder / "page.ipynb")
    (folder / "words.md").write_text(f"# Words\n\n{words}\n")
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


GITHUB = "https://github.com/someone/course"
COLAB = "https://colab.research.google.com/github/someone/course/blob/main/page.ipynb"
GITLAB = "https://gitlab.com/group/subgroup/course"


# A build takes seconds, so that each is of another folder and with another address. The folders
# have names that a glob takes for patterns, that a shell takes apart, and that are not ASCII; the
# last one stands behind a link.
@pytest.mark.parametrize(
    ("name", "address", "links"),
    [
        ("a[b] c", None, set()),
        ("[!a]*?{1,2}", GITHUB, {GITHUB, COLAB}),
        ("é '\" $(x) #%;&", GITLAB, {GITLAB}),
        ("link", "https://codeberg.org/someone/course", set()),
    ],
)
def test_sound_pages_build_strictly_in_any_folder_with_the_buttons_that_lead_somewhere(
    tmp_path, name, address, links
):
    folder = tmp_path / name
    if name == "link":
        (tmp_path / "folder").mkdir()
        folder.symlink_to(tmp_path / "folder", target_is_directory=True)
    else:
        folder.mkdir()
    done = strict_build(folder, "See [the words](words.md).", address=address)
    assert done.returncode == 0, done.stdout + done.stderr
    html = folder / "_build" / "html"
    built = {path.relative_to(html) for path in folder.rglob("*.html")}
    pages = {path.as_posix() for path in built if "_static" not in path.parts}
    assert pages == {"index.html", "page.html", "words.html", "search.html"}
    page = (html / "page.html").read_text(encoding="utf-8")
    header = page[page.index('class="article-header-buttons"') : page.index("<article")]
    assert set(re.findall(r'href="(http[^"]*)"', header)) == links


def test_broken_references_stop_the_strict_build(tmp_path):
    done = strict_build(tmp_path, "See [it](no_such_page.md).", "See [it](no_such_words.md).")
    assert done.returncode != 0
    for name in ("no_such_page", "no_such_words"):
        assert name in done.stdout + done.stderr
