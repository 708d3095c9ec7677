"""Look inside a network: its layers and costs, what its maps hold, what its answer hangs on."""

from cnn_course.inspection.attribution import feature_maps, grad_cam, occlusion, saliency
from cnn_course.inspection.layers import LayerRow, LayerTable, layer_table
from cnn_course.inspection.passes import one_pass
from cnn_course.inspection.patches import strongest_patches
from cnn_course.inspection.receptive import MeasuredField, measured_receptive_field

__all__ = [
    "LayerRow",
    "LayerTable",
    "MeasuredField",
    "feature_maps",
    "grad_cam",
    "layer_table",
    "measured_receptive_field",
    "occlusion",
    "one_pass",
    "saliency",
    "strongest_patches",
]
