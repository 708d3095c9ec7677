"""Open pages of the built book in Chromium, and note everything that can be wrong with them.

`visit` returns what it saw of each page; each function of `RULES` turns that into complaints, one
sentence each, none for a sound page.
"""

import re
from dataclasses import dataclass, field

THEMES = ("light", "dark")
PHONE_WIDTHS = (390, 320)
PATIENCE = 600_000  # milliseconds that a page may take: a slow machine fails no test
LEAST_CONTRAST = 4.5  # WCAG 2.1, level AA, for text

# What one look at the page tells. The contrast of each piece of text is taken against the
# nearest ancestor that has a background of its own, other backgrounds being see-through.
LOOK = """async () => {
  if (window.MathJax?.startup?.promise) await MathJax.startup.promise;
  await document.fonts.ready;
  const shown = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const all = selector => [...document.querySelectorAll(selector)];
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const painted = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const known = new Map();  // a page has thousands of texts in a dozen colours
  const rgba = colour => {
    if (!known.has(colour)) known.set(colour, painted(colour));
    return known.get(colour);
  };
  const luminance = colour => {
    const [r, g, b] = [...colour].slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = e => {
    for (; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba("white");
  };
  const contrast = e => {
    const pair = [luminance(rgba(getComputedStyle(e).color)), luminance(background(e))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (text && shown(e) && e.closest("article, .bd-search-container, footer"))
      texts.push([text.slice(0, 60), contrast(e)]);
  }
  const body = document.body.innerText;
  return {
    title: document.title,
    language: document.documentElement.lang,
    headings: all("h1").filter(shown).map(e => e.innerText),
    background: getComputedStyle(document.body).backgroundColor,
    texts,
    formulas: all("span.math, div.math").length,
    drawn: all("span.math mjx-container, div.math mjx-container").length,
    raw: ["\\\\(", "\\\\[", "Math input error"].filter(s => body.includes(s)),
    math_errors: all("mjx-merror, [data-mjx-error]").length,
    images: all("img").map(e => [e.getAttribute("src").slice(0, 80), e.getAttribute("alt"),
                                 e.naturalWidth,
                                 e.closest("article") && !e.closest("button[aria-label]")]),
    footer: all(".bd-footer-content").map(e => e.innerText).join(" "),
  };
}"""

# A figure draws itself anew after the window has another width.
MEASURE = """async () => {
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const labels = figure => [...figure.querySelectorAll("text")]
    .filter(e => e.textContent.trim())
    .map(e => [e.textContent, e.getBoundingClientRect()])
    .filter(([, box]) => box.width);
  const shared = (a, b, low, high) => Math.min(a[high], b[high]) - Math.max(a[low], b[low]);
  const overlap = (a, b) => shared(a, b, "left", "right") > 1 && shared(a, b, "top", "bottom") > 3;
  return {
    width: document.documentElement.scrollWidth,
    searches: [...document.querySelectorAll("form.bd-search, .search-button__button")]
      .filter(e => e.checkVisibility()).length,
    overlaps: [...document.querySelectorAll(".cnn-widget svg")].map(labels).flatMap(
      found => found.flatMap(([text, box], i) => found.slice(i + 1)
        .filter(([, other]) => overlap(box, other)).map(([other]) => [text, other]))),
  };
}"""


@dataclass
class Visit:
    """What was seen of one page, opened at `url` in one `theme`."""

    url: str
    theme: str
    requests: list = field(default_factory=list)  # everything outside the book, blocked
    messages: list = field(default_factory=list)  # console errors and warnings, uncaught errors
    facts: dict = field(default_factory=dict)  # of LOOK
    measures: dict = field(default_factory=dict)  # of MEASURE, by window width in pixels


def open_page(browser, home, theme, seen, width=1280):
    """A new blank page that may load only what lies under the address `home` (and `data:`).

    Whatever else it asks for is blocked, and noted in `seen.requests`; what goes wrong in its
    scripts is noted in `seen.messages`. Close `page.context` after use.
    """
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.set_default_timeout(PATIENCE)
    kept = "".join(f"localStorage.setItem('{name}', '{theme}');" for name in ("mode", "theme"))
    context.add_init_script(f"try {{ {kept} }} catch {{}}")  # a frame may have no storage

    def guard(route):
        if route.request.url.startswith((home, "data:")):
            route.continue_()
        else:
            seen.requests.append(route.request.url)
            route.abort()

    def note(kind, text):
        seen.messages.append(f"{kind}: {text}")

    context.route("**/*", guard)
    page = context.new_page()
    page.on("console", lambda m: m.type in ("error", "warning") and note(m.type, m.text))
    page.on("pageerror", lambda error: note("uncaught", str(error)))
    return page


