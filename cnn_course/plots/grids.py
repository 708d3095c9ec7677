"""Arrays drawn as grids of their numbers."""

import matplotlib.pyplot as plt
import numpy as np

from cnn_course.plots.style import COLOURS, MARK


def number_grid(ax, values, *, window=None, padding=0, marked=None, cmap="Blues", limit=None):
    """Draw `values` (H, W) as a grid of its numbers, the larger the darker.

    `window` frames the cells (top, left, height, width), `padding` shades so many rows and columns
    at each side as not belonging to the image, `marked` (H, W) colours the cells that are True.
    The darkest shade is that of `limit`, the largest absolute value by default.
    """
    values = np.asarray(values)
    height, width = values.shape
    limit = limit or max(1e-9, abs(values).max())

    def box(top, left, high, wide, **style):
        ax.add_patch(plt.Rectangle((left - 0.5, top - 0.5), wide, high, **style))

    # Half of the map's range: the numbers on top stay readable. A mesh stays a drawing in SVG.
    lowest = -2 * limit if cmap != "Blues" else 0
    columns, rows = np.arange(width + 1) - 0.5, np.arange(height + 1) - 0.5
    ax.pcolormesh(columns, rows, values, cmap=cmap, vmin=lowest, vmax=2 * limit)
    ax.set(aspect="equal", xlim=columns[[0, -1]], ylim=rows[[-1, 0]])
    for i, j in np.ndindex(height, width):
        inside = padding <= min(i, j) and i < height - padding and j < width - padding
        if not inside:
            box(i, j, 1, 1, facecolor="0.88", edgecolor="none")
        if marked is not None and marked[i, j]:
            box(i, j, 1, 1, facecolor=MARK)
        ax.text(
            j, i, f"{values[i, j]:g}", ha="center", va="center", color="black" if inside else "0.4"
        )
    ax.set_xticks(columns, [])
    ax.set_yticks(rows, [])
    ax.grid(color="white", linewidth=1.5)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if window is not None:
        # Not clipped: a frame at the image's edge would lose half of its line.
        box(*window, fill=False, edgecolor=COLOURS[1], linewidth=3, zorder=3, clip_on=False)
