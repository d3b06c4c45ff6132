"""Matrices as grids of cells with their numbers, and frames around parts of them."""

import numpy as np
from matplotlib.patches import FancyArrowPatch, Rectangle

from lib import style


def draw_matrix(ax, values, *, shade=None, texts=True, title=None):
    """Draw a matrix with element (0, 0) at the top left, one unit a cell.

    `values` is (rows, columns); `shade` maps a value to a colour (white without it). Element
    (r, c) fills the square from (c, r) to (c + 1, r + 1), so that frame() and arrow() can point at it.
    """
    rows, columns = np.shape(values)
    for (row, column), value in np.ndenumerate(values):
        colour = shade(value) if shade else "white"
        ax.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="#A0A0A0", linewidth=0.5))
        if texts:
            ax.text(
                column + 0.5,
                row + 0.5,
                f"{value:.3g}".replace("-", "−"),
                ha="center",
                va="center",
                fontsize=8,
            )
    ax.set(xlim=(-0.1, columns + 0.1), ylim=(rows + 0.1, -0.1), aspect="equal")
    if title:
        ax.set_title(title)
    style.bare(ax)


def frame(ax, corner, shape, colour, fill=False):
    """Frame the cells from `corner` (row, column) on that a filter of `shape` (rows, columns) covers."""
    ax.add_patch(
        Rectangle(
            corner[::-1],
            *shape[::-1],
            facecolor=colour if fill else "none",
            alpha=0.18 if fill else 1,
            zorder=3,
        )
    )
    ax.add_patch(Rectangle(corner[::-1], *shape[::-1], fill=False, edgecolor=colour, linewidth=1.8, zorder=4))


def arrow(ax, start, end, colour=style.GREY):
    """Draw an arrow from one point (row, column) to another."""
    ax.add_patch(
        FancyArrowPatch(
            start[::-1],
            end[::-1],
            arrowstyle="-|>",
            mutation_scale=9,
            color=colour,
            linewidth=1.4,
            shrinkA=0,
            shrinkB=0,
            zorder=5,
        )
    )
