"""A book of two pages, built with the course's own settings and strictness."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext

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
