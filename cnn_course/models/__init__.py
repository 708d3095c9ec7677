"""The networks of the course: images (N, C, H, W) with pixels in [0, 1] to logits (N, classes)."""

from cnn_course.models.basic import MLP, DeepCNN, FlattenCNN, GlobalPoolCNN, Normalize
from cnn_course.models.lenet5 import LeNet5
from cnn_course.models.modern import ModernCNN
from cnn_course.models.pretrained import build, load_model, load_pretrained, save_model

__all__ = [
    "MLP",
    "DeepCNN",
    "FlattenCNN",
    "GlobalPoolCNN",
    "LeNet5",
    "ModernCNN",
    "Normalize",
    "build",
    "load_model",
    "load_pretrained",
    "save_model",
]
