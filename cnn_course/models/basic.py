"""What the networks share, and the plain ones of chapters 01 to 03."""

from itertools import pairwise

import torch
from torch import nn

from cnn_course.data import ImageSet
from cnn_course.models.arguments import at_least, check_widths, choose, layer_of


class Normalize(nn.Module):
    """Shift and scale each channel: (x − mean) / sd, shapes (N, C, H, W) → (N, C, H, W).

    As the first layer of a network it makes the statistics part of the weights, so that they
    are saved, loaded and moved to a device together. They start as 0 and 1, which changes
    nothing; `cnn_course.training.fit` sets them from the training images. Raises ValueError for
    bytes, which would be 255 times too large, and for another number of channels.
    """

    def __init__(self, channels: int = 1):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("sd", torch.ones(channels, 1, 1))

    def set_from(self, images: ImageSet) -> None:
        """Take over mean and standard deviation of each channel of `images`.

        Raises ValueError where they have another number of channels.
        """
        mean, sd = images.mean, images.sd  # once: each goes through all pixels
        if len(mean) != len(self.mean):
            raise ValueError(
                f"the model takes {len(self.mean)} channel(s) and {images.name} has "
                f"{len(mean)}; build the model with in_channels={len(mean)}"
            )
        self.mean.copy_(mean.view(-1, 1, 1))
        # A channel that never varies has sd 0; dividing by 1 leaves it at zero instead of nan.
        self.sd.copy_(torch.where(sd > 0, sd, 1.0).view(-1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not (isinstance(x, torch.Tensor) and x.is_floating_point()):
            what = getattr(x, "dtype", type(x).__name__)
            raise ValueError(f"images are {what}; give a tensor of floats in [0, 1]: images / 255")
        if x.dim() < 3 or x.shape[-3] != len(self.mean):  # one channel would pass for each of three
            raise ValueError(
                f"the model takes images with {len(self.mean)} channel(s), and these have the "
                f"shape {tuple(x.shape)}; give others, or build it with other in_channels"
            )
        return (x - self.mean) / self.sd


class Layers(nn.Module):
    """A network whose layers come one after another; `layers` is sliced to look inside."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class MLP(Layers):
    """Multilayer perceptron: flatten, then one ReLU layer for each entry of `hidden`.

    (N, in_channels, input_size, input_size) → logits (N, num_classes).
    """

    def __init__(self, hidden=(32,), in_channels=1, input_size=28, num_classes=10):
        at_least(1, "MLP", in_channels=in_channels, input_size=input_size, num_classes=num_classes)
        check_widths("MLP", hidden=hidden)
        widths = [in_channels * input_size**2, *hidden]
        layers = [Normalize(in_channels), nn.Flatten()]
        for in_features, out_features in pairwise(widths):
            layers += [nn.Linear(in_features, out_features), nn.ReLU()]
        super().__init__(*layers, nn.Linear(widths[-1], num_classes))


class FlattenCNN(Layers):
    """Blocks of convolution, activation and pooling, then a linear layer on the flattened map.

    (N, in_channels, input_size, input_size) → logits (N, num_classes). The last layer has its own
    weight for every place of the map, so the network still knows where a feature was. Each block
    halves the map: `pool` is "max" or "average" for 2×2 pooling, or "stride", where the convolution
    itself takes steps of 2. `activation` makes the layer between, `nn.Identity` leaves it out.
    """

    def __init__(
        self,
        widths=(16, 40),
        in_channels=1,
        input_size=28,
        num_classes=10,
        pool="max",
        activation=nn.ReLU,
    ):
        check_widths("FlattenCNN", 1, widths=widths)
        # Pooling drops a last odd row; a convolution in steps of 2 has one more output for it.
        at_least(1 if pool == "stride" else 2 ** len(widths), "FlattenCNN", input_size=input_size)
        at_least(1, "FlattenCNN", in_channels=in_channels, num_classes=num_classes)
        blocks = _blocks(in_channels, widths, pool, activation)
        map_size = input_size
        for _ in widths:
            map_size = (map_size + 1) // 2 if pool == "stride" else map_size // 2
        super().__init__(
            Normalize(in_channels),
            *blocks,
            nn.Flatten(),
            nn.Linear(widths[-1] * map_size**2, num_classes),
        )


class GlobalPoolCNN(Layers):
    """Blocks as in `FlattenCNN`, the last one unpooled; the mean of each map; a linear layer.

    (N, in_channels, H, W) → logits (N, num_classes), for any H and W that survive the pooling.
    Averaging over the map forgets where a feature was (Lin et al. 2014, Network in Network).
    """

    def __init__(self, widths=(16, 32, 68), in_channels=1, num_classes=10):
        check_widths("GlobalPoolCNN", 1, widths=widths)
        at_least(1, "GlobalPoolCNN", in_channels=in_channels, num_classes=num_classes)
        blocks = _blocks(in_channels, widths)[:-1]
        super().__init__(
            Normalize(in_channels),
            *blocks,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(widths[-1], num_classes),
        )


class DeepCNN(Layers):
    """A plain deep network: images halved once, `depth` times convolution and activation, linear.

    (N, in_channels, input_size, input_size) → logits (N, num_classes). Nothing in it helps the
    gradient on its way down, which is what chapter 03 measures with it. `padding_mode` is that of
    `nn.Conv2d`.
    """

    def __init__(
        self,
        activation=nn.ReLU,
        depth=12,
        width=8,
        in_channels=1,
        input_size=28,
        num_classes=10,
        padding_mode="zeros",
    ):
        at_least(2, "DeepCNN", input_size=input_size)  # it is halved once
        at_least(1, "DeepCNN", in_channels=in_channels, num_classes=num_classes)
        at_least(1, "DeepCNN", width=width, depth=depth)
        layers = [Normalize(in_channels), nn.AvgPool2d(2)]
        for channels in [in_channels] + [width] * (depth - 1):
            convolution = nn.Conv2d(channels, width, 3, padding=1, padding_mode=padding_mode)
            layers += [convolution, layer_of(activation)]
        linear = nn.Linear(width * (input_size // 2) ** 2, num_classes)
        super().__init__(*layers, nn.Flatten(), linear)


def _blocks(in_channels: int, widths, pool="max", activation=nn.ReLU) -> list[nn.Module]:
    pooling = choose("pool", pool, max=nn.MaxPool2d, average=nn.AvgPool2d, stride=None)
    stride = 2 if pool == "stride" else 1
    layers = []
    for channels, width in pairwise([in_channels, *widths]):
        convolution = nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1)
        layers += [convolution, layer_of(activation)]
        if pooling is not None:
            layers.append(pooling(2))
    return layers
