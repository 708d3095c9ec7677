"""The rules for a chapter's text: Markdown that the book, JupyterLab and Colab show alike."""

import re
from pathlib import Path
from urllib.parse import unquote

import jupytext
from chapter import Chapter, anchor, headings, is_folded, without_code
from prose_blocks import link_targets, plain_text

# Addresses outside references.bib: the tools that a reader installs or opens.
ALLOWED_LINKS = ("https://pytorch.org/", "https://docs.pytorch.org/", "https://jupyter.org/")
ALLOWED_LINKS += ("https://www.python.org/", "https://colab.research.google.com/")

# What a plain notebook would show raw, and what to write in its place.
RAW = {
    r"^ *:{3,}.*": "a directive",
    r"\{[\w:-]+\}`[^`]*`": "a role",
    r"^\([\w:-]+\)=[ \t]*$": "a label",
    r"^\$\$[ \t]*\([\w:-]+\)": "the label of a formula; write \\tag{…} in the formula",
    r"^%[^%\n]": "a comment of MyST",
    r"\[\^[\w-]+\]": "a footnote",
}
FOLDED = re.compile(
    r"^<details>\s*<summary>[^<\n]+</summary>\n[ \t]*\n(.*?)\n[ \t]*\n</details>[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
TAGS = ("details", "summary", "br", "sub", "sup", "kbd")

FORMULA = re.compile(r"\$\$(.*?)\$\$", re.DOTALL)
NUMBER = r"\((\d{1,2}[a-z]?\.\d{1,2})\)"
MENTION = re.compile(rf"\bequations?\s+{NUMBER}(?:(?:,| and| to|–)\s*{NUMBER})*", re.IGNORECASE)

MAX_WORDS, MAX_SHOWN_LINES = 3_300, 250


def markdown_is_portable(chapter: Chapter) -> list[str]:
    """What a plain notebook shows raw is left out, and every address leads to a cited work."""
    complaints = []
    for cell in chapter.markdown_cells:
        text = without_math_and_code(cell.source)
        for pattern, what in RAW.items():
            for raw in re.finditer(pattern, text, re.M):
                complaints.append(f"{raw[0].strip()!r} is {what}: a plain notebook shows it raw")
        for fence in re.findall(r"^ *(?:`{3,}|~{3,})\{[^}\n]*\}", cell.source, re.M):
            complaints.append(f"{fence.strip()!r} is a directive: a plain notebook shows it raw")
        text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
        for tag in re.findall(r"</?([A-Za-z][\w-]*)(?:[ \t\n][^<>]*)?/?>", text):
            if tag not in TAGS:
                complaints.append(f"<{tag}> is HTML; write Markdown")
        folded = FOLDED.findall(text)
        if len(folded) != len(re.findall(r"</?details", text)) / 2:
            complaints.append(
                "what is folded must be written <details><summary>…</summary>, an empty line, "
                "Markdown, an empty line, </details>, in one cell"
            )
        if any(re.search(r"^#+ ", part, re.M) for part in folded):
            complaints.append("a heading is folded away: anchors must be in sight")
    for link in link_targets(chapter.prose):
        if not chapter.course.cites(link) and not link.startswith(ALLOWED_LINKS):
            complaints.append(f"{link} is not in references.bib: add the work there")
    return complaints


def without_math_and_code(markdown: str) -> str:
    text = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "`x`", without_code(markdown))
    return re.sub(r"\$[^$\n]+\$", "$x$", FORMULA.sub("$$\n$$", text))


def links_lead_somewhere(chapter: Chapter) -> list[str]:
    """Links inside the course: to a heading by its words, to a chapter by its notebook."""
    complaints = []
    own = [anchor(text) for _, text in headings(chapter.markdown_cells)]
    for name in sorted({name for name in own if own.count(name) > 1}):
        complaints.append(f"two headings have the anchor #{name}: word one differently")
    for target in re.findall(r"\]\(((?:[^()\s]|\([^()]*\))+)\)", chapter.prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, name = target.partition("#")
        path = chapter.path.parent / unquote(file)
        names = own
        if file:
            if path.suffix == ".md" and path.parent == chapter.path.parent:
                complaints.append(f"the link to {target} must lead to the notebook, ….ipynb")
            page = path.with_suffix(".md")
            if not path.exists():
                complaints.append(f"the link to {target} leads to no file")
                continue
            names = page_anchors(page) if page.exists() else []
        if name and unquote(name) not in names:
            complaints.append(
                f"the link to {target} leads to no heading: its anchor is the heading's text, "
                "with - for each space"
            )
    return complaints


def page_anchors(page: Path) -> list[str]:
    cells = [cell for cell in jupytext.read(page).cells if cell.cell_type == "markdown"]
    return [anchor(text) for _, text in headings(cells)]


def equations_are_numbered(chapter: Chapter) -> list[str]:
    complaints = []
    formulas = FORMULA.findall(chapter.prose)
    tags = [tag for formula in formulas for tag in re.findall(r"\\tag\{([^}]*)\}", formula)]
    expected = [f"{chapter.label}.{k + 1}" for k in range(len(tags))]
    if tags != expected:
        complaints.append(f"equations count on from {chapter.label}.1; their tags are {tags}")
    if chapter.prose.count(r"\tag{") > len(tags):
        complaints.append(r"a \tag stands outside $$ … $$")
    for formula in formulas:
        rows = re.sub(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", "", formula, flags=re.S)
        if r"\tag{" in formula and "\\\\" in rows:
            complaints.append(f"equation ({tags[0]}) or a later one has two lines: make it two")
    known = set(tags) | other_tags(chapter)
    for mention in MENTION.finditer(chapter.prose):
        for number in re.findall(NUMBER, mention[0]):
            if number not in known:
                complaints.append(f"there is no equation ({number}): no formula has its \\tag")
    return complaints


def other_tags(chapter: Chapter) -> set[str]:
    others = chapter.path.parent.glob("*.md")
    texts = [other.read_text(encoding="utf-8") for other in others if other != chapter.path]
    return {tag for text in texts for tag in re.findall(r"\\tag\{([^}]*)\}", text)}


# --------------------------------------------------------------------------------------- length


def length_complaints(chapter: Chapter) -> list[str]:
    """The core of a chapter, without its exercises, can be read in one sitting."""
    words = lines = 0
    section = ""
    for cell in chapter.notebook.cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"^(?=## )", without_code(cell.source), flags=re.M):
                section = part.splitlines()[0] if part.startswith("## ") else section
                if section != "## Exercises":
                    words += count_words(part)
        elif section != "## Exercises" and not is_folded(cell):
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    complaints = []
    if words > MAX_WORDS:
        complaints.append(f"its core has {words:,} words, more than {MAX_WORDS:,}")
    if lines > MAX_SHOWN_LINES:
        complaints.append(f"its core shows {lines} lines of code, more than {MAX_SHOWN_LINES}")
    return complaints


def count_words(markdown: str) -> int:
    """Words of the text: a formula in a line counts as one, a displayed one as none."""
    text = re.sub(r"\$[^$\n]+\$", "x", FORMULA.sub(" ", markdown))
    text = re.sub(r"<!--.*?-->", " ", text, flags=re.S)
    return len(re.findall(r"\S*\w\S*", plain_text(text)))
