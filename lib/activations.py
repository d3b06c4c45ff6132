"""Activation functions and their derivatives, elementwise on numpy arrays of any shape. Thesis 3.1.3."""

import numpy as np


def binary_step(x, threshold=0.0):
    """Return 1 where x >= threshold, else 0. Thesis 3.1.3, Abb. 5."""
    return np.where(np.asarray(x) >= threshold, 1.0, 0.0)


def binary_step_gradient(x, threshold=0.0):
    """Return 0, and nan at the threshold, where the binary step has no derivative. Thesis 3.1.3."""
    return np.where(np.asarray(x) == threshold, np.nan, 0.0)


def linear(x, slope=1.0):
    """Return slope * x. Thesis 3.1.3, Abb. 7."""
    return slope * np.asarray(x, dtype=float)


def linear_gradient(x, slope=1.0):
    """Return the slope, in the shape of x. Thesis 3.1.3."""
    return np.full(np.shape(x), float(slope))


def sigmoid(x):
    """Return 1 / (1 + exp(-x)), without overflow for any x. Thesis 3.1.3, Abb. 9."""
    # exp(-|x|) never overflows; for x < 0 the fraction is expanded by exp(x)
    x = 1.0 * np.asarray(x)
    decayed = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + decayed), decayed / (1 + decayed))


def sigmoid_gradient(x):
    """Return exp(x) / (1 + exp(x))^2, which equals sigmoid(x) (1 - sigmoid(x)). Thesis 3.1.3."""
    return sigmoid(x) * sigmoid(-1.0 * np.asarray(x))


def tanh(x):
    """Return the hyperbolic tangent, 2 sigmoid(2x) - 1. Thesis 3.1.3 (there with sigmoid(x)), Abb. 11."""
    return 2 * sigmoid(2.0 * np.asarray(x)) - 1


def tanh_gradient(x):
    """Return 1 - tanh(x)^2. Thesis 3.1.3, Abb. 11b."""
    return 4 * sigmoid_gradient(2.0 * np.asarray(x))


def relu(x):
    """Return max(x, 0). Thesis 3.1.3, Abb. 13."""
    return np.maximum(x, 0.0)


def relu_gradient(x):
    """Return 1 where x > 0, else 0, as Keras takes it at zero too. Thesis 3.1.3, Abb. 13b."""
    return leaky_relu_gradient(x, slope=0.0)


def leaky_relu(x, slope=0.01):
    """Return x where x > 0, else slope * x. Thesis 3.1.3, Abb. 15; with a learned slope it is PReLU."""
    return np.where(np.asarray(x) > 0, x, slope * np.asarray(x))


def leaky_relu_gradient(x, slope=0.01):
    """Return 1 where x > 0, else the slope. Thesis 3.1.3, Abb. 15b."""
    return np.where(np.asarray(x) > 0, 1.0, slope)


def softmax(logits, temperature=1.0):
    """Return exp(logits / T) over its sum along the last axis, shifted so that nothing overflows.

    Thesis 3.1.3; the temperature T as in Hinton, Vinyals, Dean 2015, equation (1).
    Raises ValueError for a temperature that is not positive.
    """
    if temperature <= 0:
        raise ValueError(f"The temperature has to be positive, not {temperature}.")
    scaled = np.asarray(logits, dtype=float) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
