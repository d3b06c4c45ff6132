import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lib import training
from lib.compression import learned_thresholds, pruning
from lib.compression.kernels import kernels

WEIGHTS = np.array([-3.0, -1.1, -0.9, -0.1, 0, 0.2, 0.95, 1.05, 2.0])
INPUTS = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
TARGETS = np.eye(3, dtype="float32")[np.random.default_rng(1).integers(3, size=64)]


def network():
    layers = [
        keras.layers.Dense(4, name="first"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2),
    ]
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(3, "softmax", name="second")])
    return training.seeded(model, 0)


def soft(weights, threshold, sharpness):
    return learned_thresholds.soft_threshold(
        tf.constant(weights, tf.float64), tf.constant(threshold, tf.float64), sharpness
    ).numpy()


def test_a_very_sharp_threshold_is_a_mask():
    expected = WEIGHTS * pruning.masks({"all": WEIGHTS}, {"all": 1.0})["all"]
    np.testing.assert_allclose(soft(WEIGHTS, 1.0, 1e4), expected, atol=1e-9)


def test_at_threshold_zero_nothing_changes():
    np.testing.assert_allclose(soft(WEIGHTS, 0.0, 20), WEIGHTS)


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(1, 50))
def test_it_is_odd_and_never_enlarges(weight, threshold, sharpness):
    assert soft(-weight, threshold, sharpness) == pytest.approx(-soft(weight, threshold, sharpness))
    assert abs(soft(weight, threshold, sharpness)) <= abs(weight) + 1e-9 + threshold / (1 + sharpness)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=20), st.floats(0.05, 2), st.floats(1, 30))
def test_the_gradients_equal_differences(weights, threshold, sharpness):
    weights = np.array(weights)
    weights = weights[np.abs(np.abs(weights) - threshold) > 1e-3]  # the corners of the function
    variables = [tf.Variable(weights, dtype=tf.float64), tf.Variable(threshold, dtype=tf.float64)]
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(learned_thresholds.soft_threshold(*variables, sharpness) ** 2)
    of_weights, of_threshold = tape.gradient(total, variables)

    step = 1e-6
    slopes = (
        soft(weights + step, threshold, sharpness) ** 2 - soft(weights - step, threshold, sharpness) ** 2
    ) / (2 * step)
    up, down = (np.sum(soft(weights, threshold + sign * step, sharpness) ** 2) for sign in (1, -1))
    np.testing.assert_allclose(of_weights, slopes, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(of_threshold, (up - down) / (2 * step), rtol=1e-4, atol=1e-6)


def test_at_threshold_zero_the_network_computes_what_it_did():
    model = network()
    np.testing.assert_allclose(learned_thresholds.thresholded(model, 0.1)(INPUTS), model(INPUTS), atol=1e-6)


def trained(pressure):
    model = network()
    learner = learned_thresholds.thresholded(model, pressure)
    learner.compile(keras.optimizers.Adam(0.02), "categorical_crossentropy")
    learner.fit(INPUTS, TARGETS, epochs=30, shuffle=False, verbose=0)
    return model, learner


def test_pressure_raises_thresholds_and_prunes():
    shares = []
    for pressure in (0.0, 0.3, 3.0):
        model, learner = trained(pressure)
        assert min(learner.thresholds().values()) >= 0
        shares.append(pruning.share_of_zeros(pruning.masks(kernels(model), learner.thresholds())))
    assert shares == sorted(shares)
    assert shares[-1] > shares[0] + 0.2


def test_what_the_layers_remember_is_kept():
    model, _ = trained(0.1)
    assert model.layers[1].moving_mean.numpy().any()
