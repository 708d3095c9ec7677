"""Arrays drawn as grids of their numbers."""

import matplotlib.pyplot as plt
import numpy as np

from cnn_course.plots.style import COLOURS, MARK

SEQUENTIAL = ("Blues", "Reds", "Greens", "Oranges", "Greys")  # colour maps that begin at 0


def number_grid(
    ax, values, *, at=(0, 0), window=None, padding=0, marked=None, cmap="Blues", limit=None,
    digits=None, size=None,
):  # fmt: skip
    """Draw `values` (H, W) as a grid of its numbers, the larger the darker; a nan is a “?”.

    `at` is the row and column of the upper left cell, so that several grids fit into one `ax`.
    `window` frames the cells (top, left, height, width), `padding` shades so many rows and columns
    at each side as not belonging to the image, `marked` (H, W) colours the cells that are True.
    The darkest shade is that of `limit`, the largest absolute value by default. Numbers have
    `digits` behind the point, as many as they need by default, and a font of `size` points.
    """
    values = np.asarray(values, dtype=float)
    height, width = values.shape
    limit = limit or max(1e-9, np.nanmax(np.abs(values), initial=0))
    top, left = at

    def box(row, column, high, wide, **style):
        corner = (left + column - 0.5, top + row - 0.5)
        ax.add_patch(plt.Rectangle(corner, wide, high, **style))

    # Half of the map's range: the numbers on top stay readable.
    rows, columns = (np.arange(n + 1) - 0.5 for n in (height, width))
    ax.pcolormesh(
        left + columns, top + rows, np.ma.masked_invalid(values), cmap=cmap,
        vmin=0 if cmap in SEQUENTIAL else -2 * limit, vmax=2 * limit,
        edgecolors="white", linewidth=1.5,
    )  # fmt: skip
    for i, j in np.ndindex(height, width):
        inside = padding <= min(i, j) and i < height - padding and j < width - padding
        cell = {"edgecolor": "white", "linewidth": 1.5}
        if not inside:
            box(i, j, 1, 1, facecolor="0.88", **cell)
        if marked is not None and marked[i, j]:
            box(i, j, 1, 1, facecolor=MARK, **cell)
        color = "black" if inside else "0.4"
        text = number_text(values[i, j], digits)
        ax.text(left + j, top + i, text, ha="center", va="center", color=color, fontsize=size)
    ax.set_aspect("equal")
    ax.axis("off")
    if window is not None:
        # Not clipped: a frame at the image's edge would lose half of its line.
        box(*window, fill=False, edgecolor=COLOURS[1], linewidth=3, zorder=3, clip_on=False)
    ax.autoscale_view()
    if not ax.yaxis_inverted():
        ax.invert_yaxis()


def number_text(value: float, digits: int | None = None) -> str:
    """A number as figures show it: with a real minus, no minus before 0, and “?” for a nan."""
    if np.isnan(value):
        return "?"
    text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    return text.replace("-", "" if float(text) == 0 else "−")
