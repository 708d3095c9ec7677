"""The way of an image through a network: the blocks it passes, and where branches meet again."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnn_course.inspection import LayerTable, layer_table, one_pass
from cnn_course.plots.operations import DETAIL, JOIN, OTHER, Operation, of_function, of_layer

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass
class Step:
    """One call of a layer or a function; `sources` are the steps whose outputs it takes.

    `parameters` is None where the layer's own have been counted at an earlier call.
    """

    operation: Operation
    shape: tuple[int, ...]
    sources: tuple[int, ...]
    parameters: int | None = 0


@dataclass
class Block:
    """A feature map or vector, and the steps that lead to it: one operation and its details."""

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

    @property
    def drawn_parameters(self) -> int:
        times = [1] * len(self.trunk)
        for first, last, n in self.folds:
            times[first : last + 1] = [n] * (last + 1 - first)
        side = [(block, times[s.end]) for s in self.shortcuts for block in s.blocks]
        return sum(b.parameters * n for b, n in [*zip(self.trunk, times, strict=True), *side])


def trace(model: nn.Module, input_shape: tuple[int, ...], least_copies: int = 3) -> Course:
    """Follow one image (C, H, W) through `model`, from its layers and the functions between them.

    The tensors themselves are followed, at run time, so that a network need not be traceable as a
    program. Where the trail is lost, a layer is taken to follow the one that was called before.
    Blocks that repeat `least_copies` times and more are folded.
    """
    table = layer_table(model, input_shape)
    steps, last = _record(model, input_shape, table)
    blocks = _blocks(steps, last)
    trunk, shortcuts = _branches(blocks)
    return Course(*_fold(trunk, shortcuts, least_copies), table)


def _record(model, input_shape, table) -> tuple[list[Step], int]:
    parameters = _parameters(table)
    start = Step(Operation(OTHER, "input"), tuple(input_shape), ())
    steps, origin, kept, depth, calls = [start], {}, [], [0], defaultdict(count)

    def add(operation, output, sources, own=0):
        # A tensor that nobody has seen: of the step before.
        sources = tuple(sorted(sources)) or (len(steps) - 1,)
        if operation is None:
            step = sources[-1]
        else:
            steps.append(Step(operation, tuple(output.shape[1:]), sources, own))
            step = len(steps) - 1
        kept.append(output)  # or another tensor could get its id
        origin[id(output)] = step

    def known(values):
        return {origin[id(value)] for value in values if id(value) in origin}

    def enter(layer, inputs):
        depth[0] += 1

    def leave(layer, inputs, output, name):
        depth[0] -= 1
        output = next(_tensors(output), None)
        if depth[0] or output is None:
            return
        own, first = parameters.get(name, 0), next(calls[name]) == 0
        operation = of_layer(layer, next(_tensors(inputs), None), output)
        add(operation, output, known(_tensors(inputs)), own if first or not own else None)

    class Between(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            # In-place work gives back the tensor it was given: where it came from is asked before.
            inputs = [] if depth[0] else [*_tensors(args), *_tensors(kwargs or {})]
            inputs = [x for x in inputs if id(x) in origin]
            sources = known(inputs)
            shapes = [x.shape for x in inputs]
            output = function(*args, **(kwargs or {}))
            if sources and isinstance(output, Tensor):
                name = getattr(function, "__name__", "function")
                operation = of_function(name, shapes[0], output)
                if operation and len(sources) > 1:
                    operation = operation._replace(kind=JOIN)
                add(operation, output, sources)
            return output

    with one_pass(model, input_shape) as (x, hook):
        for name, layer in model.named_modules():
            if _is_layer(layer):
                hook(layer.register_forward_pre_hook(enter))
                hook(layer.register_forward_hook(partial(leave, name=name or "(model)")))
        kept.append(x)
        origin[id(x)] = 0
        with Between():
            output = model(x)
    last = max(known(_tensors(output)), default=len(steps) - 1)
    return steps, last


def _is_layer(module: nn.Module) -> bool:
    """A module that is drawn as one: without parts, or of PyTorch and more than a container."""
    if not any(module.children()):
        return True
    return type(module).__module__.startswith("torch.nn.") and not isinstance(module, CONTAINERS)


def _parameters(table: LayerTable) -> defaultdict:
    """The parameters of each layer, those of its parts included."""
    total = defaultdict(int)
    for row in table.rows:
        name = row.name.removesuffix(" (not called)")
        total[name] += row.parameters
        while "." in name:
            name = name.rpartition(".")[0]
            total[name] += row.parameters
    return total


def _tensors(value):
    """Every tensor in nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)


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
        before = home.get(step.sources[0]) if len(step.sources) == 1 else None
        if before is not None and takers[step.sources[0]] == 1 and step.sources[0] not in (last,):
            block = blocks[before]
            # Also a detail that stands first, such as the batch norm before a convolution.
            open_ = before > 0 and all(s.operation.kind == DETAIL for s in block.steps)
            vector = len(block.shape) == 3 and block.shape[1:] == (1, 1)
            trivial = step.operation.words == "flatten" and vector
            if step.operation.kind == DETAIL or open_ or trivial:
                block.steps.append(step)
                home[i] = before
                continue
        blocks.append(Block([step], tuple(sorted({home[s] for s in step.sources}))))
        home[i] = len(blocks) - 1
    return blocks


