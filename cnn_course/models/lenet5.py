"""LeNet-5 (LeCun et al. 1998, Gradient-based learning applied to document recognition)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn_course.models.arguments import at_least, choose, layer_of
from cnn_course.models.basic import Layers, Normalize

# Table I of the paper: which of the 6 maps of S2 each of the 16 maps of C3 sees.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
# Ten digits of 7×12 pixels, drawn for this course, as the targets of the published output layer
# are stylised characters of that size. One hexadecimal number of 7 bits for each row.
DIGITS = (
    "00 1c 22 41 41 41 41 41 41 22 1c 00",
    "00 08 18 28 08 08 08 08 08 08 3e 00",
    "00 3c 42 01 01 02 0c 10 20 40 7f 00",
    "00 7e 01 01 02 1c 02 01 01 41 3e 00",
    "00 04 0c 14 24 44 44 7f 04 04 04 00",
    "00 7f 40 40 40 7c 02 01 01 42 3c 00",
    "00 1e 20 40 40 5c 62 41 41 22 1c 00",
    "00 7f 01 01 02 04 08 08 10 10 10 00",
    "00 3e 41 41 41 3e 41 41 41 41 3e 00",
    "00 3e 41 41 41 23 1d 01 01 02 3c 00",
)


class ScaledTanh(nn.Module):
    """1.7159 · tanh(2x / 3), of any shape: ±1 is mapped to ±1, where the curvature is largest."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 / 3 * x)


class TableConv2d(nn.Module):
    """The published C3: (N, 6, H, W) → (N, 16, H − 4, W − 4), with 1,516 parameters.

    Each output map has a 5×5 kernel for the input maps that `C3_TABLE` gives it, and no other.
    """

    kernel_size = 5

    def __init__(self):
        super().__init__()
        pairs = [(o, i) for o, row in enumerate(C3_TABLE) for i in row]
        self.register_buffer("pairs", torch.tensor(pairs).T, persistent=False)  # (2, 60)
        self.weight = nn.Parameter(torch.empty(len(pairs), 5, 5))
        self.bias = nn.Parameter(torch.zeros(len(C3_TABLE)))

    def forward(self, x: Tensor) -> Tensor:
        dense = self.weight.new_zeros(len(C3_TABLE), 6, 5, 5)
        dense = dense.index_put((self.pairs[0], self.pairs[1]), self.weight)
        return F.conv2d(x, dense, self.bias)


class Subsampling(nn.Module):
    """The published S2 and S4: (N, C, H, W) → (N, C, H/2, W/2), with two parameters a map.

    The sum of each 2×2 window, times a trainable coefficient, plus a trainable bias.
    """

    kernel_size = stride = 2

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return 4 * F.avg_pool2d(x, 2) * self.weight + self.bias


class RBFOutput(nn.Module):
    """The published output layer: (N, 84) → (N, 10), without a trainable parameter.

    The negative squared distance to a picture of each digit, of +1 and −1. With cross-entropy on
    top this is the paper's second loss, equation 9, without its constant j.
    """

    def __init__(self):
        super().__init__()
        rows = [[int(row, 16) for row in digit.split()] for digit in DIGITS]
        bits = [[row >> (6 - j) & 1 for row in digit for j in range(7)] for digit in rows]
        self.register_buffer("pictures", 2.0 * torch.tensor(bits) - 1, persistent=False)  # (10, 84)

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, None] - self.pictures).square().sum(2)


