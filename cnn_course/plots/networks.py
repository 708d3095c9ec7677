"""Networks drawn as blocks, from the model itself."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from torch import nn

from cnn_course.plots.operations import CONVOLUTION, DETAIL, JOIN, LINEAR, POOLING
from cnn_course.plots.style import COLOURS
from cnn_course.plots.tracing import Block, Course, trace

KINDS = {CONVOLUTION: COLOURS[0], POOLING: COLOURS[2], LINEAR: COLOURS[1]}
REST = "#5f6368"
GREY = "0.35"
# All lengths are in inches of the figure.
WIDTH, WIDER = 4.6, 5.0  # with shortcuts or folds
MARGIN, LINE, SIZE, AIR = 0.12, 0.175, 10, 0.09
SIDE, LONGEST = 1.0, 1.5  # of the largest map, and of the longest vector
BAR, SHORTEST, NARROWEST = (
    0.15,
    0.28,
    0.04,
)  # a vector's height, the shortest arrow, the smallest side
SHEET, DEPTH, SLANT = 0.05, 0.5, 0.6  # from sheet to sheet, at most in all, rise over run
LANE = 0.2


def draw_network(
    model: nn.Module, input_shape: tuple[int, ...], *, names: Sequence[str] = ()
) -> plt.Figure:
    """A figure of `model`: the image (C, H, W) on top, its way through the layers, the logits.

    A feature map is a stack of sheets. Their sides are in proportion to its height and width, and
    there are as many of them as channels up to 4, then twice the square root of the channels, which
    takes 512 channels to 45 sheets. A vector is a bar, as long, among the vectors, as it has
    elements. What is smaller than 0.04 inches is drawn with 0.04. Arrows name the operation, its
    activation and normalization below, and the number of its parameters as `layer_table` has
    it; the line under it is the share of these in all parameters. The square on a map is one
    window of the operation that follows. Arcs at the left are branches that leave the main way and
    come back; blocks that stand three times and more one after another are drawn once, with how
    often.

    `names` are written at the blocks from top to bottom, one for each but the image, flattened
    vectors and sums: ("C1", "S2", …). ValueError for an `input_shape` that does not fit the model
    and for another number of names. The model is left as it was.
    """
    return _Drawing(trace(model, input_shape), names).figure


class _Drawing:
    def __init__(self, course: Course, names: Sequence[str]):
        self.course, self.blocks = course, course.trunk
        self.names = self._named(names)
        self._scale()
        self._columns()
        self._rows()
        height = self.bottom + 0.1
        self.figure = plt.figure(figsize=(self.width, height))
        self.ax = self.figure.add_axes((0, 0, 1, 1))
        self.ax.set(xlim=(0, self.width), ylim=(height, 0))
        self.ax.axis("off")
        for i in range(len(self.blocks)):
            self._block(i)
            if i:
                self._operation(i)
        for lane, shortcut in zip(self.lanes, course.shortcuts, strict=True):
            self._shortcut(lane, shortcut)
        for fold in course.folds:
            self._fold(*fold)
        for i, (line, style) in enumerate(self.foot):
            self._text(MARGIN, self.foot_top + i * LINE, line, **style)

    def _named(self, names):
        """The name of each block, or an empty one."""
        own = [i for i, b in enumerate(self.blocks) if i and not _symbol(b) and not _flat(b)]
        if names and len(names) != len(own):
            raise ValueError(
                f"names={tuple(names)!r}: the network has {len(own)} blocks to name, from "
                f"{self.blocks[own[0]].shape} to {self.blocks[own[-1]].shape}"
            )
        named = dict(zip(own, names, strict=False))
        return [named.get(i, "") for i in range(len(self.blocks))]

    # Sizes and places

    def _scale(self):
        maps = [b.shape for b in self.blocks if _is_map(b)]
        vectors = [math.prod(b.shape) for b in self.blocks if not _is_map(b)]
        high, wide = (max((s[axis] for s in maps), default=1) for axis in (-2, -1))
        self.pixel = min(SIDE / high, SIDE * 1.3 / wide)
        self.element = LONGEST / max(vectors, default=1)
        most = max((_sheets(s[0]) for s in maps), default=1)
        self.sheet = min(SHEET, DEPTH / max(1, most - 1))

    def _size(self, block: Block) -> tuple[float, float, float]:
        """Width and height of one sheet, and how far the last lies from the first."""
        if _symbol(block):
            return 0.24, 0.24, 0
        if not _is_map(block):
            return max(NARROWEST, math.prod(block.shape) * self.element), BAR, 0
        high, wide = (max(NARROWEST, side * self.pixel) for side in block.shape[-2:])
        return wide, high, self.sheet * (_sheets(block.shape[0]) - 1)

    def _columns(self):
        """Arcs, then the blocks, then the texts."""
        shortcuts, folds = self.course.shortcuts, self.course.folds
        self.width = WIDER if shortcuts or folds else WIDTH
        self.lanes = _lanes(shortcuts)
        labelled = any(s.blocks for s in shortcuts)
        arcs = (max(self.lanes) + 1) * LANE + 0.28 * labelled if shortcuts else 0
        self.left = MARGIN + arcs + 0.28 * bool(folds)
        widest = max(sum(self._size(b)[::2]) for b in self.blocks)
        self.centre = self.left + widest / 2
        self.brace = self.left - arcs - 0.12
        self.text_left = self.left + widest + 0.2
        self.room = self.width - self.text_left - 0.1
        self.labels = [
            _lines(block, self._times(i) > 1, self.room) if i and not _symbol(block) else []
            for i, block in enumerate(self.blocks)
        ]
        self.heads = [self._head(i) for i in range(len(self.blocks))]

    def _times(self, i: int) -> int:
        return next((n for first, last, n in self.course.folds if first <= i <= last), 1)

    def _head(self, i: int) -> list[tuple[float, int, str, dict]]:
        """What stands beside block i: (x, line, text, style) for its name and shape, its role."""
        block, shape = self.blocks[i], " × ".join(map(str, self.blocks[i].shape))
        shape = f"{self.names[i]}   {shape}" if self.names[i] else shape
        head = [(self.text_left, 0, shape, {"weight": "bold"})]
        said = [_words(step, False) for step in block.steps] if _symbol(block) else []
        if i == 0:
            said = ["image", *(_words(step, False) for step in block.steps[1:])]
        if i == len(self.blocks) - 1:
            said.append("logits")
        x = self.text_left + _width(shape, bold=True) + 0.12
        for line in _wrapped(", ".join(said), self.text_left + self.room - x):
            if x + _width(line) > self.text_left + self.room:  # below the shape, then
                x = self.text_left
            below = len(head) - 1 + (x == self.text_left)
            head.append((x, below, line, {"color": GREY}))
        return head

    def _rows(self):
        """From top to bottom: where each block stands and how high its label is."""
        self.tops, y = [], MARGIN
        for i, block in enumerate(self.blocks):
            _, high, depth = self._size(block)
            y += depth * SLANT
            if i:
                # The label must find room between what stands beside the block above and here.
                free = y - self._middle(i - 1) + high / 2 - self._head_height(i - 1) + LINE / 2
                free -= self._head_height(i) - LINE / 2
                y += max(SHORTEST, self._label_height(i) + 2 * AIR - free)
            self.tops.append(y)
            y += high
        self.foot_top = y + 0.38
        table = self.course.table
        total = f"{table.parameters:,} parameters"
        macs = f"{table.macs:,} multiply–accumulates"
        lines = [f"{total} · {macs}"]
        if _width(lines[0], bold=True) > self.width - 2 * MARGIN:
            lines = [total, macs]
        self.foot = [(line, {"weight": "bold"}) for line in lines]
        if left := table.parameters - self.course.drawn_parameters:
            self.foot.append((f"{left:,} of the parameters are not in the picture", {}))
        if table.parameters:
            self.foot.append(("bars: share of all parameters", {"color": GREY, "size": SIZE - 1}))
        self.bottom = self.foot_top + LINE * (len(self.foot) - 0.5)

    def _head_height(self, i: int) -> float:
        return LINE * (1 + max(line for _, line, _, _ in self.heads[i]))

    def _label_height(self, i: int) -> float:
        return LINE * len(self.labels[i]) + 0.09 * (self.blocks[i].parameters > 0)

    def _middle(self, i: int) -> float:
        return self.tops[i] + self._size(self.blocks[i])[1] / 2

    def _ends(self, i: int) -> tuple[float, float]:
        """Where an arrow meets block i in the middle: y above and below it."""
        wide, high, depth = self._size(self.blocks[i])
        if not _is_map(self.blocks[i]) or _symbol(self.blocks[i]) or not depth:
            return self.tops[i], self.tops[i] + high
        left = self.centre - (wide + depth) / 2
        above = min(depth, self.centre - left)
        below = max(0, self.centre - left - wide)
        return self.tops[i] - above * SLANT, self.tops[i] + high - below * SLANT

    def _gap(self, i: int) -> tuple[float, float]:
        return self._ends(i - 1)[1], self._ends(i)[0]

    # Drawing

    def _text(self, x, y, text, **style):
        style = {"va": "center", "ha": "left", "size": SIZE, "color": "black"} | style
        return self.ax.text(x, y, text, **style)

    def _block(self, i: int):
        block, colour = self.blocks[i], _colour(self.blocks[i])
        wide, high, depth = self._size(block)
        style = {"facecolor": _pale(colour), "edgecolor": colour, "linewidth": 0.9}
        y = self.tops[i]
        if _symbol(block):
            circle = plt.Circle((self.centre, y + high / 2), high / 2, label=f"join {i}", **style)
            self.ax.add_patch(circle)
            sign = _symbol(block)
            for dx, dy in ((1, 0), (0, 1)) if sign == "+" else ((0.7, 0.7), (0.7, -0.7)):
                self.ax.plot(
                    (self.centre - 0.07 * dx, self.centre + 0.07 * dx),
                    (y + high / 2 - 0.07 * dy, y + high / 2 + 0.07 * dy),
                    color=colour, linewidth=1.4,
                )  # fmt: skip
        else:
            left = self.centre - (wide + depth) / 2
            n = _sheets(block.shape[0]) if _is_map(block) else 1
            kind = "map" if _is_map(block) else "vector"
            for k in reversed(range(n)):
                corner = (left + k * self.sheet, y - k * self.sheet * SLANT)
                label = f"{kind} {i}" if k == 0 else f"sheet {i}"
                self.ax.add_patch(Rectangle(corner, wide, high, label=label, **style))
            self._window(i, left)
        for x, line, text, style in self.heads[i]:
            self._text(x, self._middle(i) + line * LINE, text, **style)

    def _window(self, i: int, left: float):
        """One window of the next operation, in the middle of the first sheet of block i."""
        if i + 1 == len(self.blocks) or not _is_map(self.blocks[i]):
            return
        main = self.blocks[i + 1].main.operation
        if main.window is None or max(self.blocks[i].shape[1:]) == 1:
            return
        wide, high, _ = self._size(self.blocks[i])
        rows, columns = self.blocks[i].shape[-2:]
        h, w = min(main.window[0], rows) * self.pixel, min(main.window[1], columns) * self.pixel
        corner = (left + (wide - w) / 2, self.tops[i] + (high - h) / 2)
        colour = _colour(self.blocks[i + 1])
        self.ax.add_patch(
            Rectangle(corner, w, h, fc=_pale(colour, 0.6), ec=colour, lw=0.9, label=f"window {i}")
        )

    def _operation(self, i: int):
        top, bottom = self._gap(i)
        colour = _colour(self.blocks[i])
        self._arrow([(self.centre, top + 0.03), (self.centre, bottom - 0.02)], colour)
        height = self._label_height(i)
        # Beside the arrow, unless the texts at the blocks are in the way.
        above = self._middle(i - 1) + self._head_height(i - 1) - LINE / 2 + AIR
        below = self._middle(i) - LINE / 2 - AIR - height
        y = min(max((top + bottom - height) / 2, above), below)
        for line, is_main in self.labels[i]:
            self._text(self.text_left, y + LINE / 2, line, color="black" if is_main else GREY)
            y += LINE
        if self.blocks[i].parameters:
            share = self._times(i) * self.blocks[i].parameters / self.course.table.parameters
            for part, tint in ((1, "0.9"), (share, colour)):
                corner, size = (self.text_left, y + 0.03), (max(0.02, self.room * part), 0.05)
                bar = Rectangle(corner, *size, color=tint, linewidth=0, label=f"share {i}")
                self.ax.add_patch(bar)

    def _arrow(self, points, colour, label="", curved=None):
        style = "-|>,head_length=4,head_width=2.2"
        arrow = FancyArrowPatch(
            path=curved or Path(points), arrowstyle=style, color=colour, linewidth=1.4, shrinkA=0,
            shrinkB=0, label=label, fill=curved is None,
        )  # fmt: skip
        self.ax.add_patch(arrow)

    def _shortcut(self, lane, shortcut):
        """From just below block `start`, around the left, to the side of block `end`."""
        start, end = shortcut.start, shortcut.end
        x = self.left - 0.1 - LANE * lane
        y0 = self._ends(start)[1] + 0.1
        y1 = self._middle(end)
        wide, _, depth = self._size(self.blocks[end])
        right = self.centre - (wide + depth) / 2 - 0.02
        r = min(0.14, self.centre - x)
        points = [
            (self.centre, y0), (x + r, y0), (x, y0), (x, y0 + r),
            (x, y1 - r), (x, y1), (x + r, y1), (right, y1),
        ]  # fmt: skip
        m, line, c = Path.MOVETO, Path.LINETO, Path.CURVE3
        path = Path(points, [m, line, c, c, line, c, c, line])
        main = next((b for b in shortcut.blocks if b.main.operation.kind != DETAIL), None)
        colour = _colour(main) if main else REST
        self._arrow(points, colour, f"shortcut {start} {end}", curved=path)
        if not shortcut.blocks:
            return
        room, each = y1 - y0 - 0.4, self._times(end) > 1
        lines = [line for b in shortcut.blocks for line, _ in _lines(b, each, room)]
        self._text(
            x - 0.02, (y0 + y1) / 2, "\n".join(lines), rotation=90, ha="center",
            linespacing=1.15,
            bbox={"boxstyle": "round,pad=0.25", "fc": _pale(colour), "ec": colour, "lw": 0.9},
        )  # fmt: skip

    def _fold(self, first, last, times):
        """A bracket around a group that is drawn once."""
        top, bottom = self._gap(first)[0] + 0.02, self.tops[last] + self._size(self.blocks[last])[1]
        x = self.brace
        self.ax.plot(
            (x + 0.08, x, x, x + 0.08), (top, top, bottom, bottom), color=REST, linewidth=1.2
        )
        style = {"rotation": 90, "ha": "center", "weight": "bold"}
        self._text(x - 0.11, (top + bottom) / 2, f"× {times}", **style)


def _words(step, each: bool) -> str:
    if step.parameters is None:
        return f"{step.operation.words} · the same weights"
    number = f" · {step.parameters:,}{' each' if each else ''}" if step.parameters else ""
    return step.operation.words + number


def _lines(block: Block, each: bool, room: float) -> list[tuple[str, bool]]:
    """The words at an arrow and whether they are the operation's: what is joined stands apart."""
    parts, main = [[]], block.steps.index(block.main)
    for i, step in enumerate(block.steps):
        if i in (main, main + 1) and parts[-1]:
            parts.append([])
        if step.operation.words != "flatten" or i == main:
            parts[-1].append(step)
    return [
        (line, block.main in steps)
        for steps in parts
        if steps
        for line in _wrapped(", ".join(_words(step, each) for step in steps), room)
    ]


