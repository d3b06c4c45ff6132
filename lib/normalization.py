"""Batch normalisation in numpy, forwards and backwards. Thesis (5.9).

Values are arrays (N, ..., C): every one of the C features is normalised over all other axes.
"""

import numpy as np

EPSILON = 1e-3  # Keras's, added to the variance


def statistics(values):
    """Return (mean, variance), each (C,), of a batch (N, ..., C). Thesis (5.9a) and (5.9b).

    Raises ValueError for a batch without values.
    """
    if np.size(values) == 0:
        raise ValueError(f"A batch of the shape {np.shape(values)} has no mean; it needs at least one value.")
    axes = tuple(range(np.ndim(values) - 1))
    return np.mean(values, axis=axes), np.var(values, axis=axes)


def normalize(values, mean, variance, epsilon=EPSILON):
    """Return values (N, ..., C) less their mean, over the root of their variance. Thesis (5.9c)."""
    return (values - mean) / np.sqrt(variance + epsilon)


def batch_normalize(values, gamma, beta, epsilon=EPSILON):
    """Return a batch (N, ..., C) normalised by its own statistics, scaled by gamma and shifted by beta.

    This is what the layer does in training. Thesis (5.9d).
    """
    return gamma * normalize(values, *statistics(values), epsilon) + beta


def moved(average, batch, momentum):
    """Return a moving average after one more batch; in use the layer normalises by these averages.

    Ioffe and Szegedy 2015, §3.1.
    """
    return momentum * average + (1 - momentum) * batch


def gradients(values, gamma, outer, epsilon=EPSILON):
    """Return the derivatives of a loss by (values, gamma, beta), given `outer`, those by the output.

    `values` and `outer` are (N, ..., C). Every value also moves the mean and the variance of its batch,
    which the two subtracted terms account for. Ioffe and Szegedy 2015, §3.
    """
    axes = tuple(range(np.ndim(values) - 1))
    mean, variance = statistics(values)
    normalised = normalize(values, mean, variance, epsilon)
    by_gamma, by_beta = np.sum(outer * normalised, axis=axes), np.sum(outer, axis=axes)
    count = np.size(values) // np.shape(values)[-1]
    centred = outer - by_beta / count - normalised * by_gamma / count
    return gamma / np.sqrt(variance + epsilon) * centred, by_gamma, by_beta
