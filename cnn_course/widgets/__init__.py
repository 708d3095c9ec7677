"""Interactive figures that live in the book, in JupyterLab and in Colab, and need no network."""

from cnn_course.widgets import predict
from cnn_course.widgets.classify_picture import classify_picture
from cnn_course.widgets.convolution import convolution
from cnn_course.widgets.draw_digit import draw_digit
from cnn_course.widgets.pooling import pooling
from cnn_course.widgets.receptive_field import receptive_field

__all__ = ["classify_picture", "convolution", "draw_digit", "pooling", "predict", "receptive_field"]
