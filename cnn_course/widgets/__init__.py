"""Interactive figures that live in the book, in JupyterLab and in Colab, and need no network."""

from cnn_course.widgets.convolution import convolution

__all__ = ["convolution"]
