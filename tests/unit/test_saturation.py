import keras
import numpy as np
import pytest
import tensorflow as tf

from lib import activations
from lib.runs import saturation

IMAGES = np.random.default_rng(0).normal(size=(20, 2, 3)).astype(np.float32)
LABELS = np.eye(4, dtype=np.float32)[np.arange(20) % 4]


def model(activation="ReLU", **settings):
    config = saturation.Saturation(activation=activation, depth=3, width=5, **settings)
    return config.model(IMAGES.shape[1:], 4)


def look(network, activation):
    return saturation.look(network, IMAGES, LABELS, saturation.FUNCTIONS[activation][1])


@pytest.mark.parametrize("name", saturation.FUNCTIONS)
def test_each_function_stands_beside_its_own_derivative(name):
    function, derivative = saturation.FUNCTIONS[name]
    x = tf.constant(np.linspace(-4, 4, 41) + 0.01)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    np.testing.assert_allclose(tape.gradient(y, x), derivative(x.numpy()), atol=1e-9)


def test_gradient_is_that_of_each_layer_and_the_output_layer_has_no_shares():
    loss, frame = look(model(), "ReLU")
    assert loss == pytest.approx(
        float(np.mean(keras.losses.categorical_crossentropy(LABELS, model()(IMAGES))))
    )
    assert list(frame["layer"]) == [1, 2, 3, 4]
    assert (frame["gradient"] > 0).all()
    assert list(frame["dead"].isna()) == [False, False, False, True]


def test_units_with_a_very_low_bias_are_dead_with_relu_and_flat_but_alive_with_leaky_relu():
    seen = {}
    for name in ("ReLU", "Leaky ReLU"):
        network = model(name)
        network.layers[1].bias.assign([-100.0, -100, 100, 100, 100])
        seen[name] = look(network, name)[1].loc[0, ["saturated", "dead"]].tolist()
    assert seen == {"ReLU": [0.4, 0.4], "Leaky ReLU": [0.4, 0]}


def test_a_sigmoid_is_saturated_far_from_zero():
    network = model("sigmoid")
    network.layers[1].kernel.assign(np.zeros((6, 5)))
    network.layers[1].bias.assign([0.0, 0, 0, 4, -4])
    frame = look(network, "sigmoid")[1]
    assert activations.sigmoid_gradient(4.0) < saturation.FLAT
    assert frame.loc[0, "saturated"] == 0.4


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (model(seed=seed).layers[1].kernel.numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
