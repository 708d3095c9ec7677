"""The networks beside ModernCNN, as large as it: what other courses teach on CIFAR-10."""

from functools import partial

from blocks import staged
from torch import nn

from cnn_course.models import MLP, Normalize

# The ResNet of 20 layers for CIFAR-10, with 1×1 convolutions where the shape changes (He et al.
# 2016, section 4.2, option B): 272,474 parameters.
resnet20 = partial(staged, stem=16, widths=(16, 32, 64), depths=(3, 3, 3), first_stride=1)


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
