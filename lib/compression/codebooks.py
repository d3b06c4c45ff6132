"""Weights that share a few values: a codebook of centroids, and an index for each weight.

Thesis 4.2 (vector quantisation); Han et al. 2016 (Deep Compression), §3.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from sklearn.cluster import KMeans

from lib.compression.kernels import kernels, replaced

PRUNED = -1  # the index of a weight that is zero and stays so
INITIALIZATIONS = ("linear", "density", "random")


class Codebook(NamedTuple):
    """Shared values: `centroids` (count,) in rising order, `indices` of the shape of the weights.

    A weight has the value of the centroid that its index names; the index PRUNED stands for zero.
    """

    centroids: np.ndarray
    indices: np.ndarray


def initial_centroids(weights, count, initialization="linear", seed=0):
    """Return `count` centroids (count,) in rising order from which k-means can start.

    "linear" spaces them evenly between the smallest and the largest weight, "density" so that equally
    many weights lie between neighbours (evenly on the cumulative distribution), "random" draws weights
    with `seed`. Raises ValueError for another name. Han et al. 2016, §3.2.
    """
    weights = np.ravel(weights)
    if initialization == "linear":
        return np.linspace(weights.min(), weights.max(), count)
    if initialization == "density":
        return np.quantile(weights, (np.arange(count) + 0.5) / count)
    if initialization == "random":
        return np.sort(np.random.default_rng(seed).choice(weights, count, replace=False))
    raise ValueError(
        f"There is no initialisation '{initialization}'; there are {', '.join(INITIALIZATIONS)}."
    )


def cluster(weights, count, initialization="linear", seed=0, kept=None):
    """Return the Codebook of at most `count` values that k-means finds for an array of weights.

    `kept` is a mask of the same shape; weights outside it are pruned and take no part. Where there are
    no more than `count` different weights they are the centroids themselves. Raises ValueError for a
    count below one, or a mask of another shape. Han et al. 2016, §3.1.
    """
    weights = np.asarray(weights)
    kept = np.ones(weights.shape, bool) if kept is None else np.asarray(kept, bool)
    if count < 1:
        raise ValueError(f"A codebook needs at least one value, not {count}.")
    if kept.shape != weights.shape:
        raise ValueError(f"The mask has the shape {kept.shape}, the weights {weights.shape}.")
    indices = np.full(weights.shape, PRUNED, np.int32)
    values = weights[kept].astype(np.float64)
    different = np.unique(values)
    if len(different) <= count:
        indices[kept] = np.searchsorted(different, values)
        return Codebook(different.astype(np.float32), indices)
    start = initial_centroids(values, count, initialization, seed)
    if initialization != "linear":  # a drawn or frequent value may come twice
        start = np.unique(start)
    found = KMeans(len(start), init=start[:, np.newaxis], n_init=1).fit(values[:, np.newaxis])
    centroids = found.cluster_centers_[:, 0]
    order = np.argsort(centroids)
    indices[kept] = np.argsort(order)[found.labels_]
    return Codebook(centroids[order].astype(np.float32), indices)


def decode(codebook):
    """Return the array of weights (float32) that a Codebook stands for."""
    return np.append(codebook.centroids, np.float32(0))[codebook.indices]  # PRUNED is the last


def index_bits(count):
    """Return the bits of one index into a codebook of `count` values. Han et al. 2016, §3."""
    return int(np.ceil(np.log2(count))) if count > 1 else 0


def stored_bits(codebook):
    """Return the bits of a Codebook as stored: an index for each weight, 32 bits for each centroid.

    Pruned weights count nothing here; where they lie has to be stored beside. Han et al. 2016, (1).
    """
    count = len(codebook.centroids)
    return int(np.sum(codebook.indices != PRUNED)) * index_bits(count) + 32 * count


def share(model, count, initialization="linear", seed=0, masks=None):
    """Return {path: Codebook} of at most `count` values for each kernel of a Keras model.

    `count` is a number for all kernels, or {path: number} for those that shall have a codebook; `masks` are
    {path: mask of the kept weights}. Raises ValueError for a path that is no kernel. Han et al. 2016, §3.1.
    """
    weights, masks = kernels(model), masks or {}
    counts = count if isinstance(count, dict) else dict.fromkeys(weights, count)
    if unknown := counts.keys() - weights.keys():
        raise ValueError(f"The model has no kernel '{min(unknown)}'; it has {', '.join(weights)}.")
    return {
        path: cluster(weights[path], number, initialization, seed, masks.get(path))
        for path, number in counts.items()
    }


def decoded(model, codebooks):
    """Return a copy of a model whose kernels have the values of their codebooks, {path: Codebook}."""
    return replaced(model, {path: decode(codebook) for path, codebook in codebooks.items()})


def centroid_gradient(gradient, codebook):
    """Return the gradient (count,) of the centroids: the sum over all weights that share each.

    `gradient` has the shape of the weights; pruned weights count nothing. Han et al. 2016, (3).
    """
    kept = codebook.indices != PRUNED
    return np.bincount(
        codebook.indices[kept], weights=np.asarray(gradient)[kept], minlength=len(codebook.centroids)
    )


def _sums(gradient, indices, count):
    """Return centroid_gradient in TensorFlow, which leaves out negative indices."""
    return tf.math.unsorted_segment_sum(tf.reshape(gradient, [-1]), tf.reshape(indices, [-1]), count)


def _gather(centroids, indices):
    """Return decode in TensorFlow."""
    return tf.gather(tf.concat([centroids, [0.0]], 0), tf.where(indices < 0, tf.size(centroids), indices))


def fine_tune(model, codebooks, batches, *, optimizer, loss="categorical_crossentropy", epochs=1):
    """Train centroids and all weights without a codebook; return the trained copy and its {path: Codebook}.

    `batches` is a tf.data.Dataset of (inputs, targets), run through `epochs` times; `optimizer` is a Keras
    optimizer not used before. Indices stay as they are, so weights that share a value go on sharing it, and
    pruned ones stay zero. Han et al. 2016, §3.3.
    """
    model, loss = decoded(model, codebooks), keras.losses.get(loss)
    variables = {variable.path: variable for variable in model.trainable_variables}
    coded = [variables.pop(path) for path in codebooks]
    others = list(variables.values())
    indices = [tf.constant(codebook.indices) for codebook in codebooks.values()]
    centroids = [keras.Variable(codebook.centroids) for codebook in codebooks.values()]
    optimizer.build([*centroids, *others])

    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            error = tf.reduce_mean(loss(targets, model(inputs, training=True))) + sum(model.losses)
        gradients = tape.gradient(error, [variable.value for variable in [*coded, *others]])
        sums = [
            _sums(gradient, index, centroid.shape[0])
            for gradient, index, centroid in zip(gradients, indices, centroids, strict=False)
        ]
        optimizer.apply([*sums, *gradients[len(coded) :]], [*centroids, *others])
        for variable, centroid, index in zip(coded, centroids, indices, strict=True):
            variable.assign(_gather(centroid.value, index))

    for _ in range(epochs):
        for inputs, targets in batches:
            step(inputs, targets)
    return model, {
        path: Codebook(centroid.numpy(), codebook.indices)
        for (path, codebook), centroid in zip(codebooks.items(), centroids, strict=True)
    }
