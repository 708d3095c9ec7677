"""The layers of a network in the order of their calls, with their sizes and costs."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnn_course.arithmetic import IntOrPair, receptive_field
from cnn_course.inspection.passes import one_pass
from cnn_course.models.arguments import forward
from cnn_course.tables import Table

COLUMNS = ("layer", "kind", "output shape", "parameters", "MACs", "receptive field")


class LayerRow(NamedTuple):
    """One call of one layer, for a single image.

    `receptive_field` is the side of the square that a place of the output sees, in pixels of the
    input, a pair (height, width) where they differ; "all" behind a layer that reads the whole map,
    and None where the network's course cannot be followed.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    receptive_field: IntOrPair | str | None


@dataclass(frozen=True)
class LayerTable:
    """The layers in the order of their calls; prints as a table, shows as HTML in notebooks."""

    rows: tuple[LayerRow, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self) -> int:
        return sum(row.macs for row in self.rows)

    def _table(self) -> Table:
        texts = [
            (
                row.name,
                row.kind,
                "×".join(map(str, row.output_shape)),
                f"{row.parameters:,}",
                f"{row.macs:,}",
                _field_text(row.receptive_field),
            )
            for row in self.rows
        ]
        total = ("total", "", "", f"{self.parameters:,}", f"{self.macs:,}", "")
        return Table(COLUMNS, texts, left=2, foot=total)

    def __repr__(self) -> str:
        return repr(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def _field_text(field: IntOrPair | str | None) -> str:
    if field is None:
        return "—"
    if isinstance(field, str):
        return field
    return "×".join(map(str, field if isinstance(field, tuple) else (field, field)))


def layer_table(model: nn.Module, input_shape: tuple[int, ...]) -> LayerTable:
    """Every layer of `model` with its output's shape, parameters, MACs and receptive field.

    `input_shape` is (C, H, W); all figures are for one image. A layer that is used twice has two
    rows, and its parameters in the first. Multiply–accumulates are half the operations that
    `torch.utils.flop_counter` counts. The receptive field is computed along the layers
    (`arithmetic.receptive_field`); of branches that meet again it is the largest. Last stand, if
    there are any, layers that were not called, and work that was done outside of all layers, so
    that the totals hold. The model is run once, in evaluation mode, and left as it was.
    """
    rows, counted, paths, open_calls = [], set(), {}, []

    def own_parameters(layer):
        new = [p for p in layer.parameters(recurse=False) if id(p) not in counted]
        counted.update(map(id, new))
        return sum(p.numel() for p in new)

    def enter(layer, inputs):
        open_calls.append([counter.get_total_flops(), 0])  # at the start, and in layers inside

    def leave(layer, inputs, output, name):
        start, inside = open_calls.pop()
        flops = counter.get_total_flops() - start
        if open_calls:
            open_calls[-1][1] += flops
        output = output[0] if isinstance(output, tuple) else output
        x = next((value for value in inputs if isinstance(value, Tensor)), output)
        field = _follow(layer, x, output, paths)
        shape, kind = tuple(output.shape[1:]), type(layer).__name__
        macs = (flops - inside) // 2
        rows.append(LayerRow(name or "(model)", kind, shape, own_parameters(layer), macs, field))

    with one_pass(model, input_shape) as (x, hook), FlopCounterMode(display=False) as counter:
        for name, layer in model.named_modules():
            if not any(layer.children()) or any(True for _ in layer.parameters(recurse=False)):
                hook(layer.register_forward_pre_hook(enter))
                hook(layer.register_forward_hook(partial(leave, name=name)))
        x.path = []
        forward(model, x)
    for name, layer in model.named_modules():
        if left := own_parameters(layer):
            rows.append(LayerRow(f"{name} (not called)", type(layer).__name__, (), left, 0, None))
    if left := counter.get_total_flops() // 2 - sum(row.macs for row in rows):
        rows.append(LayerRow("(outside the layers)", "", (), 0, left, None))
    return LayerTable(tuple(rows))


def _follow(layer: nn.Module, x: Tensor, output: Tensor, paths: dict) -> IntOrPair | str | None:
    """The receptive field of `output`; the windows that led to it are kept on it as `path`.

    A tensor that no layer has given, such as the sum of two branches, takes the path with the
    largest field among the outputs of its height and width.
    """

    def largest(shape):
        return max(paths.get(shape, []), key=_reach, default=None)

    is_map = x.dim() == output.dim() == 4
    path = getattr(x, "path", largest(x.shape[2:]) if is_map else None)
    reads_all = is_map and output.shape[2:] == (1, 1) != x.shape[2:]
    if hasattr(layer, "kernel_size") and not getattr(layer, "transposed", False):
        names = ("kernel_size", "stride", "dilation")
        window = {name: getattr(layer, name) for name in names if hasattr(layer, name)}
        path = [*path, window] if isinstance(path, list) else path
    elif reads_all or (isinstance(layer, nn.Linear) and x.dim() == 2):
        path = "all"
    elif is_map and output.shape[2:] != x.shape[2:] and path != "all":
        path = largest(output.shape[2:]) if any(layer.children()) else None
    output.path = path
    if output.dim() == 4 and path is not None:
        paths.setdefault(output.shape[2:], []).append(path)
    return _size(path)


def _size(path) -> IntOrPair | str | None:
    if not isinstance(path, list):
        return path
    size = receptive_field(path)[-1].size if path else 1
    return size[0] if isinstance(size, tuple) and size[0] == size[1] else size


def _reach(path) -> float:
    size = _size(path)
    return float("inf") if size == "all" else sum(size) if isinstance(size, tuple) else 2 * size
