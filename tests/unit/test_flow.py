import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from lib.drawing import flow, loss_surfaces


@pytest.fixture
def ax():
    plt.close("all")
    return plt.figure().subplots()


BOXES = {
    "start": flow.Box("begin", (0, 0), "end", (2, 1)),
    "step": flow.Box("do it", (4, 0), "step", (2, 1)),
    "question": flow.Box("done?", (8, 0), "decision", (2, 1)),
    "value": flow.Box("$x$", (12, 0), "value", (2, 1)),
}


def test_every_box_shows_its_text_at_its_centre(ax):
    flow.draw_flow(ax, BOXES, [])
    assert {text.get_text(): text.get_position() for text in ax.texts} == {
        box.text: box.centre for box in BOXES.values()
    }


@pytest.mark.parametrize(
    ("start", "end", "left", "right"), [("start", "step", 1, 3), ("question", "value", 9, 11)]
)
def test_a_straight_arrow_goes_from_border_to_border(ax, start, end, left, right):
    flow.draw_flow(ax, BOXES, [flow.Link(start, end)])
    (arrow,) = (patch for patch in ax.patches if isinstance(patch, FancyArrowPatch))
    (tail, *_), (tip, *_) = arrow._posA_posB
    assert (tail, tip) == (left, right)


def test_an_arrow_back_passes_its_corners(ax):
    flow.draw_flow(ax, BOXES, [flow.Link("question", "step", via=((8, -2), (4, -2)))])
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [(8, -0.5), (8, -2), (4, -2)])


def test_a_link_to_no_box_is_refused(ax):
    with pytest.raises(KeyError, match="nowhere"):
        flow.draw_flow(ax, BOXES, [flow.Link("start", "nowhere")])


def test_a_text_stands_on_the_side_to_which_its_arrow_is_shifted(ax):
    links = [flow.Link("start", "step", "there", shift=0.1), flow.Link("step", "start", "back", shift=-0.1)]
    flow.draw_flow(ax, BOXES, links)
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert heights["there"] > 0.1 > -0.1 > heights["back"]


def test_a_path_starts_with_a_ring_and_ends_with_a_disc(ax):
    loss_surfaces.draw_path(ax, [(0, 0), (1, 1), (2, 0)], "#0072B2", "SGD")
    line, ring, disc = ax.lines
    assert (line.get_label(), ring.get_xydata().tolist(), disc.get_xydata().tolist()) == (
        "SGD",
        [[0, 0]],
        [[2, 0]],
    )


def test_a_surface_spans_the_values_of_its_parameters(ax):
    loss_surfaces.draw_surface(ax, lambda p: 1 + p @ p, np.linspace(-1, 2, 5), np.linspace(-3, 3, 5))
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-1, 2, -3, 3)
