"""Scripts and style sheets without what a page does not need: comments, spaces, unused functions.

Names stay as they are (but for Math), so that the page's source can still be read. This is no
parser; it relies on how the scripts of this folder are written: each statement ends with `;`, and
what begins at the start of a line is a declaration of the script itself, or its call of `start`.
"""

import re

DECLARED = re.compile(r"(?:function|const|let) (\w+)")
BEFORE_REGEX = set("(,=:[!&|?{};>")  # after anything else, a slash divides


def pack_scripts(scripts: list[str]) -> str:
    """Several scripts as one, without declarations that nothing in it uses."""
    chunks = [chunk for text in scripts for chunk in re.split(r"\n(?=\w)", f"\n{text}")]
    packed = [pack_script(chunk) for chunk in chunks]
    names = [found and found[1] for found in map(DECLARED.match, packed)]
    used = {n for n, name in enumerate(names) if name is None}
    fresh = used
    while fresh:
        words = set(re.findall(r"\w+", "\n".join(packed[n] for n in fresh)))
        fresh = {n for n, name in enumerate(names) if name in words} - used
        used = used | fresh
    whole = "".join(packed[n] + "\n" for n in sorted(used) if packed[n])
    return "const M=Math;\n" + whole if "M." in whole else whole


def pack_script(text: str) -> str:
    parts = []
    for literal, part in _parts(text):
        if not literal:
            part = re.sub(r"\s*\n\s*", "\n", part)
            part = re.sub(r" *([{}()\[\];,=<>!?:&|*/%]) *", r"\1", part)
            part = re.sub(r"(?<=[^ +-]) *([+-]) *(?=[^ +-])", r"\1", part)
            part = re.sub(r"(?<=[{(\[,;=<>?:&|*%+-])\n|\n(?=[})\].?:&|])", "", part)
            part = re.sub(r",([})\]])", r"\1", part)
            part = re.sub(r"\bconst ", "let ", part.replace(";}", "}").replace("Math.", "M."))
        parts.append(part)
    return "".join(parts).strip()


def pack_style(text: str, script: str) -> str:
    """A style sheet, without rules for classes and fields that the script does not make."""
    text = re.sub(r"\s*([{};,>])\s*|(:)\s+", r"\1\2", re.sub(r"\s+", " ", text)).strip()

    def needed(rule):
        selector = re.sub(r"\(.*?\)", "", rule[1])
        names = re.findall(r"\.(cnn-[\w-]+)", selector)
        names += [f'el("{tag}"' for tag in re.findall(r" (input|select|label)\b", selector)]
        every = all(name in f"cnn-widget cnn-still {script}" for name in names)
        return rule[0] if every or "," in selector else ""

    if "cnn-${" not in script:  # as it does in names that are put together
        text = re.sub(r"([^{};]+)\{[^{}]*\}", needed, text)
    return text.replace(";}", "}")


def _parts(text: str):
    """(whether it is a literal, the text) for each part of a script, without its comments."""
    start = n = 0
    while n < len(text):
        if text.startswith("//", n):
            yield False, text[start:n]
            start = n = (text + "\n").index("\n", n)
        elif text[n] in "\"'`" or (text[n] == "/" and text[:n].rstrip()[-1:] in BEFORE_REGEX):
            yield False, text[start:n]
            start, n = n, _end(text, n)
            yield True, text[start:n]
            start = n
        else:
            n += 1
    yield False, text[start:]


def _end(text: str, n: int) -> int:
    """Where the string, template or regular expression that begins at n is over."""
    mark, bracket = text[n], False
    n += 1
    while text[n] != mark or bracket:
        if mark == "`" and text.startswith("${", n):
            n, depth = n + 2, 1
            while depth:
                depth += (text[n] == "{") - (text[n] == "}")
                n = _end(text, n) if text[n] in "\"'`" else n + 1
            continue
        elif text[n] == "\\":
            n += 1
        elif mark == "/" and text[n] in "[]":
            bracket = text[n] == "["
        n += 1
    return n + 1
