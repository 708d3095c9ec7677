"""What the chapters share: data, models, the training loop, checks of the exercises."""

__version__ = "0.1.0"
