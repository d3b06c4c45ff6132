import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from lib import training
from lib.compression import filter_pruning

IMAGES = np.random.default_rng(0).normal(size=(5, 12, 12, 2)).astype("float32")


def seeded(model, seed=0):
    """Weights and the statistics of normalisation as a trained network has them: none is zero."""
    training.seeded(model, seed)
    generator = np.random.default_rng(seed)
    for variable in model.variables:
        if len(variable.shape) == 1 and "seed" not in variable.path:
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    return model


def chain(*middle, classes=3):
    head = [layers.Flatten(name="flat"), layers.Dense(classes, activation="softmax", name="out")]
    return seeded(keras.Sequential([keras.Input((12, 12, 2)), *middle, *head]))


def network(activation="relu"):
    return chain(
        layers.Conv2D(6, 3, activation=activation, name="first"),
        layers.BatchNormalization(name="norm"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Conv2D(5, 3, padding="same", use_bias=False, name="second"),
        layers.BatchNormalization(name="norm2"),
        layers.Activation(activation, name="act"),
        layers.Dropout(0.3, name="drop"),
    )


def test_the_norm_is_over_all_weights_of_a_filter():
    filters = np.random.default_rng(0).normal(size=(3, 2, 4, 7))
    expected = [np.abs(filters[:, :, :, number]).sum() for number in range(7)]
    np.testing.assert_allclose(filter_pruning.l1_norms(filters), expected)


@settings(max_examples=6)
@given(st.sets(st.integers(0, 5), min_size=1), st.sets(st.integers(0, 4), min_size=1))
def test_the_smaller_model_computes_what_the_silenced_one_does(first, second):
    model = network("sigmoid")  # which is not zero at zero
    kept = {"first": sorted(first), "second": sorted(second)}
    smaller = filter_pruning.without_filters(model, kept)
    assert filter_pruning.convolutions(smaller) == {"first": len(first), "second": len(second)}
    expected = filter_pruning.silenced(model, kept)(IMAGES)
    np.testing.assert_allclose(smaller(IMAGES), expected, atol=1e-5)


def test_all_filters_kept_is_the_same_model():
    model = network()
    same = filter_pruning.without_filters(model, {"first": range(6)})
    np.testing.assert_array_equal(same(IMAGES), model(IMAGES))


def test_the_shapes_really_shrink():
    smaller = filter_pruning.without_filters(network(), {"first": [0, 3], "second": [1, 2, 4]})
    shapes = {name: tuple(smaller.get_layer(name).kernel.shape) for name in ("first", "second", "out")}
    assert shapes == {"first": (3, 3, 2, 2), "second": (3, 3, 2, 3), "out": (75, 3)}
    assert smaller.get_layer("norm").gamma.shape == (2,)


@pytest.mark.parametrize(
    "middle",
    [
        [layers.GlobalAveragePooling2D(name="global")],
        [layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")],
        [layers.AveragePooling2D(2, name="average"), layers.LeakyReLU(name="leaky")],
        [layers.ZeroPadding2D(1, name="zeros"), layers.SpatialDropout2D(0.2, name="drop")],
        [layers.Dense(4, name="pointwise")],
    ],
    ids=lambda middle: middle[0].name,
)
def test_maps_are_followed_through(middle):
    copies = [type(layer).from_config(layer.get_config()) for layer in middle]
    model = chain(layers.Conv2D(6, 3, name="first"), *copies)
    kept = {"first": [1, 2, 5]}
    smaller, expected = filter_pruning.without_filters(model, kept), filter_pruning.silenced(model, kept)
    np.testing.assert_allclose(smaller(IMAGES), expected(IMAGES), atol=1e-5)
    assert smaller.count_params() < model.count_params()


def test_a_functional_chain_will_do():
    inputs = keras.Input((12, 12, 2))
    maps = layers.Conv2D(4, 3, name="first")(inputs)
    outputs = layers.Dense(3, name="out")(layers.GlobalMaxPooling2D()(maps))
    model = seeded(keras.Model(inputs, outputs))
    kept = {"first": [0, 2]}
    np.testing.assert_allclose(
        filter_pruning.without_filters(model, kept)(IMAGES),
        filter_pruning.silenced(model, kept)(IMAGES),
        atol=1e-5,
    )


def test_the_model_itself_stays_as_it_was():
    model = network()
    before = model.get_weights()
    filter_pruning.silenced(model, {"first": [0]})
    filter_pruning.without_filters(model, {"first": [0]})
    for weights, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_independent_selection_takes_the_smallest_norms():
    model = network()
    kept = filter_pruning.select_independently(model, {"first": 2})["first"]
    norms = filter_pruning.l1_norms(model.get_layer("first").kernel.numpy())
    assert sorted(norms[kept]) == sorted(norms)[2:]


def test_greedy_selection_forgets_the_maps_that_are_gone():
    model = network()
    first, second = model.get_layer("first").kernel, model.get_layer("second").kernel
    first.assign(first.numpy() * np.array([1e-3, 1, 1, 1, 1, 1]))  # the map of filter 0 will go
    weights = np.ones(second.shape)
    weights[:, :, 1:, 3] = 0.5
    weights[:, :, 0, 3] = 100  # a large norm, by the map that goes
    second.assign(weights)
    remove = {"first": 1, "second": 1}
    assert 3 in filter_pruning.select_independently(model, remove)["second"]
    assert 3 not in filter_pruning.select_greedily(model, remove)["second"]


def test_greedy_and_independent_agree_on_the_first_layer():
    model = network()
    independent = filter_pruning.select_independently(model, {"first": 3})
    np.testing.assert_array_equal(
        filter_pruning.select_greedily(model, {"first": 3})["first"], independent["first"]
    )


def test_a_layer_cannot_lose_all_its_filters():
    with pytest.raises(ValueError, match="Of 6 filters at least one has to stay; 6 cannot be removed"):
        filter_pruning.select_independently(network(), {"first": 6})


def branching():
    inputs = keras.Input((12, 12, 2))
    maps = layers.Conv2D(2, 3, padding="same", name="first")(inputs)
    return keras.Model(inputs, layers.Add(name="sum")([inputs, maps]))


def twice():
    inputs = keras.Input((12, 12, 2))
    layer = layers.Conv2D(2, 3, padding="same", name="shared")
    return keras.Model(inputs, layer(layer(inputs)))


@pytest.mark.parametrize(
    ("model", "kept", "message"),
    [
        (branching, {"first": [0]}, "branches at 'sum'"),
        (twice, {"shared": [0]}, "branches at 'shared'"),
        (network, {"third": [0]}, "no layer 'third' with filters; it has first, second"),
        (network, {"first": []}, "rising indices from 0 to 5, at least one"),
        (network, {"first": [0, 0]}, "rising indices"),
        (network, {"first": [6]}, "rising indices"),
        (
            lambda: chain(layers.Conv2D(4, 3, name="first"), layers.Reshape((-1,), name="shape")),
            {"first": [0]},
            "cannot be followed through 'shape', a Reshape",
        ),
        (
            lambda: chain(layers.Conv2D(4, 3, name="first"), layers.Conv2D(4, 3, groups=2, name="grouped")),
            {"first": [0]},
            "'grouped', a Conv2D in 2 groups",
        ),
        (
            lambda: chain(layers.Conv2D(4, 3, activation="softmax", name="first")),
            {"first": [0]},
            "softmax of 'first' weighs all maps",
        ),
        (
            lambda: keras.Sequential([keras.Input((12, 12, 2)), layers.Conv2D(4, 3, name="first")]),
            {"first": [0]},
            "'first' is the output",
        ),
        (lambda: keras.Sequential([layers.Conv2D(4, 3, name="first")]), {"first": [0]}, "built Sequential"),
    ],
)
def test_what_cannot_be_removed_is_refused(model, kept, message):
    with pytest.raises(ValueError, match=message):
        filter_pruning.without_filters(model(), kept)
