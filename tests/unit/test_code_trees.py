"""Drawings of prefix codes."""

import matplotlib.pyplot as plt
import pytest

from lib.drawing.code_trees import draw_code_tree


def test_leaves_bear_their_codes_and_the_root_all_counts():
    _, ax = plt.subplots()
    draw_code_tree(ax, {"a": "0", "b": "10", "c": "11"}, {"a": 5, "b": 2, "c": 1})
    texts = [text.get_text() for text in ax.texts]
    assert {r"$\mathrm{a}$" "\n0", r"$\mathrm{c}$" "\n11", "8", "3"} <= set(texts)


def test_a_code_that_is_the_start_of_another_is_refused():
    with pytest.raises(ValueError, match="no code is the start"):
        draw_code_tree(plt.figure().gca(), {"a": "1", "b": "10"}, {"a": 1, "b": 1})
