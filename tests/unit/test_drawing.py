import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, Rectangle

from lib import activations, style
from lib.drawing import curves, matrices, neurons


def new_axes():
    plt.close("all")
    return plt.figure().subplots()


def number(text):
    return float(text.replace("−", "-"))


# Matrices

small_matrices = arrays(
    float,
    array_shapes(min_dims=2, max_dims=2, max_side=4),
    elements=st.integers(-99, 99).map(lambda n: n / 10),
)


@given(small_matrices)
def test_matrix_shows_its_values_in_their_cells(values):
    ax = new_axes()
    matrices.draw_matrix(ax, values)
    for text in ax.texts:
        column, row = (int(position - 0.5) for position in text.get_position())
        assert number(text.get_text()) == values[row, column]
    assert len(ax.texts) == values.size


def test_matrix_without_texts_has_a_shaded_cell_for_every_value():
    ax = new_axes()
    matrices.draw_matrix(ax, [[0, 1, 2]], texts=False, shade=lambda value: str(value / 2), title="grey")
    assert [to_hex(cell.get_facecolor()) for cell in ax.patches] == ["#000000", "#808080", "#ffffff"]
    assert (len(ax.texts), ax.get_title()) == (0, "grey")


def test_first_row_of_a_matrix_is_at_the_top():
    ax = new_axes()
    matrices.draw_matrix(ax, np.zeros((3, 2)))
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


@pytest.mark.parametrize("fill", [False, True])
def test_frame_covers_the_cells_from_its_corner_on(fill):
    ax = new_axes()
    matrices.frame(ax, (1, 2), (3, 4), style.BLUE, fill=fill)
    for frame in ax.patches:
        assert isinstance(frame, Rectangle)
        assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((2, 1), 4, 3)


def test_arrow_goes_from_row_and_column_to_row_and_column():
    ax = new_axes()
    matrices.arrow(ax, (1, 2), (3, 5))
    (arrow,) = ax.patches
    assert isinstance(arrow, FancyArrowPatch)
    points = arrow.get_path().vertices
    assert points[0] == pytest.approx((2, 1))
    assert np.hypot(*(points - (5, 3)).T).min() < 0.1  # the tip, but for the width of its line


# Neurons

few_numbers = st.lists(st.tuples(*[st.integers(-30, 30).map(lambda n: n / 10)] * 2), min_size=1, max_size=5)


@given(few_numbers, st.integers(-20, 20).map(lambda n: n / 10))
def test_neuron_shows_the_sum_and_the_output_of_its_numbers(pairs, bias):
    inputs, weights = zip(*pairs, strict=True)
    ax = new_axes()
    neurons.draw_neuron(ax, inputs, weights, bias, activations.sigmoid)
    total = sum(x * w for x, w in pairs) + bias
    texts = [text.get_text() for text in ax.texts]
    shown = texts[texts.index(r"$\Sigma$") + 1].strip("$")
    assert float(shown) == pytest.approx(total, rel=1e-3, abs=1e-12)
    (output,) = (text for text in texts if text.startswith("$y = "))
    assert float(output[5:-1]) == pytest.approx(1 / (1 + np.exp(-total)), rel=1e-3)


def test_neuron_shows_its_inputs_weights_and_bias():
    ax = new_axes()
    neurons.draw_neuron(ax, [1.0, -2.5], [0.8, 0.4], 0.9, activations.relu)
    texts = {text.get_text() for text in ax.texts}
    assert {"$x_{1} = 1$", "$x_{2} = -2.5$", "$w_{1} = 0.8$", "$w_{2} = 0.4$", "$b = 0.9$"} <= texts


# Layers

KERNELS = [np.array([[1.0, -2.0, 3.0], [-0.5, 0.25, -4.0]]), np.array([[0.1], [-0.2], [0.3]])]


def drawn_network(kept=None):
    """Return the axes on which a Keras model with the weights of KERNELS is drawn."""
    model = keras.Sequential([keras.Input((2,)), *(keras.layers.Dense(len(kernel.T)) for kernel in KERNELS)])
    for layer, kernel in zip(model.layers, KERNELS, strict=True):
        layer.set_weights([kernel, np.zeros(len(kernel.T))])
    ax = new_axes()
    neurons.draw_dense_layers(ax, model, ["input", "hidden", "output"], kept)
    return ax


@pytest.fixture
def network():
    """Return the axes of the whole network."""
    return drawn_network()


WEIGHTS = np.concatenate([kernel.ravel() for kernel in KERNELS])


def edges_and_nodes(ax):
    edges, nodes = ax.collections
    return edges, nodes


def weight_of_each_edge(edges):
    """Return the weight between the neurons that each drawn edge joins, found by where it starts and ends."""
    sizes = [2, 3, 1]
    weights = []
    for (x, y), (_, other_y) in edges.get_segments():
        layer = round(x)
        source, target = (round((sizes[n] - 1) / 2 - at) for n, at in ((layer, y), (layer + 1, other_y)))
        weights.append(KERNELS[layer][source, target])
    return np.array(weights)


def test_network_has_an_edge_for_every_weight(network):
    edges, _ = edges_and_nodes(network)
    assert sorted(weight_of_each_edge(edges)) == sorted(WEIGHTS)


