"""What goes when a filter goes: maps and kernels of two layers, drawn as stacks and grids. Thesis 4.1, Abb. 22."""

import numpy as np
from matplotlib.patches import FancyArrowPatch, Rectangle

from lib import style

KEPT, REMOVED = "#CFE3F0", "#F2B999"


def draw_removal(ax, widths, removed):
    """Draw a chain of layers with `widths` maps, from the input on, in which filters are removed.

    `removed` is {number of the layer, from 1: indices of its removed filters}. Between two stacks of maps
    stands the grid of kernels: a column for each filter, a row for each map that it looks at. What goes is coloured.
    Thesis 4.1, Abb. 22; Li et al. 2017, Figure 1.
    """
    x, height = 0.0, max(widths)
    for layer, width in enumerate(widths):
        gone = removed.get(layer, ())
        _draw_maps(ax, x, width, height, gone)
        ax.text(x + 0.75, height + 0.75, f"maps {layer}" if layer else "input", ha="center", fontsize=8)
        if layer + 1 == len(widths):
            break
        grid = x + 2.6
        following = removed.get(layer + 1, ())
        _draw_kernels(ax, grid, width, widths[layer + 1], height, gone, following)
        ax.text(grid + widths[layer + 1] / 2, height + 0.75, f"filters {layer + 1}", ha="center", fontsize=8)
        end = grid + widths[layer + 1]
        for start, stop in ((x + 1.7, grid - 0.25), (end + 0.25, end + 0.95)):
            arrow = {"arrowstyle": "-|>", "mutation_scale": 8, "color": style.GREY, "linewidth": 0.9}
            ax.add_patch(
                FancyArrowPatch((start, height / 2), (stop, height / 2), shrinkA=0, shrinkB=0, **arrow)
            )
        x = end + 1.1
    ax.set(xlim=(-0.2, x + 1.8), ylim=(-0.3, height + 1.3), aspect="equal")
    style.bare(ax)


def _draw_maps(ax, x, width, height, gone):
    """Draw a stack of maps, the first on top, as parallelograms; those that are gone in another colour."""
    for index in range(width):
        y = height / 2 + width / 2 - 1 - index
        colour = REMOVED if index in gone else KEPT
        corners = np.array([(x, y + 0.1), (x + 1.1, y + 0.1), (x + 1.5, y + 0.75), (x + 0.4, y + 0.75)])
        ax.fill(*corners.T, facecolor=colour, edgecolor=style.GREY, linewidth=0.7)


def _draw_kernels(ax, x, rows, columns, height, gone_rows, gone_columns):
    """Draw the kernels of a layer as a grid of squares, (maps it looks at) x (its filters)."""
    for row in range(rows):
        for column in range(columns):
            gone = row in gone_rows or column in gone_columns
            y = height / 2 + rows / 2 - 1 - row
            look = {"facecolor": REMOVED if gone else KEPT, "edgecolor": style.GREY, "linewidth": 0.7}
            ax.add_patch(Rectangle((x + column, y), 1, 1, **look))
