"""Networks of one kind of block: the designs beside ModernCNN's, and their blocks."""

from torch import Tensor, nn

from cnn_course.models import Normalize
from cnn_course.models.modern import ResidualBlock, convolution


def staged(
    stem: int,
    widths: tuple[int, ...],
    depths: tuple[int, ...],
    block=ResidualBlock,
    first_stride: int = 2,
) -> nn.Sequential:
    """A convolution, stages whose first block halves the map, the mean of each map, linear.

    (N, 3, H, W) → logits (N, 10). A `block` is made by block(in_channels, out_channels, stride).
    With a `first_stride` of 1 the first stage keeps the map's size.
    """
    blocks, channels, stride = [], stem, first_stride
    for width, depth in zip(widths, depths, strict=True):
        blocks.append(block(channels, width, stride))
        blocks += [block(width, width, 1) for _ in range(depth - 1)]
        channels, stride = width, 2
    first = [Normalize(3), convolution(3, stem), nn.ReLU()]
    last = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    return nn.Sequential(*first, *blocks, *last)


class SqueezeExcitation(nn.Module):
    """Each channel times a gate in [0, 1] that depends on the means of all (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // reduction, 1),
            nn.ReLU(),
            nn.Conv2d(channels // reduction, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


def squeezed(block, in_channels: int, out_channels: int, stride: int = 1, **options) -> nn.Module:
    """A residual or inverted block with squeeze-and-excitation before the sum."""
    made = block(in_channels, out_channels, stride, **options)
    made.body.append(SqueezeExcitation(out_channels))
    return made


class PooledBlock(nn.Sequential):
    """A convolution at the larger size, max pooling, a residual block (Page 2018, ResNet-9)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, activation=nn.ReLU):
        super().__init__(
            convolution(in_channels, out_channels),
            activation(),
            nn.MaxPool2d(stride),
            ResidualBlock(out_channels, out_channels, activation=activation),
        )


class PlainBlock(nn.Module):
    """The residual block without its shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, activation=nn.ReLU):
        super().__init__()
        self.body = ResidualBlock(in_channels, out_channels, stride, activation).body
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.body(x))


class ChannelNorm(nn.LayerNorm):
    """Layer normalization of each position over its channels, (N, C, H, W) → the same."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """7×7 a channel, layer normalization, 1×1 to four times the channels, activation, 1×1 back.

    (Liu et al. 2022, who take GELU.) Where the shape changes, layer normalization and a convolution
    as large as its stride come first.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, activation=nn.GELU):
        super().__init__()
        same = in_channels == out_channels and stride == 1
        change = [ChannelNorm(in_channels), nn.Conv2d(in_channels, out_channels, stride, stride)]
        self.change = nn.Sequential(*([] if same else change))
        self.body = nn.Sequential(
            nn.Conv2d(out_channels, out_channels, 7, padding=3, groups=out_channels),
            ChannelNorm(out_channels),
            nn.Conv2d(out_channels, 4 * out_channels, 1),
            activation(),
            nn.Conv2d(4 * out_channels, out_channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.change(x)
        return x + self.body(x)
