"""The look of the course's figures."""

import matplotlib.pyplot as plt

# Okabe & Ito's colours, told apart with every common kind of colour blindness, without their
# yellow, which is too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARK = "#F5C45C"  # a ground on which black numbers are easy to read


def use_course_style() -> None:
    """Set matplotlib's defaults for this session: the colours above, white ground, no clutter.

    Settings of the reader's own, in a matplotlibrc, give way: the text speaks of these figures.
    """
    plt.rcdefaults()
    plt.rcParams.update(
        {
            "axes.prop_cycle": plt.cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "font.size": 10,
            "image.cmap": "gray",
            "legend.frameon": False,
            "savefig.bbox": "tight",
        }
    )
