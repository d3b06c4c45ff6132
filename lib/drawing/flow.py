"""Flow charts: boxes with texts, and arrows between them."""

from dataclasses import dataclass

import numpy as np
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Polygon

from lib import style


@dataclass(frozen=True)
class Box:
    """A box of a flow chart: its text, the centre (x, y), and what it is.

    `kind` is "step" (a rectangle), "decision" (a diamond), "end" (round ends) or "value" (an ellipse);
    `size` is (width, height) in the units of the axes.
    """

    text: str
    centre: tuple
    kind: str = "step"
    size: tuple = (1.6, 0.8)
    colour: str = "white"


@dataclass(frozen=True)
class Link:
    """An arrow from one box to another, by name, over the points `via`; `shift` moves it up.

    The text stands in the middle of its first part, above it, or below where `shift` is negative.
    """

    start: str
    end: str
    text: str = ""
    via: tuple = ()
    shift: float = 0.0
    colour: str = style.GREY


def draw_flow(ax, boxes, links):
    """Draw {name: Box} and a list of Links, in equal units on both axes; set the limits of the axes yourself.

    Raises KeyError for a link to a box that is not there. Thesis 3.2.4, Abb. 19.
    """
    for box in boxes.values():
        ax.add_patch(_outline(box))
        ax.text(*box.centre, box.text, ha="center", va="center", fontsize=9, zorder=4, linespacing=1.25)
    for link in links:
        _draw_link(ax, boxes[link.start], boxes[link.end], link)
    ax.set_aspect("equal")
    style.bare(ax)


def _outline(box):
    (x, y), (width, height) = box.centre, box.size
    look = {"facecolor": box.colour, "edgecolor": style.GREY, "linewidth": 0.9, "zorder": 3}
    if box.kind == "decision":
        corners = [(x - width / 2, y), (x, y + height / 2), (x + width / 2, y), (x, y - height / 2)]
        return Polygon(corners, **look)
    if box.kind == "value":
        return Ellipse(box.centre, width, height, **look)
    rounding = {"step": 0.08, "end": height / 2}[box.kind]
    shape = f"round,pad=0,rounding_size={rounding}"
    return FancyBboxPatch((x - width / 2, y - height / 2), width, height, boxstyle=shape, **look)


def _border(box, towards):
    """Return the point on the border of a box where a line from its centre to `towards` leaves it."""
    direction = np.subtract(towards, box.centre)
    share = np.abs(direction) / (np.array(box.size) / 2)
    length = {"decision": share.sum(), "value": np.hypot(*share)}.get(box.kind, share.max())
    return box.centre + direction / length


def _draw_link(ax, start, end, link):
    corners = [*link.via] or [end.centre]
    points = np.array([_border(start, corners[0]), *link.via, _border(end, [start.centre, *link.via][-1])])
    points[:, 1] += link.shift
    ax.plot(*points[:-1].T, color=link.colour, linewidth=0.9, solid_joinstyle="round")
    arrow = {"arrowstyle": "-|>", "mutation_scale": 8, "linewidth": 0.9, "color": link.colour}
    ax.add_patch(FancyArrowPatch(*points[-2:], shrinkA=0, shrinkB=0, **arrow))
    if link.text:
        x, y = points[:2].mean(axis=0)
        below = link.shift < 0
        place = {"ha": "center", "va": "top" if below else "bottom"}
        ax.text(
            x, y + (-0.06 if below else 0.06), link.text, color=link.colour, fontsize=8, zorder=5, **place
        )
