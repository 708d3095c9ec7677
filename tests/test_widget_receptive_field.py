"""The receptive field that the reader builds, against the course's own arithmetic."""

import re

import numpy as np
import pytest
import torch
import widget_pages
from torch import nn

from cnn_course.arithmetic import receptive_field as computed
from cnn_course.inspection import layer_table
from cnn_course.widgets import receptive_field
from cnn_course.widgets.receptive_field import MOST_LAYERS, STACKS, halved, tower


def network(stack):
    """The stack as PyTorch has it, on 3 channels."""
    layers, width = [], 3
    for layer in stack:
        layer = dict(layer)
        if layer.pop("kind") == "pool":
            layers.append(nn.MaxPool2d(**layer))
        else:
            channels = layer.pop("channels")
            layers.append(nn.Conv2d(width, channels, **layer))
            width = channels
    return nn.Sequential(*layers)


def facts(page):
    """The numbers of each layer: channels, height, width, R, J, parameters and MACs."""
    texts = page.locator(".cnn-facts").all_inner_texts()
    pattern = (
        r"map (\d+) × (\d+) × (\d+)\s*R = .*= (\d+)\s*J = .*= (\d+)\s*(\S+) par\w+, (\S+) MACs"
    )
    return [
        [int(n.replace(",", "")) for n in re.fullmatch(pattern, text).groups()] for text in texts
    ]


def expected(stack):
    geometries = [
        {k: v for k, v in layer.items() if k not in ("kind", "channels")} for layer in stack
    ]
    fields = computed(geometries)
    rows = layer_table(network(stack), (3, 32, 32)).rows
    return [
        [*row.output_shape, field.size, field.jump, row.parameters, row.macs or 0]
        for row, field in zip(rows, fields, strict=True)
    ]


def said(page):
    return page.locator(".cnn-said").inner_text()


@pytest.fixture
def page(browser, tmp_path):
    with widget_pages.opened(browser, tmp_path, widget_pages.html(receptive_field())) as page:
        yield page


def test_every_stack_has_the_numbers_of_the_arithmetic_and_of_pytorch(page):
    for name, stack in STACKS.items():
        page.get_by_label("stack", exact=True).select_option(name)
        assert facts(page) == expected(stack)
    total = [sum(column) for column in zip(*expected(stack), strict=True)]
    wanted = f"In all {total[-2]:,} parameters and {total[-1]:,} MACs."
    assert page.locator(".cnn-totals").inner_text() == wanted


def test_a_pixel_lights_up_what_its_gradient_shows(page):
    page.get_by_label("stack", exact=True).select_option("dilation 1, 2, 4")
    for layer, stride in ((1, 2), (2, 2), (3, 1)):
        page.get_by_label(f"stride of layer {layer}").select_option(str(stride))
    stack = [
        layer | {"stride": s}
        for layer, s in zip(STACKS["dilation 1, 2, 4"], (2, 2, 1), strict=True)
    ]
    assert facts(page) == expected(stack)

    x = torch.ones(1, 3, 32, 32, requires_grad=True)
    model = network(stack)
    for parameter in model.parameters():
        nn.init.ones_(parameter)
    y = model(x)  # (1, 16, 8, 8)
    page.locator("canvas").nth(3).focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("Home")
    bright = halved(tower()).astype(int)  # (32, 32, 3)
    telling = bright.max(2) > 20  # where a pixel that is not lit looks darker
    field = facts(page)[-1][3]
    moves = {"ArrowDown": (1, 0), "ArrowRight": (1, 1), "End": (1, 7), "PageDown": (7, 7)}
    for key, (row, column) in moves.items():
        page.keyboard.press(key)
        opening = f"Row {row}, column {column} of map 3 sees {field} × {field} pixels"
        assert said(page).startswith(opening)
        (gradient,) = torch.autograd.grad(y[0, 0, row, column], x, retain_graph=True)
        seen = (gradient[0, 0] > 0).numpy()  # (32, 32)
        assert f"It reads {seen.sum()} of these." in said(page)
        drawn = widget_pages.pixels(page.locator("canvas").first)
        middle = (np.arange(32) * 2 + 1) * len(drawn) // 64
        lit = (np.abs(drawn[np.ix_(middle, middle)][..., :3] - bright) <= 1).all(2)
        np.testing.assert_array_equal(lit[telling], seen[telling])


def test_layers_are_added_and_removed_and_impossible_ones_explained(page):
    add = page.get_by_role("button", name="Add convolution")
    pool = page.get_by_role("button", name="Add pooling")
    remove = page.get_by_role("button", name="Remove the last")
    for _ in range(3):
        remove.click()
    assert remove.is_disabled()
    assert page.locator("li").count() == 0
    assert said(page).startswith("Pixel 16, 16 of the image")
    for _ in range(MOST_LAYERS):
        pool.click()
    assert pool.is_disabled()
    assert add.is_disabled()
    texts = page.locator(".cnn-facts").all_inner_texts()
    assert texts[5] == (
        "Impossible: the kernel spans 2 pixels, and the map has only 1. "
        "Take a smaller kernel, or padding 1."
    )
    assert texts[6:] == ["no map", "no map"]
    assert page.locator("canvas:visible").count() == 6
    assert said(page).startswith("Row 0, column 0 of map 5 sees 32 × 32 pixels.")
    page.get_by_label("padding of layer 2").select_option("2")
    assert page.locator(".cnn-facts").nth(1).inner_text() == (
        "Impossible: PyTorch pads a pooling by half its kernel at most, which is 1."
    )


def test_a_field_that_is_cut_off_at_the_border_is_said(page):
    page.get_by_label("stack", exact=True).select_option("seven layers")
    page.locator("canvas").nth(7).focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    field = computed([{k: v for k, v in layer.items() if k in ("kernel_size", "stride", "padding")}
                      for layer in STACKS["seven layers"]])[-1]  # fmt: skip
    inside = field.size + field.start
    assert f"sees 24 × 24 pixels, {inside} × {inside} of them inside the image." in said(page)


def test_a_stack_that_is_not_there_is_said():
    with pytest.raises(ValueError, match="stack='VGG' is none of conv, pool, conv; seven"):
        receptive_field("VGG")
