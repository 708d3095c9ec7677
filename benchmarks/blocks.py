"""Blocks beside the residual one, each made by block(fan_in, fan_out, stride)."""

from torch import Tensor, nn
from torch.nn import functional as F

from cnn_course.models.modern import ResidualBlock, convolution


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


class SqueezedBlock(ResidualBlock):
    """The residual block with squeeze-and-excitation before the sum."""

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1):
        super().__init__(fan_in, fan_out, stride)
        self.body.append(SqueezeExcitation(fan_out))


class SmoothBlock(ResidualBlock):
    """The residual block with SiLU in place of ReLU (Ramachandran et al. 2017)."""

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1):
        super().__init__(fan_in, fan_out, stride)
        self.body[1] = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.body(x) + self.shortcut(x))


class PooledBlock(nn.Sequential):
    """A convolution at the larger size, max pooling, a residual block (Page 2018, ResNet-9)."""

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1, last: nn.Module | None = None):
        super().__init__(
            convolution(fan_in, fan_out),
            nn.ReLU(),
            nn.MaxPool2d(stride),
            last or ResidualBlock(fan_out, fan_out),
        )


class SmoothPooledBlock(PooledBlock):
    """The same with SiLU in place of ReLU."""

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1):
        super().__init__(fan_in, fan_out, stride)
        self[1], self[3] = nn.SiLU(), SmoothBlock(fan_out, fan_out)


class GroupedBlock(ResidualBlock):
    """1×1, 3×3 in groups of channels, 1×1, and a shortcut (Xie et al. 2017, ResNeXt)."""

    groups = 8

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1):
        super().__init__(fan_in, fan_out, stride)
        self.body = nn.Sequential(
            convolution(fan_in, fan_out, 1),
            nn.ReLU(),
            nn.Conv2d(fan_out, fan_out, 3, stride, 1, groups=self.groups, bias=False),
            nn.BatchNorm2d(fan_out),
            nn.ReLU(),
            convolution(fan_out, fan_out, 1),
        )


class InvertedBlock(nn.Module):
    """1×1 to three times the channels, 3×3 a channel, 1×1 back (Sandler et al. 2018, MobileNetV2).

    The shortcut joins the narrow ends, where the shape stays.
    """

    expansion = 3

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1):
        super().__init__()
        inside = self.expansion * fan_in
        self.body = nn.Sequential(
            convolution(fan_in, inside, 1),
            nn.ReLU(),
            nn.Conv2d(inside, inside, 3, stride, 1, groups=inside, bias=False),
            nn.BatchNorm2d(inside),
            nn.ReLU(),
            convolution(inside, fan_out, 1),
        )
        self.same = fan_in == fan_out and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.same else self.body(x)


def late_inverted(fan_in: int, fan_out: int, stride: int = 1) -> nn.Module:
    """`PooledBlock` for few channels; for 80 and more the same with inverted blocks behind."""
    if fan_out < 80:
        return PooledBlock(fan_in, fan_out, stride)
    inverted = InvertedBlock(fan_out, fan_out)
    return inverted if stride == 1 else PooledBlock(fan_in, fan_out, stride, inverted)


class PlainBlock(nn.Module):
    """The residual block without its shortcut."""

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1):
        super().__init__()
        self.body = ResidualBlock(fan_in, fan_out, stride).body

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).relu()


class ChannelNorm(nn.LayerNorm):
    """Layer normalization of each position over its channels, (N, C, H, W) → the same."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """7×7 a channel, layer normalization, 1×1 to four times the channels, GELU, 1×1 back.

    (Liu et al. 2022.) Where the shape changes, layer normalization and a convolution as large as
    its stride come first.
    """

    def __init__(self, fan_in: int, fan_out: int, stride: int = 1):
        super().__init__()
        same = fan_in == fan_out and stride == 1
        change = [ChannelNorm(fan_in), nn.Conv2d(fan_in, fan_out, stride, stride)]
        self.change = nn.Sequential(*([] if same else change))
        self.body = nn.Sequential(
            nn.Conv2d(fan_out, fan_out, 7, padding=3, groups=fan_out),
            ChannelNorm(fan_out),
            nn.Conv2d(fan_out, 4 * fan_out, 1),
            nn.GELU(),
            nn.Conv2d(4 * fan_out, fan_out, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.change(x)
        return x + self.body(x)
