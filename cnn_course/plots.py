"""The look of the course's figures, and the figures that more than one chapter draws."""

import matplotlib.pyplot as plt

# Okabe & Ito's colours, told apart with every common kind of colour blindness, without their
# yellow, which is too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def use_course_style() -> None:
    """Set matplotlib's defaults for this session: the colours above, white ground, no clutter."""
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
