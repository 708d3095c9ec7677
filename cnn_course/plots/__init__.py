"""The look of the course's figures, and the figures that more than one chapter draws."""

from cnn_course.plots.grids import number_grid, number_text
from cnn_course.plots.networks import draw_network
from cnn_course.plots.style import COLOURS, MARK, use_course_style

__all__ = ["COLOURS", "MARK", "draw_network", "number_grid", "number_text", "use_course_style"]