def _branches(blocks: list[Block]) -> tuple[list[Block], list[Shortcut]]:
    """The longest way through the blocks, and the branches that leave it and come back."""
    length = []
    for block in blocks:
        length.append(1 + max((length[s] for s in block.sources), default=0))

    def longest(block):
        return max(block.sources, key=lambda s: (length[s], s))

    way = [len(blocks) - 1]
    while blocks[way[0]].sources:
        way.insert(0, longest(blocks[way[0]]))
    place = {block: i for i, block in enumerate(way)}
    shortcuts = []
    for end, i in enumerate(way):
        for source in blocks[i].sources:
            side = []
            while source not in place:
                side.insert(0, blocks[source])
                source = longest(blocks[source])
            if end and (side or place[source] != end - 1):
                shortcuts.append(Shortcut(place[source], end, side))
    return [blocks[i] for i in way], shortcuts


def _fold(trunk, shortcuts, least):
    """Copies of a group of blocks, one after another, become one group and how often it stands."""
    arcs = defaultdict(list)
    for s in shortcuts:
        arcs[s.end].append((s.end - s.start, tuple(block.key for block in s.blocks)))
    keys = [(block.key, tuple(arcs[i])) for i, block in enumerate(trunk)]

    def copies(first, size):
        group, n = keys[first : first + size], 1
        while keys[first + n * size : first + (n + 1) * size] == group:
            n += 1
        stop = first + n * size

        def inside(i):  # the copy that block i is in, or -1 for the block before all copies
            return (i - first) // size if i >= first else -1 if i == first - 1 else None

        for s in shortcuts:
            if first <= s.end < stop:
                if s.start < first + inside(s.end) * size - 1:
                    return 1
            elif first <= s.start < stop - 1 and s.end >= stop:
                return 1
        return n

    kept, moved, folds, i = [0], {0: 0}, [], 1
    while i < len(trunk):
        found = [(copies(i, size), size) for size in range(1, (len(trunk) - i) // least + 1)]
        n, size = max(found, key=lambda f: (f[0] >= least) * (f[0] - 1) * f[1], default=(1, 1))
        n, size = (n, size) if n >= least else (1, 1)
        for j in range(size):
            moved[i + j] = len(kept)
            kept.append(i + j)
        for j in range(size, n * size):  # what leaves from the last copy leaves from the group
            moved[i + j] = moved[i + j % size]
        if n > 1:
            folds.append((moved[i], moved[i + size - 1], n))
        i += n * size
    left = [
        Shortcut(moved[s.start], moved[s.end], s.blocks) for s in shortcuts if s.end in set(kept)
    ]
    return [trunk[i] for i in kept], left, folds
