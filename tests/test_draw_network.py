"""Networks drawn from the model: every text against `layer_table`, every side against its shape."""

import math
import re
from functools import cache
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch
from torch import fx, nn
from torch.nn import functional as F

from cnn_course import plots
from cnn_course.inspection import layer_table
from cnn_course.models import MLP, DeepCNN, FlattenCNN, GlobalPoolCNN, LeNet5, Normalize


class Residual(nn.Module):
    """Two convolutions with a shortcut, which has a 1×1 convolution where the shape changes."""

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        one_by_one = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        same = in_channels == out_channels and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(one_by_one)

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet(blocks=1):
    layers = [Normalize(3), nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()]
    layers += [Residual(8, 8) for _ in range(blocks)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)]
    return nn.Sequential(*layers, Residual(8, 16, 2), *head)


class Written(nn.Module):
    """LeNet-5 in functions, with a branch on a value, which no tracer of programs follows."""

    def __init__(self):
        super().__init__()
        self.c1, self.c3 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.c5, self.f6, self.output = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        if x.mean() > 1e6:
            raise ValueError("these are no pixels")
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c3(x)), 2)
        x = F.relu(self.c5(x.view(len(x), -1)))
        return self.output(F.relu(self.f6(x)))


class Gate(nn.Module):
    """Squeeze and excitation: each channel times a number that is computed from all channels."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(8, 2), nn.Linear(2, 8)

    def forward(self, x):
        gate = torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.ones, self.threes = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 6, 3, padding=1)
        self.other = nn.Conv2d(3, 5, 1)

    def forward(self, x):
        return torch.cat([self.threes(F.relu(self.ones(x))), self.other(x)], 1)


NETWORKS = {
    "mlp": (lambda: MLP((32,)), (1, 28, 28)),
    "deep mlp": (lambda: MLP((64, 64, 64, 64)), (1, 28, 28)),
    "wide mlp": (lambda: MLP((512, 128), 3, 32), (3, 32, 32)),
    "flatten": (FlattenCNN, (1, 28, 28)),
    "average": (lambda: FlattenCNN(pool="average"), (1, 28, 28)),
    "stride": (lambda: FlattenCNN(pool="stride"), (1, 28, 28)),
    "linear": (lambda: FlattenCNN(activation=nn.Identity), (1, 28, 28)),
    "global": (GlobalPoolCNN, (1, 28, 28)),
    "oblong": (GlobalPoolCNN, (1, 28, 140)),
    "deep": (DeepCNN, (1, 28, 28)),
    "circular": (lambda: DeepCNN(nn.LeakyReLU, padding_mode="circular"), (1, 28, 28)),
    "lenet5": (LeNet5, (1, 28, 28)),
    "1998": (LeNet5.published, (1, 28, 28)),
    "colour": (lambda: LeNet5(3, 32), (3, 32, 32)),
    "batch norm": (lambda: LeNet5(batch_norm=True), (1, 28, 28)),
    "half": (lambda: LeNet5(connections="table", pool="average"), (1, 28, 28)),
    "features": (lambda: LeNet5().layers[:5], (1, 28, 28)),
    "written": (Written, (1, 28, 28)),
    "resnet": (resnet, (3, 32, 32)),
    "deeper resnet": (lambda: resnet(5), (3, 32, 32)),
    "gate": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), Gate(), nn.Conv2d(8, 4, 3)), (3, 16, 16)),
    "branches": (Branches, (3, 16, 16)),
}


@pytest.fixture(autouse=True, scope="module")
def style():
    with plt.rc_context():
        plots.use_course_style()
        plt.rcParams["figure.max_open_warning"] = 0
        yield
    plt.close("all")
    drawn.cache_clear()


@cache
def drawn(name):
    build, shape = NETWORKS[name]
    model = build()
    return plots.draw_network(model, shape), layer_table(model, shape)


def texts(figure):
    """All texts from top to bottom, in one line each."""
    ordered = sorted(figure.axes[0].texts, key=lambda text: text.get_position()[1])
    return [text.get_text().replace("\n", " ") for text in ordered]


def patches(figure, kind):
    """The patches with a label such as "map 3", by the number of their block."""
    found = [(patch, patch.get_label().split()) for patch in figure.axes[0].patches]
    return {int(label[1]): patch for patch, label in found if label and label[0] == kind}


def shortcuts(figure):
    labels = [patch.get_label().split() for patch in figure.axes[0].patches]
    return [(int(label[1]), int(label[2])) for label in labels if label[:1] == ["shortcut"]]


def shape_texts(figure):
    bold = [text.get_text() for text in figure.axes[0].texts if text.get_weight() == "bold"]
    return [text for text in bold if re.fullmatch(r"\d+( × \d+)*", text)]


def bracketed(figure):
    return [int(t[2:]) for t in texts(figure) if re.fullmatch(r"× \d+", t)]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_numbers_are_those_of_the_layer_table(name):
    figure, table = drawn(name)
    written = " ".join(texts(figure)[:-1])
    counts = re.findall(r"· ([\d,]+)( each)?", written.split(" parameters ·")[0])
    copies = bracketed(figure)
    expected = [row.parameters for row in table.rows if row.parameters]
    if not copies:
        assert not any(each for _, each in counts)
        assert sorted(int(n.replace(",", "")) for n, _ in counts) == sorted(expected)
    else:
        assert len(copies) == 1
        total = sum(int(n.replace(",", "")) * (copies[0] if each else 1) for n, each in counts)
        assert total == table.parameters
    foot = f"{table.parameters:,} parameters · {table.macs:,} multiply–accumulates"
    assert foot in texts(figure)
    assert not any("not in the picture" in text for text in texts(figure))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shapes_are_those_of_the_layer_table(name):
    figure, table = drawn(name)
    layers = drawn("lenet5")[1] if name == "written" else table
    known = {" × ".join(map(str, row.output_shape)) for row in layers.rows}
    known.add(" × ".join(map(str, NETWORKS[name][1])))
    known |= {"11 × 16 × 16"} if name == "branches" else set()
    assert {t for t in shape_texts(figure) if not t.isdigit()} <= known
    assert shape_texts(figure)[0] == " × ".join(map(str, NETWORKS[name][1]))
    if name != "branches":  # which are joined outside of the layers
        assert shape_texts(figure)[-1] == " × ".join(map(str, table.rows[-1].output_shape))


@pytest.mark.parametrize("name", NETWORKS)
def test_sides_and_lengths_are_in_proportion(name):
    figure, _ = drawn(name)
    shapes = [tuple(map(int, text.split(" × "))) for text in shape_texts(figure)]
    maps, vectors = patches(figure, "map"), patches(figure, "vector")
    assert len(shapes) == len(maps) + len(vectors) + len(patches(figure, "join"))
    pixels = {p.get_height() / shapes[i][1] for i, p in maps.items() if p.get_height() > 0.041}
    pixels |= {p.get_width() / shapes[i][2] for i, p in maps.items() if p.get_width() > 0.041}
    assert np.ptp(list(pixels)) < 1e-6
    lengths = {i: p.get_width() for i, p in vectors.items()}
    elements = {w / math.prod(shapes[i]) for i, w in lengths.items() if w > 0.041}
    assert np.ptp(list(elements) or [0]) < 1e-6
    for i in maps:
        sheets = sum(p.get_label() == f"sheet {i}" for p in figure.axes[0].patches) + 1
        assert sheets == round(min(shapes[i][0], 2 * math.sqrt(shapes[i][0])))


@pytest.mark.parametrize("name", NETWORKS)
def test_texts_meet_neither_each_other_nor_the_edge_nor_a_block(name):
    figure, _ = drawn(name)
    figure.canvas.draw()
    page = figure.bbox
    boxes = [(text.get_text(), text.get_window_extent()) for text in figure.axes[0].texts]
    for text, box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1, text
        assert page.y0 <= box.y0 < box.y1 <= page.y1, text
    # Lines have air around their letters: boxes that share a pixel do not touch to the eye.
    for (text, box), (other, other_box) in combinations(boxes, 2):
        wide = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        high = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert wide < 1 or high < 1, (text, other)
    solid = [p for p in figure.axes[0].patches if not isinstance(p, FancyArrowPatch)]
    for patch in solid:
        box = patch.get_window_extent()
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, patch.get_label()
        for text, text_box in boxes:
            wide = min(box.x1, text_box.x1) - max(box.x0, text_box.x0)
            high = min(box.y1, text_box.y1) - max(box.y0, text_box.y0)
            assert wide < 1 or high < 1, (text, patch.get_label())


@pytest.mark.parametrize("name", NETWORKS)
def test_texts_are_large_enough_for_a_phone(name):
    figure, _ = drawn(name)
    assert 4.5 <= figure.get_figwidth() <= 5
    assert min(text.get_size() for text in figure.axes[0].texts) >= 9
    assert not figure.axes[0].images


def test_the_words_of_lenet5():
    assert texts(drawn("lenet5")[0])[:-2] == [
        "1 × 28 × 28", "image, normalized", "conv 5×5, padding 2 · 156", "ReLU",
        "6 × 28 × 28", "max pooling 2×2",
        "6 × 14 × 14", "conv 5×5 · 2,416", "ReLU",
        "16 × 10 × 10", "max pooling 2×2",
        "16 × 5 × 5", "flatten",
        "400", "linear · 48,120", "ReLU",
        "120", "linear · 10,164", "ReLU",
        "84", "linear · 850",
        "10", "logits",
    ]  # fmt: skip


def test_layers_and_functions_are_drawn_alike():
    written, layers = (texts(drawn(name)[0]) for name in ("written", "lenet5"))
    assert written == ["image" if t == "image, normalized" else t for t in layers]
    with pytest.raises(fx.proxy.TraceError):
        fx.symbolic_trace(Written())


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Conv2d(2, 4, (3, 1), 2, (1, 0)), "conv 3×1, padding 1×0, stride 2 · 28"),
        (nn.Conv2d(2, 2, 3, dilation=2, groups=2), "depthwise conv 3×3, dilation 2 · 20"),
        (nn.Conv2d(2, 4, 3, padding="same", bias=False), "conv 3×3, padding same · 72"),
        (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), "conv 3×3, reflect padding 1 · 38"),
        (nn.ConvTranspose2d(2, 3, 2, 2), "transposed conv 2×2, stride 2 · 27"),
        (nn.MaxPool2d(3, 2, 1), "max pooling 3×3, padding 1, stride 2"),
        (nn.AvgPool2d(2), "average pooling 2×2"),
        (nn.AdaptiveAvgPool2d(1), "global average pooling"),
        (nn.AdaptiveMaxPool2d((2, 3)), "max pooling to 2×3"),
        (nn.ZeroPad2d(2), "padding 2"),
        (nn.Upsample(scale_factor=2), "upsample"),
    ],
)
def test_the_words_of_an_operation(layer, words):
    assert words in texts(plots.draw_network(layer, (2, 9, 9)))


def test_each_kind_of_operation_has_its_colour():
    figure, _ = drawn("lenet5")
    kinds = ["conv", "pool", "conv", "pool", "flatten", "linear", "linear", "linear"]
    colours = {"conv": 0, "pool": 2, "linear": 1}
    arrows = patches(figure, "arrow")
    for i, kind in enumerate(kinds, 1):
        expected = plots.COLOURS[colours[kind]] if kind in colours else "#5f6368"
        assert arrows[i].get_edgecolor()[:3] == pytest.approx(to_rgb(expected))


def test_the_bars_are_shares_of_the_parameters():
    figure, table = drawn("lenet5")
    shares = {i: bar.get_width() for i, bar in patches(figure, "share").items()}
    assert list(shares) == [1, 3, 6, 7, 8]
    assert shares[6] / shares[7] == pytest.approx(48120 / 10164)
    bars = [p for p in figure.axes[0].patches if getattr(p, "_height", 0) == 0.05]
    room = max(bar.get_width() for bar in bars)
    assert shares[6] / room == pytest.approx(48120 / table.parameters)


def test_shortcuts_lead_from_where_they_leave_to_where_they_are_added():
    figure, _ = drawn("resnet")
    # image, first convolution, two convolutions, sum, two convolutions, sum, pooling, linear
    assert list(patches(figure, "join")) == [4, 7]
    assert shortcuts(figure) == [(1, 4), (4, 7)]
    assert "conv 1×1, stride 2 · 128" in texts(figure)
    assert sum("conv 1×1" in text for text in texts(figure)) == 1
    # The arc ends at the height of its circle and begins between the blocks.
    arc = next(p for p in figure.axes[0].patches if p.get_label() == "shortcut 1 4")
    ends = arc._path_original.vertices[[0, -1], 1]
    assert ends[1] == pytest.approx(patches(figure, "join")[4].center[1])
    first = patches(figure, "map")[1]
    assert first.get_y() < ends[0] < patches(figure, "map")[2].get_y()


def test_a_product_of_branches_and_a_concatenation():
    figure, _ = drawn("gate")
    assert shortcuts(figure) == [(1, 5)]
    assert "multiply" in texts(figure)
    figure, _ = drawn("branches")
    assert shortcuts(figure) == [(0, 3)]
    assert "concatenate" in texts(figure)
    assert "conv 1×1 · 20" in texts(figure)


def test_equal_groups_are_drawn_once():
    figure, _ = drawn("deep")
    assert bracketed(figure) == [11]
    assert "conv 3×3, padding 1 · 584 each" in texts(figure)
    figure, _ = drawn("deeper resnet")
    assert bracketed(figure) == [5]
    assert shortcuts(figure) == [(1, 4), (4, 7)]
    # The bar is that of all copies.
    shares = patches(drawn("deep")[0], "share")
    ratio = shares[3].get_width() / shares[5].get_width()
    assert ratio == pytest.approx(11 * 584 / 15690)


def test_groups_from_whose_middle_a_branch_leaves_are_not_folded():
    class Long(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(*(nn.Conv2d(2, 2, 3, padding=1) for _ in range(5)))

        def forward(self, x):
            x = self.layers[:2](x)
            return x + self.layers[2:](x)

    figure = plots.draw_network(Long(), (2, 8, 8))
    assert shortcuts(figure) == [(2, 4)]
    assert bracketed(figure) == [3]  # the three behind, not all five


def test_a_layer_used_twice_counts_once():
    conv = nn.Conv2d(2, 2, 3, padding=1)
    figure = plots.draw_network(nn.Sequential(conv, nn.ReLU(), conv), (2, 8, 8))
    written = texts(figure)
    assert "conv 3×3, padding 1 · 38" in written
    assert "conv 3×3, padding 1 · the same weights" in written
    assert "38 parameters · 4,608 multiply–accumulates" in written


def test_a_batch_norm_before_the_convolution_waits_for_it():
    class Early(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
            self.second = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x):
            x = self.first(x)
            return x + self.second(F.relu(self.norm(x)))

    figure = plots.draw_network(Early(), (2, 8, 8))
    assert shortcuts(figure) == [(1, 3)]
    written = texts(figure)
    at = written.index("batch norm · 4, ReLU")
    assert written[at + 1] == "conv 3×3, padding 1 · 38"


def test_work_with_a_number_or_a_parameter_is_joined_to_what_it_follows():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.conv = nn.Parameter(torch.ones(4, 1, 1)), nn.Conv2d(2, 4, 3)

        def forward(self, x):
            return self.scale * F.relu(self.conv(x)) + 1

    figure = plots.draw_network(Scaled(), (2, 8, 8))
    assert "ReLU, multiply, add" in texts(figure)
    assert not patches(figure, "join")
    assert "4 of them are not in the picture" in texts(figure)


class Loose(nn.Module):
    """Loses the trail of its tensors, and has parameters that no layer holds."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.conv, self.last, self.unused = nn.Conv2d(1, 2, 3), nn.Linear(98, 10), nn.Linear(3, 3)

    def forward(self, x):
        x = torch.from_numpy(self.conv(x).detach().numpy())
        return self.last(x.flatten(1)), self.scale * 2


