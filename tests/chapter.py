"""A chapter as the rules see it: the .md, the executed .ipynb, and what the course knows."""

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jupytext

FOLDED = {"hide-cell", "hide-input", "remove-cell"}  # the tags of cells that are not shown at first
# How long a chapter takes, in the line below its title.
TIME = r"\*About \d+(?:\.\d+)? (?:minutes|hours?)(?: to read, \d+ for the exercises)?\.\*"


@dataclass
class Course:
    """What the chapters of one project have in common; `checks` are the known exercise numbers."""

    root: Path
    checks: frozenset[str]

    @cached_property
    def cited(self) -> set[str]:
        """The addresses in references.bib, in lower case."""
        text = (self.root / "references.bib").read_text(encoding="utf-8")
        fields = re.findall(r'^\s*(doi|url)\s*=\s*[{"](.+?)[}"],?\s*$', text, re.M | re.I)
        return {
            (value if value.startswith("http") else f"https://doi.org/{value}").lower().rstrip("/")
            for _, value in fields
        }

    def cites(self, link: str) -> bool:
        return link.lower().rstrip("/") in self.cited


@dataclass
class Chapter:
    """One pair: `source` as read from the .md, `notebook` from the .ipynb beside it."""

    path: Path
    source: dict
    notebook: dict
    course: Course

    @classmethod
    def read(cls, path: Path, course: Course) -> "Chapter":
        notebook = path.with_suffix(".ipynb")
        if not notebook.exists():
            chapter = number(path)
            raise FileNotFoundError(f"{path.name} has no notebook: run `make run CH={chapter}`")
        return cls(path, jupytext.read(path), jupytext.read(notebook), course)

    @property
    def number(self) -> str:
        return number(self.path)

    @property
    def label(self) -> str:
        """The number as figures and equations have it: 2 for 02, 2b for 02b."""
        return self.number.removeprefix("0")

    @property
    def goes_deeper(self) -> bool:
        """Whether it stands beside a chapter, off the line of thought: 02b beside 02."""
        return not self.number.isdecimal()

    @property
    def code_cells(self) -> list:
        return [c for c in self.notebook.cells if c.cell_type == "code" and c.source.strip()]

    @property
    def markdown_cells(self) -> list:
        return [c for c in self.notebook.cells if c.cell_type == "markdown"]

    @property
    def prose(self) -> str:
        return "\n\n".join(without_code(cell.source) for cell in self.markdown_cells)

    @property
    def tree(self) -> ast.Module:
        """The code of all cells."""
        body = [node for cell in self.code_cells for node in parse(cell.source).body]
        return ast.Module(body=body, type_ignores=[])


def chapter_files(root: Path) -> list[Path]:
    """The chapters' .md files; Untitled.md and 02_name-Copy1.md are none, but scratch paper."""
    files = (root / "chapters").glob("*.md")
    return sorted(path for path in files if re.fullmatch(r"\d\d[a-z]?_\w+", path.stem))


def number(path: Path) -> str:
    """What a chapter's file begins with: 02, or 02b for one that goes deeper."""
    return path.name.partition("_")[0]


def parse(code: str) -> ast.Module:
    """The code without IPython's magics, each replaced by `pass`."""
    return ast.parse(re.sub(r"^([ \t]*)[%!].*$", r"\1pass", code, flags=re.MULTILINE))


def without_code(markdown: str) -> str:
    return re.sub(r"^ *(`{3,}|~{3,}).*?^ *\1[`~]*[ \t]*$", "", markdown, flags=re.S | re.M)


def headings(cells: list) -> list[tuple[int, str]]:
    """Level and text of each heading in these Markdown cells, as a reader sees it."""
    found = re.findall(
        r"^(#{1,6}) +(.+?)[ #]*$", "\n".join(without_code(c.source) for c in cells), re.M
    )
    return [(len(marks), re.sub(r"[`*]", "", text)) for marks, text in found]


def anchor(heading: str) -> str:
    """The fragment that leads to a heading in the book, in JupyterLab and in Colab."""
    return heading.replace(" ", "-")


def is_folded(cell) -> bool:
    return bool(FOLDED & set(cell.metadata.get("tags", [])))


def first_line(cell) -> str:
    return f"the cell “{cell.source.strip().splitlines()[0]}”"
