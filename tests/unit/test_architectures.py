import keras
import matplotlib.pyplot as plt
import pytest
from keras import layers

from lib.drawing import architectures


@pytest.fixture
def ax():
    plt.close("all")
    return plt.figure().subplots()


def residual(blocks=3, filters=8):
    """A network of equal blocks of two convolutions, each with a shortcut around it."""
    inputs = keras.Input((16, 16, 8), name="input")
    maps = inputs
    for number in range(1, blocks + 1):
        start = maps
        for convolution in (1, 2):
            name = f"block_{number}.conv{convolution}"
            maps = layers.Conv2D(filters, 3, padding="same", name=name)(maps)
            maps = layers.BatchNormalization(name=f"{name}_normalization")(maps)
            maps = layers.ReLU(name=f"block_{number}.relu{convolution}")(maps)
        maps = layers.Add(name=f"block_{number}.add")([maps, start])
    return keras.Model(inputs, layers.Dense(3, name="dense")(layers.Flatten(name="flatten")(maps)))


def shown(graph):
    return [step.text for _, step in graph.nodes(data="step")]


def test_normalisation_and_activation_are_part_of_their_convolution():
    graph = architectures.steps(residual(1))
    assert shown(graph) == ["input", "conv 3×3, 8", "conv 3×3, 8", "+", "dense 3"]
    assert graph.nodes["block_1.conv1"]["step"].after == "relu"


def test_an_activation_behind_a_fork_belongs_to_the_step_that_follows():
    inputs = keras.Input((8, 8, 4), name="input")
    maps = layers.Conv2D(4, 3, padding="same", name="conv")(layers.ReLU(name="relu")(inputs))
    graph = architectures.steps(keras.Model(inputs, layers.Add(name="add")([maps, inputs])))
    assert graph.nodes["conv"]["step"].before == "relu"
    assert set(graph.edges) == {("input", "conv"), ("conv", "add"), ("input", "add")}


def test_a_sequential_model_begins_with_its_input():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, 2, name="conv")])
    graph = architectures.steps(model)
    assert [(step.text, step.shape) for _, step in graph.nodes(data="step")] == [
        ("input", (8, 8, 3)),
        ("conv 3×3, 4, /2", (3, 3, 4)),
    ]
    assert list(graph.edges) == [("input", "conv")]


def test_an_unknown_layer_shows_the_name_of_its_class():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.UnitNormalization(name="unit")])
    assert shown(architectures.steps(model)) == ["input", "unit normalization"]


def test_equal_blocks_are_folded_into_one_that_says_how_many():
    graph = architectures.folded(architectures.steps(residual(3)))
    assert [name for name in graph if "." in name] == ["block_1.conv1", "block_1.conv2", "block_1.add"]
    assert graph.nodes["block_1.add"]["step"].times == 3
    assert list(graph.successors("block_1.add")) == ["dense"]


def test_blocks_that_differ_are_not_folded():
    inputs = keras.Input((16, 16, 8), name="input")
    maps = inputs
    for number, filters in enumerate([4, 4, 6]):
        maps = layers.Conv2D(filters, 3, padding="same", name=f"block_{number}.a")(maps)
        maps = layers.Conv2D(filters, 1, name=f"block_{number}.b")(maps)
    graph = architectures.folded(architectures.steps(keras.Model(inputs, maps)))
    times = {name: step.times for name, step in graph.nodes(data="step")}
    assert times == {"input": 1, "block_0.a": 2, "block_0.b": 2, "block_2.a": 1, "block_2.b": 1}


def test_a_collapsed_block_is_one_box_beside_its_sum():
    graph = architectures.collapsed(architectures.steps(residual(2)))
    assert shown(graph) == ["input", "block 1, 8", "+", "block 2, 8", "+", "dense 3"]
    assert ("input", "block_1.add") in graph.edges


def test_the_longest_path_stands_in_one_line_and_the_steps_below_each_other(ax):
    places = architectures.draw(ax, architectures.steps(residual(2)))
    assert len({x for x, _ in places.values()}) == 1
    assert [y for _, y in places.values()] == sorted((y for _, y in places.values()), reverse=True)


def test_branches_stand_side_by_side(ax):
    inputs = keras.Input((8, 8, 3), name="input")
    branches = [layers.Conv2D(4, size, padding="same", name=f"conv{size}")(inputs) for size in (1, 3, 5)]
    model = keras.Model(inputs, layers.Concatenate(name="joined")(branches))
    places = architectures.draw(ax, architectures.steps(model))
    (xs, ys) = zip(*(places[f"conv{size}"] for size in (1, 3, 5)), strict=True)
    assert (len(set(xs)), len(set(ys))) == (3, 1)


def test_a_block_can_begin_a_new_column(ax):
    places = architectures.draw(ax, architectures.steps(residual(2)), columns=["block_2"])
    assert places["block_2.conv1"][0] > places["block_1.conv1"][0]
    assert places["block_2.conv1"][1] == places["input"][1]


def test_a_column_that_two_steps_feed_is_refused(ax):
    inputs = keras.Input((4,), name="input")
    first, second = (layers.Dense(4, name=f"first_{number}")(inputs) for number in (1, 2))
    last = layers.Concatenate(name="last")([first, second])
    graph = architectures.steps(keras.Model(inputs, last))
    with pytest.raises(ValueError, match="The column that begins with 'last' is fed by more than one step"):
        architectures.draw(ax, graph, columns=["last"])


def test_the_drawing_shows_every_step_and_the_sizes_that_change(ax):
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.MaxPooling2D(2, name="pool"), layers.Dense(3)])
    architectures.draw(ax, architectures.steps(model))
    assert [text.get_text() for text in ax.texts] == ["input", "8×8×3", "max 2×2, /2", "4×4×3", "dense 3"]
