"""Functions of one variable beside their derivatives, and names at the ends of curves."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lib import style


def draw_function(x, functions, gradients, vanishing=None, jump=None):
    """Draw functions (a) and their derivatives (b) over x, in one colour a name.

    `functions` and `gradients` are {name: values at x}; where all gradients are smaller than
    `vanishing`, the background is shaded. at `jump` curves may jump. Returns the figure, and the numbers as a long frame with
    the columns x, curve, value, gradient. Thesis 3.1.3, Abb. 5 to 15.
    """
    fig, axes = plt.subplots(1, 2, figsize=style.size(1, 0.33))
    for ax, curves, title in zip(
        axes, (functions, gradients), ("(a) function", "(b) derivative"), strict=True
    ):
        for index, (name, values) in enumerate(curves.items()):
            if jump is None:
                ax.plot(x, values, color=f"C{index}", label=name)
            else:
                _draw_broken(ax, x, values, f"C{index}", name, jump)
        ax.axhline(0, color=style.GREY, linewidth=0.5, zorder=0)
        ax.set(title=title, xlabel="$x$", xlim=(x[0], x[-1]))
    if vanishing is not None:
        flat = np.all([np.abs(values) < vanishing for values in gradients.values()], axis=0)
        for ax in axes:
            ax.fill_between(
                x, 0, 1, where=flat, transform=ax.get_xaxis_transform(), color=style.LIGHT, zorder=-1
            )
    if len(functions) > 1:
        axes[0].legend(loc="upper left")
    frames = [
        pd.DataFrame({"x": x, "curve": name, "value": functions[name], "gradient": gradients[name]})
        for name in functions
    ]
    return fig, pd.concat(frames, ignore_index=True)


def _draw_broken(ax, x, values, colour, name, jump):
    """Draw a curve; where it jumps it is broken, with a full circle at the end that holds there."""
    before, after = x < jump, x > jump
    ends = values[before][-1], values[after][0]
    if abs(ends[1] - ends[0]) < 0.1:
        ax.plot(x, values, color=colour, label=name)
        return
    ax.plot(x[before], values[before], color=colour, label=name)
    ax.plot(x[after], values[after], color=colour)
    ax.plot([jump, jump], ends, "o", color=colour, markersize=4, markerfacecolor="white")
    ax.plot(x[x == jump], values[x == jump], "o", color=colour, markersize=4)


def name_curves(ax, gap=0.065):
    """Write the label of every line of an axes at its right end, in its colour.

    Names that would overlap are moved apart to `gap`, a fraction of the axes' height; set the limits first.
    """
    lines = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    to_fraction = ax.transData + ax.transAxes.inverted()
    ends = [to_fraction.transform((line.get_xdata()[-1], line.get_ydata()[-1])) for line in lines]
    order = np.argsort([height for _, height in ends])
    lowest = -np.inf
    for index in order:
        x, height = ends[index]
        lowest = max(height, lowest + gap)
        ax.text(
            x + 0.012,
            lowest,
            lines[index].get_label(),
            transform=ax.transAxes,
            color=lines[index].get_color(),
            va="center",
            fontsize=8,
        )


def draw_spread(ax, frame, x, y, by, first_colour=0, marker=None):
    """Draw the mean of `y` over `x` for each setting of `by`, in a band from the smallest to the largest seed.

    `frame` is long, one row a seed, setting and `x`. The lines are labelled with their setting, for name_curves.
    """
    for index, (setting, group) in enumerate(frame.groupby(by, sort=False), first_colour):
        spread = group.groupby(x)[y].agg(["mean", "min", "max"])
        name = setting if isinstance(setting, str) else f"{setting:g}"
        ax.plot(spread.index, spread["mean"], marker=marker, markersize=4, color=f"C{index}", label=name)
        ax.fill_between(
            spread.index, spread["min"], spread["max"], color=f"C{index}", alpha=0.18, linewidth=0
        )