class LeNet5(Layers):
    """LeNet-5: (N, in_channels, input_size, input_size) → (N, num_classes).

    By default the form that is common today, with 61,706 parameters on MNIST; `LeNet5.published()`
    is that of 1998, with 60,000. Each argument is one step from the one to the other:

    - `connections`: "full", or "table" for the published C3;
    - `pool`: "max", "average", or "trainable" for the published subsampling;
    - `activation`: the layer after C1, C3, C5 and F6, and after a trainable subsampling;
    - `output`: "linear" for a fully connected layer, or "rbf" for distances to pictures of digits;
    - `initialisation`: "default" for PyTorch's, "1998", "xavier" (Glorot & Bengio 2010), or "he"
      (He et al. 2015); biases start at 0;
    - `batch_norm`: whether batch normalization follows C1, C3, C5 and F6.

    Padding of 2 stands for the published images, which had a margin of 2 pixels at each side.
    Raises ValueError for an unknown name, and for a size, a number of channels or of classes that
    does not fit.
    """

    def __init__(
        self,
        in_channels: int = 1,
        input_size: int = 28,
        num_classes: int = 10,
        *,
        connections: str = "full",
        pool: str = "max",
        activation: type[nn.Module] = nn.ReLU,
        output: str = "linear",
        initialisation: str = "default",
        batch_norm: bool = False,
    ):
        at_least(12, "LeNet-5", input_size=input_size)
        at_least(1, "LeNet-5", in_channels=in_channels, num_classes=num_classes)
        if output == "rbf" and num_classes != 10:
            raise ValueError(
                f"num_classes={num_classes}: output='rbf' has pictures of 10 digits; "
                "give output='linear'"
            )
        side = (input_size // 2 - 4) // 2  # of the maps of S4

        def norm(channels, kind=nn.BatchNorm2d):
            return [kind(channels)] if batch_norm else []

        def halve(channels):
            if pool == "trainable":
                return [Subsampling(channels), layer_of(activation)]
            return [choose("pool", pool, max=nn.MaxPool2d, average=nn.AvgPool2d)(2)]

        c3 = choose(
            "connections",
            connections,
            full=lambda: nn.Conv2d(6, 16, kernel_size=5),
            table=TableConv2d,
        )
        last = choose("output", output, linear=lambda: nn.Linear(84, num_classes), rbf=RBFOutput)
        super().__init__(
            Normalize(in_channels),
            *(nn.Conv2d(in_channels, 6, kernel_size=5, padding=2), *norm(6), layer_of(activation)),
            *halve(6),
            *(c3(), *norm(16), layer_of(activation)),
            *halve(16),
            nn.Flatten(),
            *(nn.Linear(16 * side**2, 120), *norm(120, nn.BatchNorm1d), layer_of(activation)),
            *(nn.Linear(120, 84), *norm(84, nn.BatchNorm1d), layer_of(activation)),
            last(),
        )
        self._initialise(initialisation)

    @classmethod
    def published(cls, **changes) -> "LeNet5":
        """The network of 1998, with 60,000 trainable parameters, but for the `changes`."""
        published = {
            "connections": "table",
            "pool": "trainable",
            "activation": ScaledTanh,
            "output": "rbf",
            "initialisation": "1998",
        }
        return cls(**(published | changes))

    def _initialise(self, name: str) -> None:
        bound = choose(
            "initialisation",
            name,
            default=None,
            **{"1998": lambda n, m: 2.4 / n},
            xavier=lambda n, m: math.sqrt(6 / (n + m)),
            he=lambda n, m: math.sqrt(6 / n),
        )
        for layer in self.layers:
            if isinstance(layer, TableConv2d):
                # Each connection by itself: its map has as many inputs as the table gives it.
                inputs = [len(row) for row in C3_TABLE for _ in row]
                fans = [(25 * n, 25 * 10) for n in inputs]
                bounds = [(bound or (lambda n, m: n**-0.5))(n, m) for n, m in fans]
                bounds = torch.tensor(bounds)[:, None, None]
                with torch.no_grad():
                    layer.weight.copy_((2 * torch.rand_like(layer.weight) - 1) * bounds)
            elif bound and isinstance(layer, nn.Conv2d | nn.Linear):
                n, m = layer.weight[0].numel(), layer.weight[:, 0].numel()
                nn.init.uniform_(layer.weight, -bound(n, m), bound(n, m))
                nn.init.zeros_(layer.bias)
