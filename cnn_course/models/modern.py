"""ModernCNN, a small residual network for small colour images."""

from torch import Tensor, nn

from cnn_course.models.arguments import at_least, check_widths, layer_of
from cnn_course.models.basic import Layers, Normalize


def convolution(
    in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, then batch normalization.

    (N, in_channels, H, W) → (N, out_channels, H/stride, W/stride).
    """
    padding = kernel_size // 2
    return nn.Sequential(
        # No bias: batch normalization subtracts the mean, and the bias with it.
        nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False
        ),
        nn.BatchNorm2d(out_channels),
    )


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut around them (He et al. 2016).

    (N, in_channels, H, W) → (N, out_channels, H/stride, W/stride). The shortcut is the input
    itself, or a 1×1 convolution of it where the shape changes.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, activation=nn.ReLU):
        super().__init__()
        self.body = nn.Sequential(
            convolution(in_channels, out_channels, stride=stride),
            layer_of(activation),
            convolution(out_channels, out_channels),
        )
        same = in_channels == out_channels and stride == 1
        self.shortcut = nn.Identity() if same else convolution(in_channels, out_channels, 1, stride)
        self.activation = layer_of(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.body(x) + self.shortcut(x))


class InvertedBlock(nn.Module):
    """A wide, depthwise 3×3 convolution between two 1×1, and a shortcut (Sandler et al. 2018).

    (N, in_channels, H, W) → (N, out_channels, H/stride, W/stride), with `expansion` times as many
    channels in between as come in. The shortcut joins the narrow ends; where the shape changes
    there is none.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        activation=nn.ReLU,
        expansion: int = 3,
    ):
        super().__init__()
        wide = expansion * in_channels
        self.body = nn.Sequential(
            *(convolution(in_channels, wide, 1), layer_of(activation)),
            *(convolution(wide, wide, stride=stride, groups=wide), layer_of(activation)),
            convolution(wide, out_channels, 1),  # no activation: narrow maps carry what there is
        )
        self.same = in_channels == out_channels and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.same else self.body(x)


class ModernCNN(Layers):
    """A convolution at full size, stages of blocks, the mean of each map, and a linear layer.

    (N, in_channels, H, W) → logits (N, num_classes), for H and W that the stages can halve. Each
    stage begins with a convolution and max pooling, after which the map is half as high and wide.
    There is one entry for each stage in `widths`, its channels, `depths`, its number of blocks, and
    `blocks`, which kind they are: block(width, width, activation=activation) makes one that keeps
    the shape. The default has its depthwise blocks where maps are small: there they are cheap, and
    channels are many. Its activation is SiLU, x · sigmoid(x) (Hendrycks and Gimpel 2016).
    Raises ValueError for sizes that cannot be.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        num_classes: int = 10,
        stem: int = 16,
        widths: tuple[int, ...] = (48, 96),
        depths: tuple[int, ...] = (1, 3),
        blocks: tuple = (ResidualBlock, InvertedBlock),
        activation=nn.SiLU,
    ):
        at_least(1, "ModernCNN", in_channels=in_channels, num_classes=num_classes, stem=stem)
        check_widths("ModernCNN", widths=widths)
        if not (isinstance(depths, tuple | list) and isinstance(blocks, tuple | list)):
            raise ValueError(f"depths={depths!r} and blocks={blocks!r}: give a tuple of each")
        if not len(widths) == len(depths) == len(blocks):
            raise ValueError(
                f"ModernCNN needs one entry of widths={widths}, depths={depths} and blocks "
                f"(which has {len(blocks)}) for each stage"
            )
        layers = [Normalize(in_channels), convolution(in_channels, stem), layer_of(activation)]
        channels = stem
        for width, depth, block in zip(widths, depths, blocks, strict=True):
            at_least(0, "ModernCNN", depth=depth)
            layers += [convolution(channels, width), layer_of(activation), nn.MaxPool2d(2)]
            layers += [block(width, width, activation=activation) for _ in range(depth)]
            channels = width
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]
        super().__init__(*layers, *head)
