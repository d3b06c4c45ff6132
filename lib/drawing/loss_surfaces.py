"""The loss over two parameters as a map with lines of equal loss, and paths on it."""

import numpy as np


def draw_surface(ax, loss, x, y, levels=12):
    """Draw loss([x, y]), a number for two parameters, over the values x and y, darker where it is low."""
    heights = np.array([[loss(np.array([across, up])) for across in x] for up in y])
    steps = np.geomspace(heights.min() * 1.005, heights.max(), levels)
    ax.contourf(x, y, heights, levels=[0, *steps], cmap="Greys_r", vmin=-heights.max() / 2, extend="max")
    ax.contour(x, y, heights, levels=steps, colors="white", linewidths=0.5)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))


def draw_path(ax, path, colour, name=None, dots=True):
    """Draw a path of parameters, (steps + 1, 2), over a surface: a ring where it starts, a disc where it ends."""
    path = np.asarray(path)
    marker = {"marker": ".", "markersize": 3} if dots else {}
    ax.plot(*path.T, color=colour, linewidth=1 if dots else 0.6, label=name or "_path", **marker)
    ax.plot(*path[0], "o", color=colour, markerfacecolor="white", markersize=5, zorder=3)
    ax.plot(
        *path[-1], "o", color=colour, markeredgecolor="white", markeredgewidth=0.8, markersize=5, zorder=3
    )
