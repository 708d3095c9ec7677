"""The figures that chapters share: what is drawn is what the array holds."""

import re
import struct
from types import SimpleNamespace

import IPython
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

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
    assert not ax.images  # which would make the whole figure one of pixels
    (mesh,) = ax.collections
    assert np.array_equal(mesh.get_array(), values)
    assert ax.yaxis_inverted()  # row 0 is the uppermost


def test_several_number_grids_share_one_picture(ax):
    plots.number_grid(ax, np.ones((2, 2)))
    plots.number_grid(ax, np.ones((1, 2)), at=(3, 5), window=(0, 1, 1, 1), digits=1, size=7)
    places = [text.get_position() for text in ax.texts]
    assert places == [(0, 0), (1, 0), (0, 1), (1, 1), (5, 3), (6, 3)]
    assert [text.get_text() for text in ax.texts[-2:]] == ["1.0", "1.0"]
    assert ax.texts[-1].get_fontsize() == 7
    assert ax.patches[-1].get_xy() == (5.5, 2.5)
    assert ax.yaxis_inverted()  # rows count downwards
    (left, right), (below, above) = ax.get_xlim(), ax.get_ylim()
    assert left <= -0.5
    assert right >= 6.5
    assert below >= 3.5
    assert above <= -0.5


def test_the_larger_the_darker(ax):
    plots.number_grid(ax, np.array([[0.0, 1.0]]))
    plots.number_grid(ax, np.array([[0.0, 1.0]]), at=(1, 0), cmap="Reds")
    plots.number_grid(ax, np.array([[-1.0, 0.0]]), at=(2, 0), cmap="PuOr_r")
    lows = [mesh.norm.vmin for mesh in ax.collections]
    assert lows == [0, 0, -2]
    assert [mesh.norm.vmax for mesh in ax.collections] == [2, 2, 2]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (3, None, "3"), (-2.5, None, "−2.5"), (-0.0, None, "0"), (-0.04, 1, "0.0"),
        (-0.06, 1, "−0.1"), (0.5, 2, "0.50"), (float("nan"), None, "?"), (float("nan"), 2, "?"),
    ],
)  # fmt: skip
def test_numbers_in_figures_have_a_real_minus(value, digits, text):
    assert plots.number_text(value, digits) == text


def test_what_is_not_known_yet_is_a_question_mark(ax):
    plots.number_grid(ax, np.array([[7.0, np.nan]]))
    assert [text.get_text() for text in ax.texts] == ["7", "?"]


def test_number_grid_frames_shades_and_marks(ax):
    marked = np.zeros((4, 4), dtype=bool)
    marked[1, 2] = True
    plots.number_grid(ax, np.zeros((4, 4)), window=(1, 0, 3, 2), padding=1, marked=marked)
    *cells, frame = ax.patches
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((-0.5, 0.5), 2, 3)
    assert len(cells) == 12 + 1  # the rim of 4×4, and the marked cell
    assert [cell.get_xy() for cell in cells if cell.get_facecolor()[2] < 0.5] == [(1.5, 0.5)]


# ------------------------------------------------------------------ how figures reach a notebook


@pytest.fixture
def shown(monkeypatch):
    """What a notebook stores of a figure: its data by MIME type, and what it says of each."""
    formatter = DisplayFormatter()
    shell = SimpleNamespace(display_formatter=formatter)
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    with plt.rc_context():
        plots.use_course_style()
        yield formatter.format


def draw(figsize=(3, 2)):
    figure, ax = plt.subplots(figsize=figsize, layout="constrained")
    ax.plot(np.arange(3), label="a line")
    ax.legend()
    ax.set_title("Größe ≈ 3")
    return figure, ax


def test_a_drawing_is_shown_as_svg_with_a_png_of_twice_the_size(shown):
    figure, _ = draw()
    data, says = shown(figure)
    plt.close(figure)
    assert set(data) == {"image/svg+xml", "image/png", "text/plain"}
    assert "<text" not in data["image/svg+xml"]  # letters are shapes
    width, height = struct.unpack(">II", data["image/png"][16:24])
    assert says["image/png"] == {"width": width // 2, "height": height // 2}
    points = float(re.search(r'width="([\d.]+)pt"', data["image/svg+xml"])[1])
    assert says["image/png"]["width"] == pytest.approx(points * 96 / 72, abs=1)
    assert 3 * 96 <= says["image/png"]["width"] <= 3 * 96 + 20  # and a small margin


def test_two_runs_draw_the_same_svg(shown):
    drawings = set()
    for _ in range(2):
        figure, ax = draw()
        ax.axhspan(0, 1, clip_on=True)
        drawings.add(shown(figure)[0]["image/svg+xml"])
        plt.close(figure)
    (drawing,) = drawings
    assert "<dc:date>" not in drawing


@pytest.mark.parametrize(
    "add",
    [
        lambda figure, ax: ax.imshow(np.eye(3)),
        lambda figure, ax: figure.figimage(np.eye(3)),
        lambda figure, ax: ax.add_artist(AnnotationBbox(OffsetImage(np.eye(3)), (0.5, 0.5))),
    ],
    ids=["imshow", "figimage", "picture in a point"],
)
def test_a_figure_with_images_is_shown_as_png_alone(shown, add):
    figure, ax = draw()
    add(figure, ax)
    data, _ = shown(figure)
    plt.close(figure)
    assert set(data) == {"image/png", "text/plain"}


def test_outside_a_notebook_the_style_is_set_and_nothing_else(monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    with plt.rc_context():
        plots.use_course_style()
        assert plt.rcParams["figure.dpi"] == 96
