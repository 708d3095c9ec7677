"""The look of the course's figures."""

import sys
from io import BytesIO

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.image import AxesImage, BboxImage, FigureImage

# Okabe & Ito's colours, told apart with every common kind of colour blindness, without their
# yellow, which is too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARK = "#F5C45C"  # a ground on which black numbers are easy to read


def use_course_style() -> None:
    """Set matplotlib's defaults for this session: the colours above, white ground, no clutter.

    Settings of the reader's own, in a matplotlibrc, give way: the text speaks of these figures.
    In a notebook a figure is shown as a drawing (SVG), with the same as an image of pixels (PNG)
    for what shows no drawings; one that holds images is shown as PNG alone. An inch is 96 pixels
    of the page, and a PNG has twice as many.
    """
    plt.rcdefaults()
    plt.rcParams.update(
        {
            "axes.prop_cycle": plt.cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.dpi": 96,
            "figure.facecolor": "white",
            "font.size": 10,
            "image.cmap": "gray",
            "legend.frameon": False,
            "savefig.bbox": "tight",
            "svg.fonttype": "path",  # letters as shapes: alike on every machine
            "svg.hashsalt": "cnn_course",  # and the same names inside the file in every run
        }
    )
    ipython = sys.modules.get("IPython")  # where it runs, it has been imported
    if shell := ipython and ipython.get_ipython():
        formatters = shell.display_formatter.formatters
        formatters["image/svg+xml"].for_type(Figure, svg)
        formatters["image/png"].for_type(Figure, png)


def svg(figure: Figure) -> str | None:
    """The figure as SVG, the same text in every run; None if it holds images."""
    if figure.findobj(lambda part: isinstance(part, AxesImage | BboxImage | FigureImage)):
        return None
    buffer = BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return buffer.getvalue().decode()


def png(figure: Figure) -> tuple[bytes, dict[str, int]]:
    """The figure as PNG, and the width and height in pixels at which it is to be shown: half."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", dpi=2 * figure.dpi)
    data = buffer.getvalue()
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    return data, {"width": width // 2, "height": height // 2}
