"""The figures that chapters share: what is drawn is what the array holds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnn_course import plots


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_number_grid_writes_every_number_in_its_cell(ax):
    values = np.array([[1.0, -2.5, 0.0], [3.0, 4.0, 5.0]])
    plots.number_grid(ax, values)
    assert {t.get_position(): t.get_text() for t in ax.texts} == {
        (0, 0): "1", (1, 0): "−2.5", (2, 0): "0", (0, 1): "3", (1, 1): "4", (2, 1): "5",
    }  # fmt: skip
    assert not ax.patches


def test_number_grid_frames_shades_and_marks(ax):
    marked = np.zeros((4, 4), dtype=bool)
    marked[1, 2] = True
    plots.number_grid(ax, np.zeros((4, 4)), window=(1, 0, 3, 2), padding=1, marked=marked)
    *cells, frame = ax.patches
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((-0.5, 0.5), 2, 3)
    assert len(cells) == 12 + 1  # the rim of 4×4, and the marked cell
    assert [cell.get_xy() for cell in cells if cell.get_facecolor()[2] < 0.5] == [(1.5, 0.5)]
