"""Draw the appendix's picture of LeNet-5 as published, from the model.

Run from the project's root when the model or `draw_network` has changed:
python tools/draw_lenet5_1998.py
"""

from pathlib import Path

from cnn_course import plots
from cnn_course.models import LeNet5
from cnn_course.plots.style import svg

PICTURE = Path(__file__).parents[1] / "_static" / "lenet5_1998.svg"
NAMES = ("C1", "S2", "C3", "S4", "C5", "F6", "output")


def draw() -> str:
    plots.use_course_style()
    return svg(plots.draw_network(LeNet5.published(), (1, 28, 28), names=NAMES))


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
