import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon, Rectangle

from lib.drawing import filter_pruning


@pytest.fixture
def drawn():
    ax = plt.figure().subplots()
    filter_pruning.draw_removal(ax, [3, 4, 5], {1: [1]})
    return ax


def coloured(ax, kind):
    patches = [patch for patch in ax.patches if isinstance(patch, kind)]
    return sum(to_hex(patch.get_facecolor()).upper() == filter_pruning.REMOVED for patch in patches), len(
        patches
    )


def test_a_filter_takes_its_kernels_and_those_that_look_at_its_map(drawn):
    assert coloured(drawn, Rectangle) == (3 + 5, 3 * 4 + 4 * 5)


def test_a_filter_takes_its_map(drawn):
    assert coloured(drawn, Polygon) == (1, 3 + 4 + 5)


def test_every_part_has_its_name(drawn):
    assert [text.get_text() for text in drawn.texts] == [
        "input",
        "filters 1",
        "maps 1",
        "filters 2",
        "maps 2",
    ]
