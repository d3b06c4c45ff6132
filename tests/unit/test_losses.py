import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lib import activations, losses

LOGITS = np.random.default_rng(0).normal(size=(5, 4))
TARGETS = np.eye(4)[[0, 3, 1, 2, 0]]

pairs = pytest.mark.parametrize(
    ("name", "theirs", "activation"),
    [
        ("squared_error", keras.losses.MeanSquaredError(), activations.sigmoid),
        ("binary_cross_entropy", keras.losses.BinaryCrossentropy(), activations.sigmoid),
        ("categorical_cross_entropy", keras.losses.CategoricalCrossentropy(), activations.softmax),
    ],
)


@pairs
def test_loss_is_that_of_keras(name, theirs, activation):
    outputs = activation(LOGITS)
    assert getattr(losses, name)(TARGETS, outputs) == pytest.approx(float(theirs(TARGETS, outputs)), rel=1e-5)


@pairs
def test_gradient_before_the_activation_is_that_of_keras(name, theirs, activation):
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = theirs(TARGETS, {"sigmoid": tf.sigmoid, "softmax": tf.nn.softmax}[activation.__name__](logits))
    outputs = activation(LOGITS)
    through = {"sigmoid": losses.through_sigmoid, "softmax": losses.through_softmax}[activation.__name__]
    ours = through(getattr(losses, f"{name}_gradient")(TARGETS, outputs), outputs)
    np.testing.assert_allclose(ours, tape.gradient(loss, logits), atol=1e-6)


@pytest.mark.parametrize("name", ["squared_error", "binary_cross_entropy"])
def test_gradient_is_the_slope_of_the_loss(name):
    outputs, step = activations.sigmoid(LOGITS), np.zeros((5, 4))
    step[2, 1] = 1e-6
    loss = getattr(losses, name)
    slope = (loss(TARGETS, outputs + step) - loss(TARGETS, outputs - step)) / 2e-6
    assert getattr(losses, f"{name}_gradient")(TARGETS, outputs)[2, 1] == pytest.approx(slope, rel=1e-5)


def test_cross_entropy_and_softmax_together_give_output_minus_target():
    outputs = activations.softmax(LOGITS)
    gradient = losses.through_softmax(losses.categorical_cross_entropy_gradient(TARGETS, outputs), outputs)
    np.testing.assert_allclose(gradient, (outputs - TARGETS) / len(LOGITS), atol=1e-12)


@given(arrays(float, 6, elements=st.floats(0, 1)), arrays(float, 6, elements=st.sampled_from([0.0, 1.0])))
def test_losses_are_never_negative_and_always_finite(outputs, targets):
    for loss in (losses.squared_error, losses.binary_cross_entropy):
        assert 0 <= loss(targets, outputs) < np.inf


def test_binary_cross_entropy_of_a_sigmoid_is_categorical_of_two_classes():
    logits = LOGITS[:, 0]
    two = activations.softmax(np.stack([logits, np.zeros(5)], axis=1))
    targets = np.array([1.0, 0, 0, 1, 1])
    binary = losses.binary_cross_entropy(targets, activations.sigmoid(logits))
    assert binary == pytest.approx(
        losses.categorical_cross_entropy(np.stack([targets, 1 - targets], axis=1), two)
    )