def test_network_has_a_circle_for_every_neuron(network):
    _, nodes = edges_and_nodes(network)
    assert len(nodes.get_offsets()) == 2 + 3 + 1


def test_positive_weights_are_blue_and_negative_ones_orange(network):
    edges, _ = edges_and_nodes(network)
    colours = [to_hex(colour).upper() for colour in edges.get_colors()]
    expected = [style.BLUE if weight > 0 else style.VERMILLION for weight in weight_of_each_edge(edges)]
    assert colours == expected


def test_an_edge_is_as_wide_as_its_weight_is_large(network):
    edges, _ = edges_and_nodes(network)
    by_weight = np.argsort(np.abs(weight_of_each_edge(edges)))
    assert (np.diff(np.array(edges.get_linewidths())[by_weight]) > 0).all()


def test_layers_have_their_names_and_sizes(network):
    assert [text.get_text() for text in network.texts] == ["input", "2", "hidden", "3", "output", "1"]


def test_a_dropped_unit_is_crossed_out_and_takes_its_weights_with_it():
    ax = drawn_network([[True, False], [True, True, False], [True]])
    edges, _, crosses = ax.collections
    assert sorted(weight_of_each_edge(edges)) == sorted([1.0, -2.0, 0.1, -0.2])
    assert {tuple(place) for place in crosses.get_offsets()} == {(0, -0.5), (1, -1)}
    assert [text.get_text() for text in ax.texts][1::2] == ["1", "2", "1"]


def test_kept_units_of_other_layers_are_refused():
    with pytest.raises(ValueError, match=r"The layers have \[2, 3, 1\] units, `kept` has \[2, 3\]"):
        drawn_network([[True] * 2, [True] * 3])


# Curves

X = np.linspace(-6, 6, 481)
SIGMOID = {"sigmoid": activations.sigmoid(X)}, {"sigmoid": activations.sigmoid_gradient(X)}


def test_function_is_drawn_beside_its_derivative():
    fig, _ = curves.draw_function(X, *SIGMOID)
    for ax, values in zip(fig.axes, SIGMOID, strict=True):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), values["sigmoid"])


def test_no_line_is_drawn_across_the_jump_of_a_function():
    fig, _ = curves.draw_function(
        X, {"step": activations.binary_step(X)}, {"step": activations.binary_step_gradient(X)}, jump=0
    )
    lines = [line for line in fig.axes[0].lines if line.get_linestyle() == "-" and line.get_color() == "C0"]
    assert [set(line.get_ydata()) for line in lines] == [{0}, {1}]


def test_numbers_of_functions_are_in_long_form():
    _, numbers = curves.draw_function(X, {"a": X, "b": -X}, {"a": 0 * X + 1, "b": 0 * X - 1})
    assert list(numbers.columns) == ["x", "curve", "value", "gradient"]
    assert numbers.groupby("curve")["gradient"].unique().to_dict() == {"a": [1], "b": [-1]}


def test_background_is_shaded_where_the_gradient_vanishes():
    fig, _ = curves.draw_function(X, *SIGMOID, vanishing=0.05)
    (shading,) = fig.axes[0].collections
    inner_edges = sorted({abs(x) for path in shading.get_paths() for x, _ in path.vertices})
    assert inner_edges[0] == pytest.approx(X[(X > 0) & (SIGMOID[1]["sigmoid"] < 0.05)].min())
    assert inner_edges[-1] == 6


def test_only_several_functions_have_a_legend():
    one, _ = curves.draw_function(X, *SIGMOID)
    two, _ = curves.draw_function(X, {"a": X, "b": -X}, {"a": X, "b": -X})
    assert [fig.axes[0].get_legend() is not None for fig in (one, two)] == [False, True]


def test_names_at_the_ends_of_curves_do_not_overlap():
    ax = new_axes()
    for index in range(4):
        ax.plot([0, 1], [0, 0.5 + 0.01 * index], label=f"curve {index}")
    curves.name_curves(ax, gap=0.1)
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert list(heights) == ["curve 0", "curve 1", "curve 2", "curve 3"]
    assert (np.diff(list(heights.values())) >= 0.1 - 1e-9).all()


def test_a_name_has_the_colour_of_its_curve():
    ax = new_axes()
    ax.plot([0, 1], [1, 0], color=style.GREEN, label="error")
    curves.name_curves(ax)
    assert [(text.get_text(), text.get_color()) for text in ax.texts] == [("error", style.GREEN)]


def test_a_spread_is_the_mean_in_a_band_from_the_smallest_to_the_largest():
    frame = pd.DataFrame({"rate": 0.1, "epoch": [1, 2, 1, 2], "loss": [4.0, 2.0, 2.0, 1.0]})
    ax = new_axes()
    curves.draw_spread(ax, frame, "epoch", "loss", "rate")
    (line,), (band,) = ax.get_lines(), ax.collections
    assert line.get_label() == "0.1"
    np.testing.assert_array_equal(line.get_xydata(), [[1, 3], [2, 1.5]])
    assert {tuple(corner) for corner in band.get_paths()[0].vertices} == {(1, 2), (1, 4), (2, 1), (2, 2)}