def test_a_network_whose_trail_is_lost_is_drawn_in_the_order_of_its_calls():
    written = texts(plots.draw_network(Loose(), (1, 9, 9)))
    assert {"conv 3×3 · 20", "linear · 990"} <= set(written)
    assert "1,025 parameters · 1,862 multiply–accumulates" in written
    assert "15 of them are not in the picture" in written


def test_names_stand_at_the_blocks():
    names = ("C1", "S2", "C3", "S4", "C5", "F6", "output")
    figure = plots.draw_network(LeNet5.published(), (1, 28, 28), names=names)
    bold = [t for t in texts(figure) if t.startswith(names)]
    assert bold == [
        "C1   6 × 28 × 28", "S2   6 × 14 × 14", "C3   16 × 10 × 10", "S4   16 × 5 × 5",
        "C5   120", "F6   84", "output   10",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="give 7, for the blocks 6×28×28, 6×14×14"):
        plots.draw_network(LeNet5(), (1, 28, 28), names=("C1",))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((28, 28), r"input_shape=\(28, 28\): give \(channels"),
        ((1, 28, 0), "input_shape"),
        ((3, 28, 28), r"does not take images of shape \(3, 28, 28\) .* 1 channels?"),
        ((1, 12, 12), r"does not take images of shape \(1, 12, 12\) "),
    ],
)
def test_a_shape_that_does_not_fit_is_named(shape, message):
    with pytest.raises(ValueError, match=message):
        plots.draw_network(nn.Sequential(*LeNet5().layers[1:]), shape)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training):
    class Noise(nn.Module):
        def forward(self, x):
            return x + torch.rand_like(x)

    layers = (nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), Noise(), nn.Dropout(), nn.ReLU(inplace=True))
    model = nn.Sequential(*layers).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    plots.draw_network(model, (1, 8, 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(layer.training == training for layer in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
