"""The strict build: from any folder, of the listed pages alone, and it stops at what is broken."""

import re
from pathlib import Path

import pytest
from strict_builds import strict_build

ROOT = Path(__file__).parents[1]
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
