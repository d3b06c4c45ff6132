import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib import normalization

VALUES = np.random.default_rng(0).normal(2, 3, size=(6, 4, 4, 3)).astype(np.float32)
GAMMA, BETA = np.array([0.5, 1.5, -2], np.float32), np.array([1.0, 0, -1], np.float32)

batches = arrays.arrays(
    float, st.tuples(st.integers(2, 8), st.integers(1, 3)), elements=st.floats(-100, 100, width=32)
)


def keras_layer():
    layer = keras.layers.BatchNormalization(momentum=0.9)
    layer.build(VALUES.shape)
    layer.gamma.assign(GAMMA)
    layer.beta.assign(BETA)
    return layer


def test_training_mode_equals_keras():
    ours = normalization.batch_normalize(VALUES, GAMMA, BETA)
    np.testing.assert_allclose(ours, keras_layer()(VALUES, training=True), atol=1e-5)


def test_moving_statistics_and_inference_mode_equal_keras():
    layer = keras_layer()
    averages = np.zeros(3), np.ones(3)
    for batch in (VALUES, VALUES[:2] + 1):
        layer(batch, training=True)
        statistics = normalization.statistics(batch)
        averages = [
            normalization.moved(average, new, 0.9) for average, new in zip(averages, statistics, strict=True)
        ]
    ours = GAMMA * normalization.normalize(VALUES, *averages) + BETA
    np.testing.assert_allclose(ours, layer(VALUES, training=False), atol=1e-4)


def test_gradients_equal_automatic_differentiation():
    outer = np.random.default_rng(1).normal(size=VALUES.shape).astype(np.float32)
    layer, values = keras_layer(), tf.constant(VALUES)
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = tf.reduce_sum(layer(values, training=True) * outer)
    expected = tape.gradient(loss, [values, layer.gamma.value, layer.beta.value])
    for ours, theirs in zip(normalization.gradients(VALUES, GAMMA, outer), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@given(batches)
def test_the_root_of_the_variance_and_the_mean_restore_the_batch(values):
    mean, variance = normalization.statistics(values)
    restored = normalization.batch_normalize(values, np.sqrt(variance + normalization.EPSILON), mean)
    np.testing.assert_allclose(restored, values, atol=1e-6)


@given(batches, st.floats(-100, 100))
def test_a_shift_of_the_whole_batch_changes_nothing(values, shift):
    first, second = (normalization.batch_normalize(batch, 1, 0) for batch in (values, values + shift))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="needs at least one value"):
        normalization.statistics(np.empty((0, 3)))
