"""Write the address of the course's repository wherever it belongs: a fork has its own.

Run: make repository URL=https://… BRANCH=main, or python tools/repository.py URL [BRANCH]. It can
be run again, with the same address or another; `none` takes the address out. Needs no packages.
"""

import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
COLAB = "https://colab.research.google.com"
# Sphinx Book Theme makes links for these hosts, and stops at any other.
KNOWN_HOSTS = ("github", "gitlab", "bitbucket")
USAGE = "make repository URL=https://… (or URL=none), with BRANCH=… unless the branch is main"

# Neither `..` nor the lone `-` that GitLab puts before the address of a file is a folder's name.
ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/(?!(\.+|-)(/|$))[\w.~+-]+)+/*", re.ASCII)

INSTALL = """try:
    import cnn_course
except ImportError:  # in Colab, for example
    %pip install --quiet git+{url}"""
EXPLAIN = """try:
    import cnn_course
except ImportError:
    raise ImportError(
        "the package cnn_course is missing: run `%pip install FOLDER`, "
        "with the course's folder, and then this cell again"
    ) from None"""
# From the import to an empty line, to the end of the cell, or to that of the notebook.
SET_UP = re.compile(
    r"try:\n    import cnn_course\nexcept ImportError.*?(?=\n\n|\n```|\n*\Z)", re.DOTALL
)


class RefusedError(ValueError):
    """An address, or a file, that cannot be used; the message is one sentence."""


def normalised(url: str) -> str:
    """The address as it is written down: without a slash or `.git` at its end."""
    url = url.strip()
    if not url:
        raise RefusedError(f"the address is missing: {USAGE}")
    if not ADDRESS.fullmatch(url):
        raise RefusedError(
            f"{url!r} is no address of a repository: it must begin with https://, go on with host "
            "and path, and hold neither spaces nor a user's name, a query or a fragment"
        )
    url = url.rstrip("/").removesuffix(".git").rstrip("/")
    path = urlsplit(url).path
    if path.count("/") < 2 or (is_github(url) and path.count("/") > 2):
        raise RefusedError(
            f"{url!r} names no repository: give the address of its first page, as in "
            "https://HOST/OWNER/REPOSITORY"
        )
    return url


def is_github(url: str | None) -> bool:
    """Colab opens notebooks from there alone."""
    return bool(url) and urlsplit(url).netloc.lower() in ("github.com", "www.github.com")


def checked_branch(branch: str) -> str:
    if not re.fullmatch(r"[\w.+-]+(/[\w.+-]+)*", branch, re.A):
        raise RefusedError(f"{branch!r} is no branch: give its name, as in BRANCH=main")
    return branch


# ------------------------------------------------- each file's text, with the address or without


def chapter(text: str, url: str | None, branch: str) -> str:
    text, count = SET_UP.subn(lambda _: INSTALL.format(url=url) if url else EXPLAIN, text)
    if count != 1:
        raise RefusedError(f"it has {count} cells that import or install cnn_course, not 1")
    return text


def notebook(text: str, url: str | None, branch: str) -> str:
    """The same in the notebook beside the chapter, whose outputs stay as they are."""
    book = json.loads(text)
    first = next(cell for cell in book["cells"] if cell["cell_type"] == "code")
    first["source"] = chapter("".join(first["source"]), url, branch).splitlines(keepends=True)
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def settings(text: str, url: str | None, branch: str) -> str:
    """_config.yml: the button that leads to the repository, and the one that opens Colab."""
    host = urlsplit(url).netloc.lower() if url else ""
    known = any(name in host for name in KNOWN_HOSTS)
    address = f'{{url: "{url}", branch: "{branch}"}}' if known else '{url: ""}'
    launch = f'{{thebe: false, colab_url: "{COLAB}"}}' if is_github(url) else "{thebe: false}"
    for key, value in (
        ("repository", address),
        ("launch_buttons", launch),
        ("  use_repository_button", str(known).lower()),
    ):
        text = _only(rf"^{key}:.*$", f"{key}: {value}", text)
    return text


def citation(text: str, url: str | None, branch: str) -> str:
    text = re.sub(r"^repository-code:.*\n", "", text, flags=re.M)
    return text.rstrip("\n") + "\n" + (f'repository-code: "{url}"\n' if url else "")


def project(text: str, url: str | None, branch: str) -> str:
    text = re.sub(r"^\[project\.urls\]\n.*?\n\n", "", text, flags=re.M | re.S)
    urls = f'[project.urls]\nRepository = "{url}"\n\n' if url else ""
    return _only(r"^\[project\.scripts\]$", f"{urls}[project.scripts]", text)


def readme(text: str, url: str | None, branch: str) -> str:
    if is_github(url):
        chapters = f"{COLAB}/github{urlsplit(url).path}/blob/{branch}/chapters"
        words = (
            f"`git clone {url}` fetches the course. **In Colab** nothing need be fetched: "
            f"[open chapter 00]({chapters}/00_welcome.ipynb), or any other by its “Colab” button "
            "in the built book; its first cell installs what is missing."
        )
    elif url:
        words = (
            f"`git clone {url}` fetches the course. **In Colab**, upload a chapter's `.ipynb`: "
            "its first cell installs what is missing."
        )
    else:
        words = (
            "**In Colab** the chapters install themselves once this copy has a public address: "
            "`make repository URL=https://…` writes it wherever it belongs."
        )
    start, end = "<!-- written by `make repository` -->\n", "\n<!-- to here -->"
    return _only(rf"{start}[\s\S]*?{end}", start + words + end, text)


def _only(pattern: str, new: str, text: str) -> str:
    text, count = re.subn(pattern, lambda _: new, text, flags=re.MULTILINE)
    if count != 1:
        raise RefusedError(f"{count} of its lines match {pattern!r}, not 1")
    return text


# ----------------------------------------------------------------------------------- all files


def written(root: Path, url: str | None, branch: str = "main") -> dict[Path, str]:
    """Each file that holds the address, with what it says for `url`, None for no address."""
    places = {
        "pyproject.toml": project,
        "_config.yml": settings,
        "CITATION.cff": citation,
        "README.md": readme,
        "chapters/[0-9][0-9]*.md": chapter,
        "chapters/[0-9][0-9]*.ipynb": notebook,
    }
    texts = {}
    for pattern, rewrite in places.items():
        for path in sorted(root.glob(pattern)):
            if path.parent != root and not re.fullmatch(r"\d\d[a-z]?_\w+", path.stem):
                continue  # scratch paper, such as 02_name-Copy1.md
            try:
                texts[path] = rewrite(path.read_text(encoding="utf-8"), url, branch)
            except (ValueError, KeyError, StopIteration) as error:
                name = path.relative_to(root)
                raise RefusedError(f"{name} has not the form that is needed: {error}") from None
    return texts


def current(root: Path) -> tuple[str | None, str]:
    """The address that the project names, None if it names none, and the branch."""
    url = re.search(
        r'^\[project\.urls\]\nRepository = "(.+)"$',
        (root / "pyproject.toml").read_text(encoding="utf-8"),
        re.M,
    )
    branch = re.search(
        r'^repository:.*branch: "(.+)"', (root / "_config.yml").read_text(encoding="utf-8"), re.M
    )
    return url and url[1], branch[1] if branch else "main"


def main(url: str = "", branch: str = "", root: Path = ROOT) -> None:
    try:
        url = None if url.strip() == "none" else normalised(url)
        texts = written(root, url, checked_branch(branch or "main"))
    except RefusedError as refusal:
        sys.exit(f"repository: {refusal}")
    changed = {p: t for p, t in texts.items() if p.read_text(encoding="utf-8") != t}
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {path.relative_to(root)}")
    print(f"{len(changed)} of {len(texts)} files changed; they name {url or 'no address'}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
