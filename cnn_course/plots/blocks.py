"""What `draw_network` draws: the blocks of a network, where branches meet again, what repeats."""

from collections import defaultdict
from dataclasses import dataclass, field

from torch import nn

from cnn_course.inspection import LayerTable, layer_table
from cnn_course.plots.operations import DETAIL
from cnn_course.plots.tracing import Step, follow

LEAST_SAVED = 2  # equal groups are drawn once where this leaves out so many blocks


@dataclass
class Block:
    """A feature map or a vector, and the steps that lead to it: one operation and its details.

    A detail is an activation or a normalization. `sources` are the blocks it is made from.
    """

    steps: list[Step]
    sources: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.steps[-1].shape

    @property
    def main(self) -> Step:
        return next((s for s in self.steps if s.operation.kind != DETAIL), self.steps[0])

    @property
    def parameters(self) -> int:
        return sum(step.parameters or 0 for step in self.steps)

    @property
    def key(self) -> tuple:
        """What two blocks have in common that look alike."""
        return tuple((s.operation, s.shape, s.parameters) for s in self.steps)


@dataclass
class Shortcut:
    """A branch from block `start` to block `end` of the trunk, with what lies on it."""

    start: int
    end: int
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Course:
    """The trunk from the image to the logits, its shortcuts, and folds (first, last, times)."""

    trunk: list[Block]
    shortcuts: list[Shortcut]
    folds: list[tuple[int, int, int]]
    table: LayerTable

    def times(self, i: int) -> int:
        """How often block i of the trunk stands in the network."""
        return next((n for first, last, n in self.folds if first <= i <= last), 1)

    @property
    def drawn_parameters(self) -> int:
        on_trunk = sum(b.parameters * self.times(i) for i, b in enumerate(self.trunk))
        beside = sum(b.parameters * self.times(s.end) for s in self.shortcuts for b in s.blocks)
        return on_trunk + beside


def course(model: nn.Module, input_shape: tuple[int, ...]) -> Course:
    """The course of one image (C, H, W) through `model`.

    Branches on a branch are left out, and so is what does not lead to the output.
    """
    table = layer_table(model, input_shape)
    trunk, shortcuts = _branches(_blocks(*follow(model, input_shape, table)))
    return Course(*_fold(trunk, shortcuts), table)


def _blocks(steps: list[Step], last: int) -> list[Block]:
    """The steps that lead to step `last`, each detail joined to the operation it follows."""
    needed, waiting = {last}, [last]
    while waiting:
        new = set(steps[waiting.pop()].sources) - needed
        needed |= new
        waiting += new
    takers = defaultdict(int)
    for i in needed:
        for source in steps[i].sources:
            takers[source] += 1
    blocks, home = [], {}
    for i in sorted(needed):
        step = steps[i]
        if len(step.sources) == 1 and takers[step.sources[0]] == 1:
            home[i] = home[step.sources[0]]
            block = blocks[home[i]]
            # A batch norm in front of a convolution, where the way has parted, waits for it.
            waits = home[i] > 0 and all(s.operation.kind == DETAIL for s in block.steps)
            flat = step.operation.words == "flatten" and block.shape[1:] == (1, 1)
            if step.operation.kind == DETAIL or waits or flat:
                block.steps.append(step)
                continue
        blocks.append(Block([step], tuple(sorted({home[s] for s in step.sources}))))
        home[i] = len(blocks) - 1
    return blocks


def _branches(blocks: list[Block]) -> tuple[list[Block], list[Shortcut]]:
    """The longest way through the blocks, and the branches that leave it and come back."""
    length = []
    for block in blocks:
        length.append(1 + max((length[s] for s in block.sources), default=0))

    def longest(i):
        return max(blocks[i].sources, key=lambda s: (length[s], s))

    way = [len(blocks) - 1]
    while blocks[way[0]].sources:
        way.insert(0, longest(way[0]))
    place = {block: i for i, block in enumerate(way)}
    shortcuts = []
    for end, i in enumerate(way):
        for source in blocks[i].sources:
            side = []
            while source not in place:
                side.insert(0, blocks[source])
                source = longest(source)
            if side or place[source] != end - 1:
                shortcuts.append(Shortcut(place[source], end, side))
    return [blocks[i] for i in way], shortcuts


def _fold(trunk: list[Block], shortcuts: list[Shortcut]):
    """Equal groups of blocks, one behind the other, become one group and how often it stands."""
    arcs = defaultdict(list)
    for s in shortcuts:
        arcs[s.end].append((s.end - s.start, tuple(block.key for block in s.blocks)))
    keys = [(block.key, tuple(arcs[i])) for i, block in enumerate(trunk)]

    def copies(first, size):
        n, group = 1, keys[first : first + size]
        while keys[first + n * size : first + (n + 1) * size] == group:
            n += 1
        stop = first + n * size
        for s in shortcuts:
            # Into a copy an arc may come from the block before it, out of all from the last block.
            if first <= s.end < stop and s.start < s.end - (s.end - first) % size - 1:
                return 1
            if first <= s.start < stop - 1 and s.end >= stop:
                return 1
        return n

    kept, place, folds, i = [0], {0: 0}, [], 1
    while i < len(trunk):
        found = [(copies(i, size), size) for size in range(1, (len(trunk) - i) // 2 + 1)]
        found = [(n, size) for n, size in found if (n - 1) * size >= LEAST_SAVED]
        n, size = max(found, key=lambda f: (f[0] - 1) * f[1], default=(1, 1))
        for j in range(n * size):
            place[i + j] = len(kept) + j % size
        if n > 1:
            folds.append((len(kept), len(kept) + size - 1, n))
        kept += range(i, i + size)
        i += n * size
    shortcuts = [
        Shortcut(place[s.start], place[s.end], s.blocks) for s in shortcuts if s.end in set(kept)
    ]
    return [trunk[i] for i in kept], shortcuts, folds