def _is_map(block: Block) -> bool:
    return len(block.shape) == 3 and block.shape[1:] != (1, 1)


def _flat(block: Block) -> bool:
    return block.main.operation.words == "flatten"


def _symbol(block: Block) -> str:
    """The sign of a sum or product of branches, which is drawn as a small circle."""
    operation = block.main.operation
    signs = {"add": "+", "multiply": "×"}
    return signs.get(operation.words, "") if operation.kind == JOIN else ""


def _sheets(channels: int) -> int:
    return round(min(channels, 2 * math.sqrt(channels)))


def _colour(block: Block) -> str:
    return KINDS.get(block.main.operation.kind, REST)


def _pale(colour: str, strength: float = 0.22) -> tuple[float, ...]:
    return tuple(1 - strength * (1 - c) for c in to_rgb(colour))


def _width(text: str, bold: bool = False, size: float = SIZE) -> float:
    """In inches."""
    weight = {"family": plt.rcParams["font.family"], "weight": "bold" if bold else "normal"}
    return TextPath((0, 0), text, size=size, prop=weight).get_extents().width / 72


def _wrapped(text: str, room: float) -> list[str]:
    """Lines of `text`, broken behind commas, and before the number of parameters where needed."""
    lines = []
    for part in text.split(", ") if text else ():
        joined = f"{lines[-1]}, {part}" if lines else part
        if lines and _width(joined) <= room:
            lines[-1] = joined
            continue
        if lines:
            lines[-1] += ","
        lines += part.replace(" · ", "\n· ").split("\n") if _width(part) > room else [part]
    return lines


def _lanes(shortcuts) -> list[int]:
    """How far out each arc runs, so that none meets another."""
    lanes = []
    for i, s in enumerate(shortcuts):
        taken = {
            lane
            for lane, t in zip(lanes, shortcuts[:i], strict=False)
            if s.start < t.end and t.start < s.end
        }
        lanes.append(next(n for n in range(len(shortcuts)) if n not in taken))
    return lanes
