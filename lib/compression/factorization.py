"""Weights as a product of two thin matrices, from the singular value decomposition. Thesis 4.2, (4.2).

A dense layer becomes two dense layers, a convolution one with fewer filters and a pointwise one
(Denton et al. 2014, §3).
"""

from typing import NamedTuple

import keras
import numpy as np
from scipy import linalg

from lib.compression.kernels import functional


class Factors(NamedTuple):
    """A matrix (m, n) of rank k: `left` (m, k), `singular_values` (k,) falling, `right` (n, k)."""

    left: np.ndarray
    singular_values: np.ndarray
    right: np.ndarray


def truncated_svd(matrix, rank):
    """Return the Factors of the matrix of rank `rank` that is nearest to `matrix` in the Frobenius norm.

    Raises ValueError for a rank below one or above the smaller side. Thesis (4.2).
    """
    if not 1 <= rank <= min(np.shape(matrix)):
        raise ValueError(
            f"A matrix of {np.shape(matrix)} has ranks from 1 to {min(np.shape(matrix))}, not {rank}."
        )
    left, singular_values, right_transposed = linalg.svd(matrix, full_matrices=False)
    return Factors(left[:, :rank], singular_values[:rank], right_transposed[:rank].T)


def product(factors):
    """Return the matrix (m, n) that Factors stand for. Thesis (4.2)."""
    return (factors.left * factors.singular_values) @ factors.right.T


def stored_numbers(shape, rank):
    """Return k(m + n + 1), how many numbers the factors of a matrix (m, n) of rank k have. Thesis 4.2."""
    return rank * (sum(shape) + 1)


def compression_ratio(shape, rank):
    """Return mn / (k(m + n + 1)); below 1 the factors are larger than the matrix. Thesis 4.2."""
    return shape[0] * shape[1] / stored_numbers(shape, rank)


def kernel_matrix(kernel):
    """Return a kernel, of a dense layer or a convolution, as the matrix (inputs of a neuron, neurons)."""
    return np.reshape(kernel, (-1, np.shape(kernel)[-1]))


def largest_rank(layer):
    """Return the number of singular values of a layer's kernel."""
    return min(kernel_matrix(layer.kernel).shape)


def _layers(layer, rank):
    """Return the two layers of a factorised one, without weights."""
    config = layer.get_config()
    if isinstance(layer, keras.layers.Dense):
        first, second = keras.layers.Dense, {"units": layer.units}
        thin = {"units": rank}
    else:
        first, second = keras.layers.Conv2D, {"filters": layer.filters, "kernel_size": 1}
        kept = ("kernel_size", "strides", "padding", "dilation_rate", "data_format")
        thin = {"filters": rank, **{name: config[name] for name in kept}}
        second["data_format"] = config["data_format"]
    return (
        first(**thin, use_bias=False, name=f"{layer.name}_first"),
        first(
            **second,
            use_bias=layer.use_bias,
            activation=config["activation"],
            name=f"{layer.name}_second",
        ),
    )


def _weights(layer, rank):
    """Return the kernels of the two layers of a factorised one; each gets the root of the singular values."""
    kernel = layer.kernel.numpy()
    factors = truncated_svd(kernel_matrix(kernel), rank)
    root = np.sqrt(factors.singular_values)
    second = (root * factors.right).T
    if kernel.ndim == 4:
        second = second[np.newaxis, np.newaxis]
    return (factors.left * root).reshape(*kernel.shape[:-1], rank), second


def factorized(model, ranks):
    """Return a model in which each layer of {name: rank} is two layers of that rank, NAME_first and NAME_second.

    Dense and Conv2D layers can be factorised; the second layer has the bias and the activation of the old
    one. Raises ValueError for other layers, names that the model does not have, and ranks outside of its
    matrix. Thesis 4.2; Denton et al. 2014, §3.
    """
    names = [layer.name for layer in model.layers]
    for name in ranks:
        if name not in names:
            raise ValueError(f"The model has no layer '{name}'; it has {', '.join(names)}.")
        layer = model.get_layer(name)
        if not isinstance(layer, keras.layers.Dense | keras.layers.Conv2D) or getattr(layer, "groups", 1) > 1:
            raise ValueError(
                f"'{name}' is no dense layer and no convolution over all channels, so it has no matrix."
            )
    pairs = {name: _layers(model.get_layer(name), rank) for name, rank in ranks.items()}

    def call(layer, *inputs, **settings):
        if layer.name not in pairs:
            return layer(*inputs, **settings)
        first, second = pairs[layer.name]
        return second(first(*inputs))

    copy = keras.models.clone_model(functional(model), call_function=call)
    for layer in model.layers:
        if layer.name not in pairs:
            if layer.weights:
                copy.get_layer(layer.name).set_weights(layer.get_weights())
            continue
        first, second = pairs[layer.name]
        kernels = _weights(layer, ranks[layer.name])
        first.set_weights([kernels[0]])
        second.set_weights([kernels[1], *([layer.bias.numpy()] if layer.use_bias else [])])
    return copy
