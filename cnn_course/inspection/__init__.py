"""Look inside a network: its layers and their costs, and what one place of a map sees."""

from cnn_course.inspection.layers import LayerRow, LayerTable, layer_table
from cnn_course.inspection.passes import one_pass
from cnn_course.inspection.receptive import MeasuredField, measured_receptive_field

__all__ = [
    "LayerRow",
    "LayerTable",
    "MeasuredField",
    "layer_table",
    "measured_receptive_field",
    "one_pass",
]
