"""Networks drawn as blocks, from the model itself."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from matplotlib.path import Path
from torch import nn

from cnn_course.plots.blocks import Block, Shortcut, course
from cnn_course.plots.layout import (
    AIR,
    LINE,
    MARGIN,
    SIZE,
    SLANT,
    Layout,
    is_map,
    label_lines,
    sheets,
    symbol,
)
from cnn_course.plots.operations import CONVOLUTION, DETAIL, LINEAR, POOLING
from cnn_course.plots.style import COLOURS

KINDS = {CONVOLUTION: COLOURS[0], POOLING: COLOURS[2], LINEAR: COLOURS[1]}
REST, GREY = "#5f6368", "0.35"  # other operations, and the texts that stand back


def draw_network(
    model: nn.Module, input_shape: tuple[int, ...], *, names: Sequence[str] = ()
) -> plt.Figure:
    """A figure of `model`: the image (C, H, W) on top, its way through the layers, the logits.

    A feature map is a stack of sheets: their sides are in proportion to its height and width, and
    there are as many of them as channels up to 4, then twice the square root of the channels (512
    channels make 45 sheets). A vector is a bar, as long, among the vectors, as it has elements.
    No side is drawn shorter than 0.04 inches. The square on a map is one window of the operation
    that follows. Beside an arrow stand the operation, what is joined to it (activation,
    normalization, dropout), and the number of parameters as `layer_table` has it; the line below
    is their share in all. Convolution is blue, pooling green, fully connected red, all else grey.
    Arcs at the left are branches that leave the main way and come back to it. Equal groups of
    blocks, one behind the other, are drawn once where that saves two blocks and more, in a bracket
    that says how often.

    `names` are written beside the blocks, from top to bottom, one for each but the image, flattened
    maps and sums: ("C1", "S2", …). Raises ValueError for another number of names and for an
    `input_shape` that does not fit. The model is run twice, in evaluation mode, and left as it was.
    """
    layout = Layout(course(model, input_shape), names)
    figure = plt.figure(figsize=(layout.width, layout.height))
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, layout.width), ylim=(layout.height, 0))
    ax.axis("off")
    _Painter(layout, ax).paint()
    return figure


class _Painter:
    """Each patch is labelled with what it shows ("map 3"), which is how the tests find it."""

    def __init__(self, layout: Layout, ax: plt.Axes):
        self.layout, self.ax, self.blocks = layout, ax, layout.blocks

    def paint(self) -> None:
        layout = self.layout
        for i in range(len(self.blocks)):
            self.block(i)
            if i:
                self.operation(i)
        for lane, shortcut in zip(layout.lanes, layout.course.shortcuts, strict=True):
            self.shortcut(layout.arcs[lane], shortcut)
        for fold in layout.course.folds:
            self.bracket(*fold)
        for i, line in enumerate([*layout.foot, *layout.notes]):
            is_total = i < len(layout.foot)
            style = {"weight": "bold"} if is_total else {"color": GREY, "size": SIZE - 1}
            self.text(MARGIN, layout.foot_top + i * LINE, line, **style)

    def text(self, x: float, y: float, text: str, **style) -> None:
        style = {"va": "center", "size": SIZE, "color": "black"} | style
        self.ax.text(x, y, text, **style)

    def box(self, corner: tuple[float, float], wide: float, high: float, **style) -> None:
        self.ax.add_patch(Rectangle(corner, wide, high, **style))

    def arrow(self, path: Path, colour: str, label: str) -> None:
        style = {"color": colour, "linewidth": 1.4, "fill": len(path) == 2, "label": label}
        style |= {"arrowstyle": "-|>,head_length=4,head_width=2.2", "shrinkA": 0, "shrinkB": 0}
        self.ax.add_patch(FancyArrowPatch(path=path, **style))

    def block(self, i: int) -> None:
        layout, block, colour = self.layout, self.blocks[i], _colour(self.blocks[i])
        style = {"facecolor": _tint(colour, 0.22), "edgecolor": colour, "linewidth": 0.9}
        wide, high, _ = layout.size(block)
        left, top = layout.edges(i)[0], layout.tops[i]
        if symbol(block):
            self.sign(i, style)
        else:
            for k in reversed(range(sheets(block) if is_map(block) else 1)):
                label = f"{'map' if is_map(block) else 'vector'} {i}" if k == 0 else f"sheet {i}"
                corner = (left + k * layout.sheet, top - k * layout.sheet * SLANT)
                self.box(corner, wide, high, label=label, **style)
            self.window(i)
        for x, line, text, bold in layout.heads[i]:
            style = {"weight": "bold"} if bold else {"color": GREY}
            self.text(x, layout.middle(i) + line * LINE, text, **style)

    def sign(self, i: int, style: dict) -> None:
        x, y, radius = (
            self.layout.centre,
            self.layout.middle(i),
            self.layout.size(self.blocks[i])[0],
        )
        self.ax.add_patch(Circle((x, y), radius / 2, label=f"join {i}", **style))
        strokes = {"+": ((1, 0), (0, 1)), "×": ((0.7, 0.7), (0.7, -0.7))}[symbol(self.blocks[i])]
        for dx, dy in strokes:
            dx, dy = 0.07 * dx, 0.07 * dy
            self.ax.plot(
                (x - dx, x + dx), (y - dy, y + dy), color=style["edgecolor"], linewidth=1.4
            )

    def window(self, i: int) -> None:
        """One window of the next operation, in the middle of the first sheet of block i."""
        after = self.blocks[i + 1 : i + 2]
        if not after or not is_map(self.blocks[i]) or not after[0].main.operation.window:
            return
        layout, sides = self.layout, self.blocks[i].shape[1:]
        spans = zip(after[0].main.operation.window, sides, strict=True)
        h, w = (min(window, side) * layout.pixel for window, side in spans)
        wide = layout.size(self.blocks[i])[0]
        corner = (layout.edges(i)[0] + (wide - w) / 2, layout.middle(i) - h / 2)
        colour = _colour(after[0])
        style = {"facecolor": _tint(colour, 0.6), "edgecolor": colour, "linewidth": 0.9}
        self.box(corner, w, h, label=f"window {i}", **style)

    def operation(self, i: int) -> None:
        """The arrow to block i, its words, and the share of its parameters."""
        layout, colour = self.layout, _colour(self.blocks[i])
        (start, end), x = layout.gap(i), layout.centre
        self.arrow(Path([(x, start + 0.03), (x, end - 0.02)]), colour, f"arrow {i}")
        # Beside the arrow, unless the texts at the blocks are in the way.
        height, x = layout.label_height(i), layout.text_left
        lowest = layout.middle(i) - LINE / 2 - AIR - height
        y = min(max((start + end - height) / 2, layout.label_top(i)), lowest)
        for line, is_main in layout.labels[i]:
            self.text(x, y + LINE / 2, line, color="black" if is_main else GREY)
            y += LINE
        if count := layout.course.times(i) * self.blocks[i].parameters:
            share = max(0.02, layout.room * count / layout.course.table.parameters)
            self.box((x, y + 0.03), layout.room, 0.05, color="0.9", linewidth=0)
            self.box((x, y + 0.03), share, 0.05, color=colour, linewidth=0, label=f"share {i}")

    def shortcut(self, x: float, shortcut: Shortcut) -> None:
        """From below block `start`, around the left, to the side of block `end`."""
        layout, end = self.layout, shortcut.end
        top, bottom = layout.edges(shortcut.start)[2] + 0.1, layout.middle(end)
        r = 0.14
        points = [
            (layout.centre, top), (x + r, top), (x, top), (x, top + r),
            (x, bottom - r), (x, bottom), (x + r, bottom), (layout.edges(end)[0] - 0.02, bottom),
        ]  # fmt: skip
        line, bend = [Path.LINETO], [Path.CURVE3] * 2
        path = Path(points, [Path.MOVETO, *line, *bend, *line, *bend, *line])
        colour = _colour(shortcut.blocks[0]) if shortcut.blocks else REST
        self.arrow(path, colour, f"shortcut {shortcut.start} {end}")
        if shortcut.blocks:
            each, room = layout.course.times(end) > 1, bottom - top - 0.4
            lines = [line for b in shortcut.blocks for line, _ in label_lines(b, each, room)]
            pill = {"boxstyle": "round,pad=0.25", "linewidth": 0.9}
            pill |= {"facecolor": _tint(colour, 0.22), "edgecolor": colour}
            style = {"rotation": 90, "ha": "center", "size": SIZE - 1, "linespacing": 1.15}
            self.text(x, (top + bottom) / 2, "\n".join(lines), bbox=pill, **style)

    def bracket(self, first: int, last: int, times: int) -> None:
        """At the left of a group of blocks that is drawn once."""
        x, top, bottom = self.layout.bracket, self.layout.gap(first)[0], self.layout.edges(last)[2]
        self.ax.plot((x + 0.08, x, x, x + 0.08), (top, top, bottom, bottom), color=REST, lw=1.2)
        style = {"rotation": 90, "ha": "center", "weight": "bold"}
        self.text(x - 0.09, (top + bottom) / 2, f"× {times}", **style)


def _colour(block: Block) -> str:
    steps = [step for step in block.steps if step.operation.kind != DETAIL]
    return KINDS.get(steps[0].operation.kind, REST) if steps else REST


def _tint(colour: str, strength: float) -> tuple[float, ...]:
    """The colour mixed with white."""
    return tuple(1 - strength * (1 - part) for part in to_rgb(colour))
