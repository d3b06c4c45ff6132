import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lib import activations

X = np.linspace(-6, 6, 481)  # with zero in the middle


def leaky(slope):
    return lambda x: keras.ops.leaky_relu(x, negative_slope=slope)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (activations.linear, keras.activations.linear),
        (activations.sigmoid, keras.activations.sigmoid),
        (activations.tanh, keras.activations.tanh),
        (activations.relu, keras.activations.relu),
        (activations.leaky_relu, leaky(0.01)),
        (lambda x: activations.leaky_relu(x, slope=0.3), keras.layers.LeakyReLU(dtype="float64")),
        (lambda x: activations.softmax(x.reshape(37, 13)), lambda x: tf.nn.softmax(tf.reshape(x, (37, 13)))),
    ],
    ids=["linear", "sigmoid", "tanh", "relu", "leaky_relu", "leaky_relu_0.3", "softmax"],
)
def test_function_equals_that_of_keras(ours, theirs):
    # TensorFlow keeps the slope of a leaky ReLU in single precision
    np.testing.assert_allclose(ours(X), np.asarray(theirs(tf.constant(X))), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("gradient", "function"),
    [
        (activations.linear_gradient, lambda x: 1.0 * x),
        (lambda x: activations.linear_gradient(x, slope=-2), lambda x: -2.0 * x),
        (activations.sigmoid_gradient, tf.sigmoid),
        (activations.tanh_gradient, tf.tanh),
        (activations.relu_gradient, tf.nn.relu),
        (activations.leaky_relu_gradient, leaky(0.01)),
        (lambda x: activations.leaky_relu_gradient(x, slope=0.3), leaky(0.3)),
    ],
    ids=["linear", "linear_-2", "sigmoid", "tanh", "relu", "leaky_relu", "leaky_relu_0.3"],
)
def test_gradient_equals_automatic_differentiation(gradient, function):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    np.testing.assert_allclose(gradient(X), tape.gradient(y, x).numpy(), rtol=1e-7)


@pytest.mark.parametrize(("x", "expected"), [(-0.1, 0), (0, 1), (0.1, 1)])
def test_binary_step_is_one_from_the_threshold_on(x, expected):
    assert activations.binary_step(x) == expected


def test_binary_step_moves_with_its_threshold():
    np.testing.assert_array_equal(activations.binary_step([1.9, 2.0], threshold=2), [0, 1])


def test_binary_step_has_no_derivative_at_the_threshold_and_zero_elsewhere():
    np.testing.assert_array_equal(
        activations.binary_step_gradient([1.0, 2.0, 3.0], threshold=2), [0, np.nan, 0]
    )


def test_linear_multiplies_by_its_slope():
    np.testing.assert_array_equal(activations.linear([1, -2], slope=3), [3, -6])


@pytest.mark.parametrize(
    "function",
    [
        activations.sigmoid,
        activations.sigmoid_gradient,
        activations.tanh,
        activations.tanh_gradient,
        activations.relu,
        activations.leaky_relu,
    ],
)
def test_large_arguments_neither_overflow_nor_warn(function):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.isfinite(function(np.array([-1e4, 1e4]))).all()


@given(st.floats(-1e4, 1e4))
def test_sigmoid_is_point_symmetric(x):
    assert activations.sigmoid(x) + activations.sigmoid(-x) == pytest.approx(1)


@pytest.mark.parametrize(
    "function",
    [
        activations.binary_step,
        activations.binary_step_gradient,
        activations.linear,
        activations.linear_gradient,
        activations.sigmoid,
        activations.sigmoid_gradient,
        activations.tanh,
        activations.tanh_gradient,
        activations.relu,
        activations.relu_gradient,
        activations.leaky_relu,
        activations.leaky_relu_gradient,
        activations.softmax,
    ],
)
@given(shape=array_shapes())
def test_shape_is_kept(function, shape):
    assert function(np.zeros(shape)).shape == shape


logits = arrays(float, st.integers(1, 8), elements=st.floats(-1e6, 1e6))
temperatures = st.floats(0.01, 100)


@given(logits, temperatures)
def test_softmax_is_a_distribution_even_of_large_logits(logits, temperature):
    with np.errstate(over="raise", invalid="raise"):
        probabilities = activations.softmax(logits, temperature)
    assert (probabilities >= 0).all()
    assert probabilities.sum() == pytest.approx(1)


@given(arrays(float, 5, elements=st.floats(-10, 10)), st.floats(-1000, 1000))
def test_softmax_does_not_change_when_all_logits_are_shifted(logits, shift):
    np.testing.assert_allclose(
        activations.softmax(logits + shift), activations.softmax(logits), rtol=1e-9, atol=1e-12
    )


def test_softmax_at_a_temperature_is_softmax_of_divided_logits():
    logits = np.array([2.0, 1.0, -1.0])
    np.testing.assert_allclose(activations.softmax(logits, 4.0), activations.softmax(logits / 4))


@pytest.mark.parametrize("temperature", [0, -1.0])
def test_softmax_refuses_a_temperature_that_is_not_positive(temperature):
    with pytest.raises(ValueError, match=f"temperature has to be positive, not {temperature}"):
        activations.softmax([1.0, 2.0], temperature)
