"""The networks beside ModernCNN, as large as it: what other courses teach on CIFAR-10."""

from functools import partial

from torch import nn

from cnn_course.models import MLP, Normalize
from cnn_course.models.modern import ResidualBlock, convolution


class ResNet20(nn.Sequential):
    """The ResNet of 20 layers for CIFAR-10, with 1×1 convolutions where the shape changes.

    He et al. 2016, section 4.2, option B: 272,474 parameters for ten classes.
    """

    def __init__(self, in_channels: int = 3, num_classes: int = 10):
        blocks, fan_in = [], 16
        for width, stride in [(16, 1), (32, 2), (64, 2)]:
            blocks.append(ResidualBlock(fan_in, width, stride))
            blocks += [ResidualBlock(width, width) for _ in range(2)]
            fan_in = width
        super().__init__(
            Normalize(in_channels),
            *(convolution(in_channels, 16), nn.ReLU()),
            *blocks,
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            nn.Linear(64, num_classes),
        )


class WideLeNet5(nn.Sequential):
    """LeNet-5 as it is common today, for 32×32 pixels, every layer about twice as wide."""

    def __init__(self, in_channels: int = 3, num_classes: int = 10):
        super().__init__(
            Normalize(in_channels),
            *(nn.Conv2d(in_channels, 13, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(13, 34, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(34 * 5 * 5, 251), nn.ReLU()),
            *(nn.Linear(251, 176), nn.ReLU()),
            nn.Linear(176, num_classes),
        )


wide_mlp = partial(MLP, hidden=(88,), in_channels=3, input_size=32)
