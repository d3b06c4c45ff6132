"""Loss functions and their gradients on numpy arrays. Thesis 3.2.1.

`targets` and `outputs` have one shape: (n,), or (N, C) for N samples with C outputs each.
"""

import numpy as np

SMALLEST = 1e-7  # probabilities are kept this far from 0 and 1, as Keras does


def _probabilities(outputs):
    return np.clip(np.asarray(outputs, dtype=float), SMALLEST, 1 - SMALLEST)


def squared_error(targets, outputs):
    """Return the mean of the squared differences over all values. Thesis (3.1)."""
    return np.mean((np.asarray(targets) - np.asarray(outputs)) ** 2)


def squared_error_gradient(targets, outputs):
    """Return the derivative of squared_error with respect to each output. Thesis (3.1)."""
    return 2 * (np.asarray(outputs) - np.asarray(targets)) / np.size(outputs)


def binary_cross_entropy(targets, outputs):
    """Return the cross entropy of outputs that are each the probability of a yes. Thesis (3.2)."""
    targets, outputs = np.asarray(targets), _probabilities(outputs)
    return -np.mean(targets * np.log(outputs) + (1 - targets) * np.log(1 - outputs))


def binary_cross_entropy_gradient(targets, outputs):
    """Return the derivative of binary_cross_entropy with respect to each output. Thesis (3.2)."""
    outputs = _probabilities(outputs)
    return (outputs - np.asarray(targets)) / (outputs * (1 - outputs)) / np.size(outputs)


def categorical_cross_entropy(targets, outputs):
    """Return the cross entropy of outputs (N, C) of which each row is one distribution over C classes."""
    return -np.mean(np.sum(np.asarray(targets) * np.log(_probabilities(outputs)), axis=-1))


def categorical_cross_entropy_gradient(targets, outputs):
    """Return the derivative of categorical_cross_entropy with respect to each output, (N, C)."""
    return -np.asarray(targets) / _probabilities(outputs) / len(outputs)


def through_sigmoid(gradient, outputs):
    """Return the gradient before the sigmoid of one after it: the chain rule, elementwise."""
    outputs = np.asarray(outputs)
    return gradient * outputs * (1 - outputs)


def through_softmax(gradient, outputs):
    """Return the gradient before the softmax, (N, C), of one after it: the chain rule, row by row."""
    return outputs * (gradient - np.sum(gradient * outputs, axis=-1, keepdims=True))
