"""Whole networks in JavaScript give PyTorch's logits and Grad-CAM, and pictures are Pillow's."""

import numpy as np
import pytest
import torch
import widget_pages
from javascript import passes_by_node
from PIL import Image
from torch import nn

from cnn_course.data.decoding import to_tensor
from cnn_course.inspection import grad_cam
from cnn_course.models import GlobalPoolCNN, ModernCNN, Normalize, load_model
from cnn_course.models.basic import Layers
from cnn_course.models.modern import InvertedBlock, ResidualBlock, convolution
from cnn_course.quantization import from_int8, to_int8
from cnn_course.widgets.base import encode
from cnn_course.widgets.layers import described, weighted


def others():
    """Networks that have what ModernCNN by default has not."""
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 4)
    mixed = [Normalize(3), convolution(3, 4), nn.SiLU(), ResidualBlock(4, 6, stride=2)]
    mixed += [nn.MaxPool2d(3, 2, 1), InvertedBlock(6, 7), InvertedBlock(7, 7), *head]
    return {
        "strides, and shapes that change": Layers(*mixed),
        "no normalization": GlobalPoolCNN(in_channels=3),
        "ReLU, other blocks": ModernCNN(
            num_classes=3,
            stem=5,
            widths=(6, 9),
            depths=(2, 1),
            blocks=(InvertedBlock, ResidualBlock),
            activation=nn.ReLU,
        ),
    }


def networks():
    torch.manual_seed(0)
    shipped = load_model(widget_pages.untrained())[0]
    found = {"ModernCNN, 8 bits": shipped}
    return found | {name: widget_pages.stirred(model) for name, model in others().items()}


def written(name, model, side=32):
    tensors = to_int8(model.state_dict())
    model.load_state_dict(from_int8(tensors))
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    cases = []
    for image in images:
        with torch.no_grad():
            logits = model(image[None])[0]
        for label in (int(logits.argmax()), int(logits.argmin())):
            heat, unscaled = (
                grad_cam(model, image[None], model.layers[-4], label, normalize=scaled)
                for scaled in (True, False)
            )
            case = {"image": image, "logits": logits, "heat": heat, "unscaled": unscaled}
            cases.append({key: v.flatten().tolist() for key, v in case.items()} | {"label": label})
    last = len(model.layers) - 1
    return {
        "name": name,
        "body": described(model.layers[:-3], "layers", tensors),
        "head": weighted(model.layers[-1], f"layers.{last}", tensors),
        "side": side,
        "cases": cases,
    }


def pictures():
    """As `predict` prepares them: the middle square, brought to 32×32; and a square elsewhere."""
    rng = np.random.default_rng(0)
    sizes = (200, 301), (301, 200), (37, 50), (32, 32), (33, 32), (5, 3), (2, 2), (1, 1), (3, 900)
    for height, width in sizes:
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
        side = min(height, width)
        square = [(width - side) / 2, (height - side) / 2, side]
        expected = to_tensor(np.asarray(image), 32, 32, 3).numpy()
        yield f"{width}×{height}", image, square, expected, 0
        left, top, side = square = [0.3 * width, 0.2 * height, 0.6 * side]
        box = (left, top, left + side, top + side)
        expected = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR, box))
        # Pillow rounds such a box to 32 bits, and so a tie may fall to the other side.
        yield f"a square of {width}×{height}", image, square, expected.transpose(2, 0, 1), 1


def test_node_finds_the_numbers_of_pytorch_and_pillow(node, tmp_path):
    cases = {
        "networks": [written(name, model) for name, model in networks().items()],
        "pictures": [
            {
                "name": name,
                "width": image.width,
                "height": image.height,
                "rgba": encode(np.asarray(image.convert("RGBA"))),
                "square": square,
                "size": 32,
                "expected": encode(expected),
                "slack": slack,
            }
            for name, image, square, expected, slack in pictures()
        ],
    }
    passes_by_node(node, "layers.test.js", cases, tmp_path, sum(map(len, cases.values())))


def test_a_layer_that_no_page_knows_is_named():
    model = Layers(Normalize(3), nn.Conv2d(3, 4, 3), nn.Tanh())
    with pytest.raises(ValueError, match=r"layer layers\.2 is a Tanh, which no page"):
        described(model, "", to_int8(model.state_dict()))
