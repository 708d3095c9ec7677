"""The rules for the course as a whole: declared imports, and a table of contents that agrees.

Each takes the project's root and returns its complaints, one string each.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import jupytext
from chapter import chapter_files, parse

CODE_FOLDERS = (".", "cnn_course", "tests", "benchmarks", "tools")


def imports_are_declared(root: Path) -> list[str]:
    """Chapters import what the package itself depends on; the other code, extras as well."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project, pytest = settings["project"], settings["tool"]["pytest"]["ini_options"]
    base = {_distribution(entry) for entry in project["dependencies"]}
    extras = {_distribution(e) for es in project["optional-dependencies"].values() for e in es}
    pins = (root / "requirements.txt").read_text(encoding="utf-8")
    pinned = {_distribution(line) for line in pins.splitlines() if re.match(r"[\w.-]+==", line)}

    complaints = []
    for path in chapter_files(root):
        cells = [c for c in jupytext.read(path).cells if c.cell_type == "code"]
        modules = {m for cell in cells for m in imported(parse(cell.source))}
        complaints += _undeclared(path.name, modules, base & pinned)
    for folder in CODE_FOLDERS:
        # pytest adds folders to the path, for the conftest.py at the root and for tests of scripts.
        near = pytest.get("pythonpath", []) if folder in (".", "tests") else []
        helpers = {path.stem for name in near for path in (root / name).glob("*.py")}
        for path in sorted((root / folder).glob("**/*.py" if folder == "cnn_course" else "*.py")):
            siblings = helpers | {sibling.stem for sibling in path.parent.glob("*.py")}
            modules = imported(ast.parse(path.read_text(encoding="utf-8"))) - siblings
            complaints += _undeclared(path.name, modules, (base | extras) & pinned)
    return complaints


def imported(tree: ast.Module) -> set[str]:
    """The top-level names of all modules that the code imports, wherever it does."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def _undeclared(file: str, modules: Iterable[str], allowed: set[str]) -> list[str]:
    complaints = []
    for module in sorted(modules):
        if module in sys.stdlib_module_names or module == "cnn_course":
            continue
        providers = {_distribution(name) for name in _providers().get(module, [])}
        if not providers & allowed:
            complaints.append(
                f"{file} imports {module}, which none of the packages that it may use provides: "
                "declare one in pyproject.toml and pin it in requirements.txt"
            )
    return complaints


@cache
def _providers() -> Mapping[str, list[str]]:
    return packages_distributions()


def _distribution(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def contents_agree(root: Path) -> list[str]:
    """Every page is in _toc.yml, every entry is a page, and chapters are numbered from 00 on."""
    toc = (root / "_toc.yml").read_text(encoding="utf-8")
    entries = re.findall(r"^\s*(?:- *)?(?:root|file): *['\"]?([^'\"\s#]+)", toc, re.MULTILINE)
    listed = {entry.removesuffix(".md").removesuffix(".ipynb") for entry in entries}
    files = [*chapter_files(root), *(root / "appendix").glob("*.md")]
    pages = {f"{path.parent.name}/{path.stem}" for path in files}
    complaints = [f"_toc.yml does not list {page}" for page in sorted(pages - listed)]
    for entry in sorted(listed - pages):
        if not any((root / f"{entry}{end}").exists() for end in (".md", ".ipynb")):
            complaints.append(f"_toc.yml lists {entry}, which does not exist")
    # 02b goes deeper beside 02, and 02c beside 02b.
    chapters = sorted(page.removeprefix("chapters/") for page in pages if page[0] == "c")
    numbers = [name.partition("_")[0] for name in chapters]
    main = [number for number in numbers if number.isdecimal()]
    if main != [f"{i:02}" for i in range(len(main))]:
        complaints.append(f"the chapters' numbers must count on from 00; they are {main}")
    for number in set(numbers) - set(main):
        before = chr(ord(number[-1]) - 1).replace("a", "")
        if f"{number[:-1]}{before}" not in numbers:
            complaints.append(f"chapter {number} has no {number[:-1]}{before} before it")
    if len(set(numbers)) != len(numbers):
        complaints.append(f"two chapters have one number: {numbers}")
    in_toc = [entry for entry in entries if entry.startswith("chapters/")]
    if in_toc != sorted(in_toc):
        complaints.append(f"_toc.yml lists the chapters in the order {in_toc}")
    if len(set(entries)) != len(entries):
        complaints.append("_toc.yml lists a page twice")
    return complaints


def nothing_is_left_to_do(root: Path) -> list[str]:
    pages = sorted([*root.glob("*.md"), *root.glob("chapters/*.md"), *root.glob("appendix/*.md")])
    return [
        f"{page.name} has something left to do: {note[0]}"
        for page in pages
        for note in re.finditer(r"\bTODO\b.*", page.read_text(encoding="utf-8"))
    ]


COURSE_RULES: list[Callable[[Path], list[str]]] = [
    imports_are_declared,
    contents_agree,
    nothing_is_left_to_do,
]
