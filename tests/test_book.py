"""The built book, as a reader's browser shows it: `make book` must have been run."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import page_visits
import pytest
from serving import served

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "_build" / "html"
PAGES = sorted(
    path.relative_to(BOOK).as_posix()
    for path in BOOK.rglob("*.html")
    if not {"_static", "_sources"} & set(path.relative_to(BOOK).parts)
)
INDEX = "index.html"  # it only sends the reader on to the first page


@pytest.fixture(scope="session", autouse=True)
def _built():
    if INDEX not in PAGES:
        pytest.fail("there is no book in _build/html: run `make book` first")


@pytest.fixture(scope="session")
def homes():
    """The addresses at which the book is opened: the folder itself, and a local server."""
    with served(BOOK) as (address, _):
        yield {"file": f"{BOOK.as_uri()}/", "http": address}


@pytest.fixture(scope="session")
def visits(browser, homes):
    """Every page in the light theme from the disk, and in the dark one from the server."""
    paths = [path for path in PAGES if path != INDEX]
    return [
        seen
        for home, theme in zip(homes.values(), page_visits.THEMES, strict=True)
        for seen in page_visits.visit(browser, home, paths, theme)
    ]


@pytest.mark.parametrize("rule", page_visits.RULES, ids=lambda rule: rule.__name__)
def test_every_page(visits, rule):
    complaints = [f"{seen.url} ({seen.theme}) {c}" for seen in visits for c in rule(seen)]
    assert not complaints, "\n".join(complaints)


def test_some_page_has_formulas_and_some_has_figures(visits):
    # Where there are none, the rules on them check nothing.
    assert any(seen.facts["formulas"] for seen in visits)
    assert any(in_article for seen in visits for *_, in_article in seen.facts["images"])


def test_the_two_themes_differ(visits):
    seen = {theme: {v.facts["background"] for v in visits if v.theme == theme}
            for theme in page_visits.THEMES}  # fmt: skip
    assert len(seen["light"]) == len(seen["dark"]) == 1
    assert seen["light"] != seen["dark"]


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_the_index_leads_to_the_first_page(browser, homes, scheme):
    seen = page_visits.Visit(homes[scheme] + INDEX, "light")
    page = page_visits.open_page(browser, homes[scheme], "light", seen)
    page.goto(seen.url)
    page.wait_for_url("**/chapters/00_*.html")
    page.context.close()
    assert not seen.requests + seen.messages


@pytest.mark.parametrize("theme", page_visits.THEMES)
def test_search_finds_a_word_of_a_chapter_and_no_other(browser, homes, theme):
    seen = page_visits.Visit("search.html", theme)
    page = page_visits.open_page(browser, homes["http"], theme, seen)
    found = {}
    for word in ("neuron", "gobbledygook"):
        page.goto(f"{homes['http']}search.html?q={word}")
        # The theme's script ends a search by writing how many pages it found.
        page.wait_for_function(
            "/finished|did not match/.test(document.querySelector('#search-results').innerText)"
        )
        links = page.locator("#search-results li a")
        found[word] = {link.get_attribute("href") or "" for link in links.all()}
    page.context.close()
    assert any("chapters/" in href for href in found["neuron"]), found
    assert not found["gobbledygook"]
    assert not seen.requests + seen.messages


@pytest.mark.parametrize("width", [1280, 390])
def test_the_search_button_opens_one_field_with_the_focus(browser, homes, width):
    seen = page_visits.Visit(homes["file"], "light")
    page = page_visits.open_page(browser, homes["file"], "light", seen, width)
    page.goto(homes["file"] + next(path for path in PAGES if path.startswith("chapters/")))
    page.locator(".search-button__button:visible").click()
    fields = page.locator("input[type=search]:visible")
    assert fields.count() == 1
    assert fields.evaluate("field => field === document.activeElement")
    page.context.close()


class Links(HTMLParser):
    """Collect what a page points to, and the names at which it can be pointed."""

    def __init__(self, path):
        super().__init__()
        self.targets, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.targets.append(value)
            elif name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)


def broken_links(book, pages):
    """Complaints about links inside `book` whose file or #fragment is not there."""
    links = {(book / page).resolve(): Links(book / page) for page in pages}
    complaints = []
    for page, found in links.items():
        for target in found.targets:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            path = (page.parent / unquote(url.path)).resolve() if url.path else page
            name = unquote(url.fragment)
            # A bare “#” goes to the top of the page, in any page.
            if not path.is_file() or (name and path in links and name not in links[path].anchors):
                complaints.append(f"{page.name} points to {target}, which is not there")
    return complaints


def test_internal_links_and_anchors_resolve():
    complaints = broken_links(BOOK, PAGES)
    assert not complaints, "\n".join(complaints)


def test_a_broken_link_and_a_broken_anchor_are_noticed(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">1</a><a href="#gone">2</a><a href="b.html">3</a>'
        '<a href="https://example.invalid/">4</a><img src="missing.png"></p>'
    )
    complaints = broken_links(tmp_path, ["a.html"])
    assert [c.split()[3].rstrip(",") for c in complaints] == ["#gone", "b.html", "missing.png"]


BAD_PAGE = """<!doctype html><html lang="xx"><title></title>
<style>html[data-x] {} p { color: #999; background: #fff }</style>
<body><article><p>Pale text</p><p style="width: 2000px">A wide line, raw \\(x\\)</p>
<img src="missing.png" alt="figure"><img src="https://example.invalid/picture.png">
<span class="math">undrawn</span>
<div class="cnn-widget"><svg><text y="20">one</text><text y="20" x="9">another</text></svg></div>
</article>
<form class="bd-search"></form><form class="bd-search">two</form>
<footer class="bd-footer-content">Copyright 2023</footer>
<script>console.error("an error"); console.warn("a warning"); fetch("http://example.invalid/data");
throw new Error("a thrown one")</script></body></html>"""


@pytest.fixture(scope="module")
def bad_visit(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "page.html").write_text(BAD_PAGE)
    (seen,) = page_visits.visit(browser, f"{folder.as_uri()}/", ["page.html"], "light")
    return seen


@pytest.mark.parametrize("rule", page_visits.RULES, ids=lambda rule: rule.__name__)
def test_every_rule_fires_on_a_bad_page(bad_visit, rule):
    assert rule(bad_visit)


def test_the_recorders_see_each_request_and_each_message(bad_visit):
    assert set(bad_visit.requests) == {
        "https://example.invalid/picture.png",
        "http://example.invalid/data",
    }
    messages = "\n".join(bad_visit.messages)
    for words in ("error: an error", "warning: a warning", "uncaught: a thrown one"):
        assert words in messages


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_course_on_one_page_is_printed_on_one(browser, homes, paper):
    """The link above the formulas prints them alone, and on a single sheet."""
    page = browser.new_page()
    page.goto(homes["file"] + "chapters/07_summary.html#the-course-on-one-page")
    page.wait_for_function(
        "document.querySelectorAll('#the-course-on-one-page mjx-container').length"
    )
    margin = dict.fromkeys(("top", "bottom", "left", "right"), "10mm")
    sheet = page.pdf(format=paper, margin=margin)
    page.close()
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1
