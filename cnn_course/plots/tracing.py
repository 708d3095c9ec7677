"""The trail of an image through a network: which layers and functions it meets, one by one."""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnn_course.inspection import LayerTable, one_pass
from cnn_course.plots.operations import JOIN, OTHER, Operation, of_function, of_layer

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass
class Step:
    """One call of a layer or a function; `sources` are the steps whose outputs it takes.

    `parameters` is None where the layer's own were counted at an earlier call.
    """

    operation: Operation
    shape: tuple[int, ...]
    sources: tuple[int, ...] = ()
    parameters: int | None = 0


class Trail:
    """The steps so far, the image first, and which of them each tensor comes from."""

    def __init__(self, image: Tensor):
        self.steps = [Step(Operation(OTHER, "input"), tuple(image.shape[1:]))]
        self.origin = {id(image): 0}
        self.kept = [image]  # or a new tensor could be given the id of an old one

    def sources(self, values) -> tuple[int, ...]:
        return tuple(sorted({self.origin[id(x)] for x in tensors(values) if id(x) in self.origin}))

    def add(self, operation: Operation | None, output: Tensor, sources, parameters=0) -> None:
        # What comes from a tensor that nobody has seen is taken to follow the step before.
        sources = sources or (len(self.steps) - 1,)
        if operation is not None:
            self.steps.append(Step(operation, tuple(output.shape[1:]), sources, parameters))
            sources = (len(self.steps) - 1,)
        self.kept.append(output)
        self.origin[id(output)] = sources[-1]


class Between(TorchFunctionMode):
    """Follows what the network does outside of its layers, such as the sum of two branches."""

    def __init__(self, trail: Trail, inside: list):
        super().__init__()
        self.trail, self.inside = trail, inside

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        # In-place work gives back the tensor that it was given: its origin is asked before.
        known = [x for x in tensors([*args, kwargs]) if id(x) in self.trail.origin]
        sources = () if self.inside else self.trail.sources(known)
        shape = known[0].shape if known else None
        output = function(*args, **kwargs)
        if sources and isinstance(output, Tensor):
            name = getattr(function, "__name__", "function")
            operation = of_function(name, shape, output, args, kwargs)
            if operation is not None and len(sources) > 1:
                operation = operation._replace(kind=JOIN)
            self.trail.add(operation, output, sources)
        return output


def follow(
    model: nn.Module, input_shape: tuple[int, ...], table: LayerTable
) -> tuple[list[Step], int]:
    """The steps of one image (C, H, W), and which of them gives the output.

    The tensors themselves are followed, at run time, so that a network need not be traceable as a
    program; the parameters are those of its `layer_table`.
    """
    parameters, inside = _parameters(table), []

    def enter(layer, inputs):
        inside.append(layer)

    def leave(layer, inputs, output, name):
        inside.pop()
        output = next(tensors(output), None)
        if inside or output is None:
            return
        x = next(tensors(inputs), None)
        # Behind the first call there are none left to count.
        own, parameters[name] = parameters[name], None if parameters[name] else parameters[name]
        trail.add(of_layer(layer, x, output), output, trail.sources(inputs), own)

    with one_pass(model, input_shape) as (image, hook):
        trail = Trail(image)
        for name, layer in model.named_modules():
            if _is_layer(layer):
                hook(layer.register_forward_pre_hook(enter))
                hook(layer.register_forward_hook(partial(leave, name=name or "(model)")))
        with Between(trail, inside):
            output = model(image)
    return trail.steps, max(trail.sources(output), default=len(trail.steps) - 1)


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


def tensors(value):
    """Every tensor in nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors(part)
