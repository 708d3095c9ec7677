"""Sizes, places and words of the picture that `draw_network` draws; all lengths are in inches."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.textpath import TextPath

from cnn_course.plots.blocks import Block, Course, Shortcut
from cnn_course.plots.operations import JOIN, LINEAR, OTHER
from cnn_course.plots.tracing import Step

WIDTH, WIDER = 4.5, 4.9  # of the figure; the second with shortcuts or folds
MARGIN, LINE, SIZE, AIR = 0.05, 0.175, 10, 0.09  # size in points
SIDE, LONGEST = 0.95, 1.4  # of the largest map, and of the longest vector
BAR, SHORTEST, NARROWEST = 0.15, 0.28, 0.04  # a vector's height, an arrow, the smallest side
SHEET, DEPTH, SLANT = 0.05, 0.42, 0.6  # from sheet to sheet, at most in all, rise over run
SUM = 0.24  # the circle where branches meet
LANE, LABELLED = 0.2, 0.52  # for a shortcut, and for one with layers on it
BRACKET = 0.28


class Layout:
    """Where everything stands: y runs downwards, block 0 is the image."""

    def __init__(self, course: Course, names: Sequence[str]):
        self.course, self.blocks = course, course.trunk
        self._name(names)
        self._scale()
        self._columns()
        self._rows()

    def _name(self, names: Sequence[str]) -> None:
        own = [i for i, b in enumerate(self.blocks) if i and not (symbol(b) or is_flat(b))]
        if names and len(names) != len(own):
            shapes = ", ".join(shape_text(self.blocks[i]).replace(" ", "") for i in own)
            raise ValueError(f"names={tuple(names)!r}: give {len(own)}, for the blocks {shapes}")
        self.names = dict(zip(own, names, strict=False))

    def _scale(self) -> None:
        maps = [b.shape for b in self.blocks if is_map(b)]
        vectors = [math.prod(b.shape) for b in self.blocks if not is_map(b)]
        high, wide = (max((shape[axis] for shape in maps), default=1) for axis in (-2, -1))
        self.pixel = min(SIDE / high, 1.3 * SIDE / wide)
        self.element = LONGEST / max(vectors, default=1)
        most = max((sheets(b) for b in self.blocks if is_map(b)), default=1)
        self.sheet = min(SHEET, DEPTH / max(1, most - 1))

    def size(self, block: Block) -> tuple[float, float, float]:
        """Width and height of one sheet, and how far the last lies to the right of the first."""
        if symbol(block):
            return SUM, SUM, 0
        if not is_map(block):
            return max(NARROWEST, math.prod(block.shape) * self.element), BAR, 0
        high, wide = (max(NARROWEST, side * self.pixel) for side in block.shape[-2:])
        return wide, high, self.sheet * (sheets(block) - 1)

    def _columns(self) -> None:
        """Brackets, arcs, blocks, texts, from left to right."""
        shortcuts, folds = self.course.shortcuts, self.course.folds
        self.width = WIDER if shortcuts or folds else WIDTH
        self.lanes = lanes(shortcuts)
        widths = [LANE] * (max(self.lanes, default=-1) + 1)
        for lane, shortcut in zip(self.lanes, shortcuts, strict=True):
            widths[lane] = LABELLED if shortcut.blocks else widths[lane]
        self.left = MARGIN + sum(widths) + BRACKET * bool(folds)
        self.arcs = [self.left - sum(widths[:n]) - w / 2 for n, w in enumerate(widths)]
        self.bracket = MARGIN + BRACKET - 0.1
        widest = max(sum(self.size(block)[::2]) for block in self.blocks)
        self.centre = self.left + widest / 2
        self.text_left = self.left + widest + 0.16
        self.room = self.width - self.text_left - MARGIN
        self.labels = [
            label_lines(block, self.course.times(i) > 1, self.room)
            if i and not symbol(block)
            else []
            for i, block in enumerate(self.blocks)
        ]
        self.heads = [self._head(i) for i in range(len(self.blocks))]

    def _head(self, i: int) -> list[tuple[float, int, str, bool]]:
        """What stands beside block i, its name and shape, then its role: (x, line, text, bold)."""
        block, shape = self.blocks[i], shape_text(self.blocks[i])
        shape = f"{self.names[i]}   {shape}" if self.names.get(i) else shape
        said = [words(step) for step in block.steps] if symbol(block) else []
        if i == 0:
            said = ["image", *(words(step) for step in block.steps[1:])]
        if i == len(self.blocks) - 1:
            said.append(role(block))
        head = [(self.text_left, 0, shape, True)]
        x, end = self.text_left + text_width(shape, bold=True) + 0.16, self.text_left + self.room
        line = 0
        for text in wrapped(", ".join(said), end - x):
            if x + text_width(text) > end:  # no room beside the shape: below it
                x, line = self.text_left, line + (line == 0)
            head.append((x, line, text, False))
            line += 1
        return head

    def _rows(self) -> None:
        """From top to bottom: where each block stands, then the foot."""
        self.tops, y = [], MARGIN
        for i, block in enumerate(self.blocks):
            _, high, depth = self.size(block)
            y += depth * SLANT
            if i:
                # The label must find room between what stands beside the block above and here.
                free = y + high / 2 - LINE / 2 - self.label_top(i)
                y += max(SHORTEST, self.label_height(i) + AIR - free)
            self.tops.append(y)
            y += high
        y = max(y, self.middle(i) + self.head_height(i) - LINE / 2)
        table = self.course.table
        parameters, macs = f"{table.parameters:,} parameters", f"{table.macs:,} "
        self.foot = [f"{parameters} · {macs}multiply–accumulates"]
        if text_width(self.foot[0], bold=True) > self.width - 2 * MARGIN:
            self.foot = [parameters, f"{macs}multiply–accumulates"]
        self.notes = []
        if table.parameters:
            self.notes.append("bars: share of all parameters")
        if left := table.parameters - self.course.drawn_parameters:
            self.notes.append(f"{left:,} of them are not in the picture")
        self.foot_top = y + 0.34
        self.height = self.foot_top + LINE * (len(self.foot) + len(self.notes) - 0.5) + MARGIN

    def label_top(self, i: int) -> float:
        """The highest that the words at the arrow to block i may stand."""
        return self.middle(i - 1) + self.head_height(i - 1) - LINE / 2 + AIR

    def head_height(self, i: int) -> float:
        return LINE * (1 + max(line for _, line, _, _ in self.heads[i]))

    def label_height(self, i: int) -> float:
        return LINE * len(self.labels[i]) + 0.09 * (self.blocks[i].parameters > 0)

    def middle(self, i: int) -> float:
        return self.tops[i] + self.size(self.blocks[i])[1] / 2

    def edges(self, i: int) -> tuple[float, float, float]:
        """Of block i: its left edge, and its upper and lower end where an arrow meets it."""
        wide, high, depth = self.size(self.blocks[i])
        left = self.centre - (wide + depth) / 2
        above = min(depth, self.centre - left)
        below = max(0, self.centre - left - wide)
        behind = SLANT if depth else 0
        return left, self.tops[i] - above * behind, self.tops[i] + high - below * behind

    def gap(self, i: int) -> tuple[float, float]:
        """Where the arrow to block i begins and ends."""
        return self.edges(i - 1)[2], self.edges(i)[1]


def is_map(block: Block) -> bool:
    return len(block.shape) == 3 and block.shape[1:] != (1, 1)


def is_flat(block: Block) -> bool:
    return block.main.operation.words == "flatten"


def symbol(block: Block) -> str:
    """The sign of a sum or a product of branches, which is drawn as a small circle."""
    operation = block.main.operation
    signs = {"add": "+", "multiply": "×"}
    return signs.get(operation.words, "") if operation.kind == JOIN else ""


def sheets(block: Block) -> int:
    channels = block.shape[0]
    return round(min(channels, 2 * math.sqrt(channels)))


def role(block: Block) -> str:
    """What the last block is: logits, if an output layer stands there with nothing behind."""
    output = block.steps[-1].operation.kind in (LINEAR, OTHER) and len(block.shape) == 1
    return "logits" if output and not is_flat(block) else "output"


def shape_text(block: Block) -> str:
    return " × ".join(map(str, block.shape))


def words(step: Step, each: bool = False) -> str:
    """The operation and the number of its parameters."""
    if step.parameters is None:
        return f"{step.operation.words} · the same weights"
    number = f" · {step.parameters:,}{' each' if each else ''}" if step.parameters else ""
    return step.operation.words + number


def label_lines(block: Block, each: bool, room: float) -> list[tuple[str, bool]]:
    """The words at an arrow, and whether they are the operation's: what is joined stands apart."""
    parts, main = [[]], block.steps.index(block.main)
    for i, step in enumerate(block.steps):
        if i in (main, main + 1):
            parts.append([])
        if i == main or step.operation.words != "flatten":
            parts[-1].append(step)
    return [
        (line, block.main in steps)
        for steps in parts
        for line in wrapped(", ".join(words(step, each) for step in steps), room)
    ]


def text_width(text: str, bold: bool = False) -> float:
    font = {"family": plt.rcParams["font.family"], "weight": "bold" if bold else "normal"}
    return TextPath((0, 0), text, size=SIZE, prop=font).get_extents().width / 72


def wrapped(text: str, room: float) -> list[str]:
    """Lines of `text`, broken behind commas, and before the number of parameters where needed."""
    lines = []
    for part in text.split(", ") if text else ():
        joined = f"{lines[-1]}, {part}" if lines else part
        if lines and text_width(joined) <= room:
            lines[-1] = joined
            continue
        if lines:
            lines[-1] += ","
        lines += part.replace(" · ", "\n· ").split("\n") if text_width(part) > room else [part]
    return lines


def lanes(shortcuts: list[Shortcut]) -> list[int]:
    """How far out each arc runs, so that none meets another."""
    found = []
    for s in shortcuts:
        taken = {
            lane
            for lane, other in zip(found, shortcuts, strict=False)
            if s.start < other.end and other.start < s.end
        }
        found.append(next(n for n in range(len(shortcuts)) if n not in taken))
    return found
