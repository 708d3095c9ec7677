"""What the interactive figures share: HTML that brings along everything it needs."""

import base64
import json
import struct
import zlib
from html import escape
from pathlib import Path

import numpy as np
import rcssmin
import rjsmin

FOLDER = Path(__file__).parent


class Widget:
    """An interactive figure; as the last line of a cell it shows.

    `name` is that of its script in this folder, and `scripts` are others that it needs; a style
    sheet of the same name goes with each, where there is one. `data` goes to the script as JSON.
    `still` is HTML, a picture of the figure for where scripts do not run. The same arguments give
    the same HTML, to the letter: nothing in it is drawn by lot, counted or looked up.
    """

    def __init__(self, name: str, data: dict, still: str, scripts: tuple[str, ...] = ()):
        self.name, self.data, self.still, self.scripts = name, data, still, scripts

    def __repr__(self) -> str:
        return f"<interactive figure “{self.name}”>"

    def _repr_html_(self) -> str:
        names = ("base", *self.scripts, self.name)
        styles = "".join(source(f"{name}.css") for name in names)
        code = "".join(source(f"{name}.js") for name in names)
        data = json.dumps(self.data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return (
            f'<div class="cnn-widget" data-widget="{self.name}">'
            f"<style>\n{styles}</style>\n"
            f'<div class="cnn-still">{self.still}<p>Run this cell to use it.</p></div>\n'
            f'<script type="application/json">{data.replace("<", chr(92) + "u003c")}</script>\n'
            f'<script>\n(() => {{\n"use strict";\n{code}}})();\n</script></div>'
        )


def source(name: str) -> str:
    """A script or style sheet of this folder, without comments and spaces that it does not need.

    Empty for a sheet that is not there.
    """
    path = FOLDER / name
    if path.suffix == ".js":
        return rjsmin.jsmin(path.read_text(encoding="utf-8")) + "\n"
    if not path.exists():
        return ""
    return rcssmin.cssmin(path.read_text(encoding="utf-8")) + "\n"


def encode(values: np.ndarray) -> str:
    """The bytes of an array in base64, row by row, little-endian; base.js `decode`s them."""
    values = np.ascontiguousarray(values)
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def picture(pixels: np.ndarray, alt: str) -> str:
    """An <img> that holds uint8 pixels (H, W) or (H, W, 3).

    The PNG is written here, not packed: every machine gives the same bytes.
    """
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels))
    blocks = [rows[i : i + 65_535] for i in range(0, len(rows), 65_535)]
    stream = b"\x78\x01"
    for n, block in enumerate(blocks, 1):
        stream += struct.pack("<BHH", n == len(blocks), len(block), 65_535 - len(block)) + block
    stream += struct.pack(">I", zlib.adler32(rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 2 * (pixels.ndim == 3), 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", header), (b"IDAT", stream), (b"IEND", b"")):
        checked = kind + content
        png += struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
    data = base64.b64encode(png).decode()
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'