def visit(browser, home, paths, theme):
    """Open the pages `paths` under `home`, look at each, and measure it at every width.

    They are opened one after the other in the same window, as a reader does: each window of its
    own would start a process and compile MathJax again, which takes longer than to look.
    """
    window, found = Visit(home, theme), []
    page = open_page(browser, home, theme, window)
    for path in paths:
        seen = Visit(home + path, theme)
        window.requests, window.messages = seen.requests, seen.messages
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(seen.url)
        seen.facts = page.evaluate(LOOK)
        for width in (1280, *PHONE_WIDTHS):
            page.set_viewport_size({"width": width, "height": 900})
            seen.measures[width] = page.evaluate(MEASURE)
        found.append(seen)
    page.context.close()
    return found


def asks_nothing_of_the_network(seen):
    return [f"asks for {url}" for url in seen.requests]


def has_a_silent_console(seen):
    return [f"console {message}" for message in seen.messages]


def draws_its_formulas(seen):
    facts = seen.facts
    complaints = [f"shows {text!r}" for text in facts["raw"]]
    if facts["drawn"] < facts["formulas"]:
        complaints.append(f"draws {facts['drawn']} of {facts['formulas']} formulas")
    if facts["math_errors"]:
        complaints.append(f"has {facts['math_errors']} formulas with an error in them")
    return complaints


def is_legible(seen):
    low = [(text, ratio) for text, ratio in seen.facts["texts"] if ratio < LEAST_CONTRAST]
    complaints = [f"has {text!r} at a contrast of {ratio:.2f}" for text, ratio in low]
    return complaints if seen.facts["texts"] else ["shows no text"]


def does_not_scroll_sideways(seen):
    return [
        f"is {seen.measures[width]['width']} px wide in a window of {width} px"
        for width in PHONE_WIDTHS
        if seen.measures[width]["width"] > width
    ]


def keeps_the_labels_of_its_figures_apart(seen):
    return [
        f"has {text!r} on {other!r} in a window of {width} px"
        for width, measures in seen.measures.items()
        for text, other in measures["overlaps"]
    ]


def has_one_search(seen):
    return [
        f"shows {measure['searches']} search fields or buttons at {width} px"
        for width, measure in seen.measures.items()
        if measure["searches"] != 1
    ]


def shows_and_describes_its_images(seen):
    complaints = []
    for src, alt, natural_width, tells in seen.facts["images"]:
        if natural_width == 0:
            complaints.append(f"does not load the image {src}")
        # The logo outside the article stands beside the title, and a picture in a button with a
        # name of its own adds nothing to it: their alt texts are empty.
        words = re.findall(r"[A-Za-z]{2,}", alt or "")
        if alt is None or (tells and len(words) < 5):
            complaints.append(f"has alt text {alt!r} at the image {src}")
    return complaints


def has_a_title_and_one_heading(seen):
    facts = seen.facts
    complaints = [] if facts["title"].strip() else ["has no title"]
    if len(facts["headings"]) != 1:
        complaints.append(f"shows {len(facts['headings'])} first-level headings")
    if facts["language"] != "en":
        complaints.append(f"says its language is {facts['language']!r}")
    return complaints


def has_our_footer(seen):
    footer = seen.facts["footer"]
    wanted = ("The cnn_course authors", "Copyright 2026", "CC BY 4.0", "MIT")
    complaints = [f"lacks {words!r} in its footer" for words in wanted if words not in footer]
    return complaints + (["shows the theme's stock year 2023"] if "2023" in footer else [])


RULES = (
    asks_nothing_of_the_network,
    has_a_silent_console,
    draws_its_formulas,
    is_legible,
    does_not_scroll_sideways,
    keeps_the_labels_of_its_figures_apart,
    has_one_search,
    shows_and_describes_its_images,
    has_a_title_and_one_heading,
    has_our_footer,
)
