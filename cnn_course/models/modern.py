"""ModernCNN, a small residual network for small colour images."""

import torch
from torch import Tensor, nn

from cnn_course.models.basic import Layers, Normalize, at_least


def convolution(fan_in: int, fan_out: int, kernel_size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalization, (N, fan_in, H, W) → (N, fan_out, H/stride, W/stride)."""
    return nn.Sequential(
        # No bias: batch normalization subtracts the mean, and the bias with it.
        nn.Conv2d(fan_in, fan_out, kernel_size, stride, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(fan_out),
    )


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut around them (He et al. 2016).

    (N, fan_in, H, W) → (N, fan_out, H/stride, W/stride). The shortcut is the input itself, or a
    1×1 convolution of it where the shape changes.
    """

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1):
        super().__init__()
        self.body = nn.Sequential(
            convolution(fan_in, fan_out, stride=stride),
            nn.ReLU(),
            convolution(fan_out, fan_out),
        )
        same = fan_in == fan_out and stride == 1
        self.shortcut = nn.Identity() if same else convolution(fan_in, fan_out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class ModernCNN(Layers):
    """A convolution at full size, stages of blocks, the mean of each map, and a linear layer.

    (N, in_channels, H, W) → logits (N, num_classes), for any H and W. Each stage halves the map in
    its first block; `widths` are the stages' channels, and `depths` their numbers of blocks. A
    `block` is made by block(fan_in, fan_out, stride). Raises ValueError for sizes that cannot be.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        num_classes: int = 10,
        stem: int = 32,
        widths: tuple[int, ...] = (52, 72),
        depths: tuple[int, ...] = (2, 2),
        block=ResidualBlock,
    ):
        at_least(1, "ModernCNN", in_channels=in_channels, num_classes=num_classes, stem=stem)
        if len(widths) != len(depths):
            raise ValueError(f"widths={widths}, depths={depths}: give one of each for every stage")
        layers, fan_in = [], stem
        for width, depth in zip(widths, depths, strict=True):
            at_least(1, "ModernCNN", width=width, depth=depth)
            layers.append(block(fan_in, width, 2))
            layers += [block(width, width, 1) for _ in range(depth - 1)]
            fan_in = width
        super().__init__(
            Normalize(in_channels),
            *(convolution(in_channels, stem), nn.ReLU()),
            *layers,
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            nn.Linear(fan_in, num_classes),
        )
