"""Deep Compression of a classifier: fewer units, fewer weights, shared values, all trained in.

Works on a chain of convolutions and dense layers (with pooling, flatten and the like between them). The
network computes with pruned or shared weights while the full-precision ones behind them learn (straight-
through: Courbariaux et al. 2015, §2.3), so that a weight can still change its shared value. Thesis 4.3;
Han et al. 2016; gradual pruning: Zhu and Gupta 2017, §3.
"""

from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from lib.compression.codebooks import PRUNED, Codebook, cluster

CHUNK = 50  # steps between two looks at the masks and codebooks
SMALLEST_BIAS = 1e-3  # a bias below this becomes zero when values are shared


@dataclass(frozen=True)
class Recipe:
    """How a network is compressed; one number for each kernel in `keep` and `values`.

    `widths` are the units or filters that stay of each layer but the last, `keep` the weights that stay of
    each kernel, `values` the sizes of the codebooks, and `bias_values` that of each layer's biases. Epochs
    of training go to `narrow` (no weight pruned yet), `prune` (gradually), `settle`, `share` (values shared)
    and `tune` (only the shared values learn). Images are transformed anew in each step: by up to `shift`
    pixels, `rotation` degrees, and a share `scale`. `learning_rate` and `sharing_rate` are Adam's, falling
    to zero as a cosine.
    """

    widths: tuple[int, ...]
    keep: tuple[int, ...]
    values: tuple[int, ...]
    bias_values: int = 15
    narrow: int = 3
    prune: int = 14
    settle: int = 5
    share: int = 6
    tune: int = 1
    batch_size: int = 128
    learning_rate: float = 0.002
    sharing_rate: float = 0.0003
    shift: float = 1.5
    rotation: float = 8.0
    scale: float = 0.1


class Compressed(NamedTuple):
    """The result: arrays of the size of the original network's, in the order of its trainable variables.

    `pruned` are the weights before values were shared, `codebooks` the Codebooks that replace them; `history`
    is a frame with the columns stage, epoch, loss, error (of the validation images) and kept (weights).
    """

    pruned: list
    codebooks: list
    history: pd.DataFrame


def importance(arrays):
    """Return for each kernel but the last a number for each unit: the norms of what comes in and goes out.

    `arrays` are kernels and biases in turn. The product does not change when a layer is scaled up and the
    next one down, as the l1 norm of Li et al. 2017, §3.1, does.
    """
    norms = []
    for kernel, following in zip(arrays[:-2:2], arrays[2::2], strict=True):
        inner = kernel.shape[-1]
        out = np.moveaxis(following, -2, 0).reshape(-1, inner, following.size // following.shape[-2])
        norms.append(np.sqrt((kernel.reshape(-1, inner) ** 2).sum(axis=0) * (out**2).sum(axis=(0, 2))))
    return norms


def units_kept(arrays, widths):
    """Return for each array a pair of rising indices, the inputs and the outputs that stay.

    Of each layer but the last the units with the greatest importance stay, `widths` of them. Flattened
    maps stay or go with their filter.
    """
    chosen = [
        np.sort(np.argsort(-norm)[:width]) for norm, width in zip(importance(arrays), widths, strict=True)
    ]
    pairs, inputs, filters = [], None, None
    for number, kernel in enumerate(arrays[::2]):
        if inputs is None:
            entering = np.arange(kernel.shape[-2])
        else:
            places = np.arange(kernel.shape[-2] // filters)[:, np.newaxis]
            entering = (places * filters + inputs).ravel()
        leaving = chosen[number] if number < len(chosen) else np.arange(kernel.shape[-1])
        pairs += [(entering, leaving), (None, leaving)]
        inputs, filters = leaving, kernel.shape[-1]
    return pairs


def taken(array, pair):
    """Return the part of a kernel or bias that a pair of units_kept names."""
    entering, leaving = pair
    return array[leaving] if array.ndim == 1 else array[..., entering, :][..., leaving]


def embedded(part, pair, shape, filling):
    """Return an array of `shape` with `part` at the places of a pair of units_kept, elsewhere `filling`."""
    entering, leaving = pair
    whole = np.full(shape, filling, part.dtype)
    if part.ndim == 1:
        whole[leaving] = part
    else:
        whole[..., entering[:, np.newaxis], leaving] = part
    return whole


def transformed(images, key, shift, rotation, scale):
    """Return images (N, H, W, C) each shifted, turned and scaled at random, as a seed `key` (2,) says."""
    height, width = images.shape[1:3]
    drawn = tf.random.stateless_uniform([tf.shape(images)[0], 5], key, -1.0, 1.0)
    angle, tall, wide = drawn[:, 0] * np.pi / 180 * rotation, 1 + scale * drawn[:, 1], 1 + scale * drawn[:, 2]
    a, b = tall * tf.cos(angle), -tall * tf.sin(angle)
    c, d = wide * tf.sin(angle), wide * tf.cos(angle)
    x, y = (width - 1) / 2, (height - 1) / 2  # the centre stays, but for the shift
    right, down = x - a * x - b * y + shift * drawn[:, 3], y - c * x - d * y + shift * drawn[:, 4]
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, right, c, d, down, zero, zero], axis=1),
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )


class _Learner:
    """Latent weights, masks and codebooks of a model, and compiled steps that train them."""

    def __init__(self, model, images, labels, recipe, seed):
        self.model, self.recipe, self.seed = model, recipe, seed
        self.images, self.labels = tf.constant(images), tf.constant(labels)
        self.latent = [tf.Variable(variable.value) for variable in model.trainable_variables]
        self.masks = [
            tf.Variable(
                tf.cast(weights != 0, tf.float32) if len(weights.shape) > 1 else tf.ones_like(weights)
            )
            for weights in self.latent
        ]
        sizes = [size for values in recipe.values for size in (values, recipe.bias_values)]
        self.centroids = [tf.Variable(tf.zeros(size)) for size in sizes]
        self.indices = [tf.Variable(tf.zeros(weights.shape, tf.int32)) for weights in self.latent]
        self.step = tf.Variable(0, dtype=tf.int64)
        learned = [*self.latent, *self.centroids]
        self.first = [tf.Variable(tf.zeros_like(weights)) for weights in learned]
        self.second = [tf.Variable(tf.zeros_like(weights)) for weights in learned]
        self.prune_steps, self.share_steps, self.tune_steps = (
            self._compiled(step) for step in (self._prune, self._share, self._tune)
        )

    def pruned(self):
        """Return the latent weights under their masks."""
        return [mask * weights for mask, weights in zip(self.masks, self.latent, strict=True)]

    def shared(self):
        """Return the weights that the indices name; index 0 is a pruned weight."""
        return [
            tf.gather(tf.concat([[0.0], centroids], 0), indices)
            for centroids, indices in zip(self.centroids, self.indices, strict=True)
        ]

    def assign_nearest(self):
        """Give each weight under its mask the index of the centroid nearest to it."""
        for weights, mask, centroids, indices in zip(
            self.latent, self.masks, self.centroids, self.indices, strict=True
        ):
            borders = (centroids[1:] + centroids[:-1]) / 2
            nearest = 1 + tf.reduce_sum(tf.cast(weights[..., tf.newaxis] > borders, tf.int32), -1)
            indices.assign(nearest * tf.cast(mask, tf.int32))

    def _gradients(self, places, weights):
        """Return the mean loss of some images, and its gradients at the weights the network computes with."""
        images = tf.cast(tf.gather(self.images, places), tf.float32) / 255
        labels = tf.gather(self.labels, places)
        key = tf.stack([tf.constant(self.seed, tf.int64), self.step])
        images = transformed(images, key, self.recipe.shift, self.recipe.rotation, self.recipe.scale)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            state = [variable.value for variable in self.model.non_trainable_variables]
            outputs, _ = self.model.stateless_call(weights, state, images, training=True)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, outputs))
        return loss, tape.gradient(loss, weights)

    def _adam(self, learned, gradients, masks, rate, start):
        """Make a step of Adam. Kingma and Ba 2015, Algorithm 1."""
        self.step.assign_add(1)
        number = tf.cast(self.step, tf.float32)
        rate = rate * tf.sqrt(1 - 0.999**number) / (1 - 0.9**number)
        moments = zip(self.first[start:], self.second[start:], strict=True)
        for weights, gradient, mask, (first, second) in zip(learned, gradients, masks, moments, strict=False):
            first.assign(0.9 * first + 0.1 * gradient)
            second.assign(0.999 * second + 0.001 * gradient**2)
            weights.assign_sub(mask * (rate * first / (tf.sqrt(second) + 1e-7)))

    def _prune(self, places, rate):
        loss, gradients = self._gradients(places, self.pruned())
        self._adam(self.latent, gradients, self.masks, rate, 0)
        return loss

    def _share(self, places, rate):
        self.assign_nearest()
        loss, gradients = self._gradients(places, self.shared())
        self._adam(self.latent, gradients, self.masks, rate, 0)
        return loss

    def _tune(self, places, rate):
        loss, gradients = self._gradients(places, self.shared())
        sums = [
            tf.math.unsorted_segment_sum(
                tf.reshape(gradient, [-1]), tf.reshape(indices - 1, [-1]), centroids.shape[0]
            )
            for gradient, indices, centroids in zip(gradients, self.indices, self.centroids, strict=True)
        ]  # Han et al. 2016, (3); a negative index counts nowhere
        self._adam(self.centroids, sums, [1.0] * len(sums), rate, len(self.latent))
        return loss

    def _compiled(self, step):
        """Return a function that makes many steps: (places of the images (steps, batch), rates (steps,)) -> loss."""

        @tf.function(
            input_signature=[tf.TensorSpec((None, self.recipe.batch_size), tf.int32), tf.TensorSpec((None,))]
        )
        def steps(places, rates):
            total = 0.0
            for number in tf.range(tf.size(rates)):
                total += step(places[number], rates[number])
            return total / tf.cast(tf.size(rates), tf.float32)

        return steps


def remaining(size, keep, progress):
    """Return how many of `size` weights are left when a share `progress` of the pruning is done.

    First fast, then slowly. Zhu and Gupta 2017, (1).
    """
    return int(keep + (size - keep) * (1 - min(max(progress, 0), 1)) ** 3)


def _set_masks(learner, progress):
    """Keep of each kernel its largest weights, as many as the recipe leaves now."""
    for weights, mask, keep in zip(learner.latent[::2], learner.masks[::2], learner.recipe.keep, strict=True):
        sizes = np.abs((weights * mask).numpy())
        number = remaining(sizes.size, keep, progress)
        if number < sizes.size:
            mask.assign(sizes > np.partition(sizes.ravel(), -number - 1)[-number - 1])


def _drop_useless(learner):
    """Prune what leads into a unit that nothing leads out of, and its bias."""
    for place in range(len(learner.masks) - 4, -1, -2):
        mask, bias, following = (learner.masks[place + offset] for offset in (0, 1, 2))
        units = mask.shape[-1]
        rows = np.moveaxis(following.numpy(), -2, 0).reshape(
            -1, units, following.shape[-1] * int(np.prod(following.shape[:-2]))
        )
        used = rows.any(axis=(0, 2)).astype(np.float32)
        mask.assign(mask * used)
        bias.assign(bias * used)


def _first_codebooks(learner):
    """Cluster the weights that are left, and set small biases to zero."""
    for weights, mask, centroids in zip(learner.latent, learner.masks, learner.centroids, strict=True):
        values = weights.numpy()
        if values.ndim == 1:
            mask.assign(mask * tf.cast(np.abs(values) > SMALLEST_BIAS, tf.float32))
        size = centroids.shape[0]
        found = cluster(values, size, "density", kept=mask.numpy() > 0).centroids
        centroids.assign(np.pad(found, (0, size - len(found)), constant_values=np.inf))


def _recentre(learner):
    """Move each centroid to the mean of the weights that share it. Lloyd 1982."""
    for weights, centroids, indices in zip(learner.latent, learner.centroids, learner.indices, strict=True):
        places, old = indices.numpy().ravel(), centroids.numpy()
        sums = np.bincount(places, weights.numpy().ravel(), len(old) + 1)[1:]
        counts = np.bincount(places, minlength=len(old) + 1)[1:]
        centroids.assign(np.where(counts > 0, sums / np.maximum(counts, 1), old))


def _error(model, weights, images, labels):
    """Return the share of wrongly classified images of a model with these trainable weights."""
    for variable, array in zip(model.trainable_variables, weights, strict=True):
        variable.assign(array)
    wrong = [
        model.predict_on_batch(images[start : start + 1000]).argmax(axis=1) != labels[start : start + 1000]
        for start in range(0, len(images), 1000)
    ]
    return float(np.concatenate(wrong).mean())


def compress(model, smaller, training, validation, recipe, seed=0):
    """Return the Compressed of a trained Keras classifier.

    `smaller` is a model of the same chain with the recipe's widths, whose weights do not matter; `training` and
    `validation` are (images (N, H, W, C) of uint8, labels (N,)). Validation images are looked at, not learned from.
    Weights that are zero in `model` stay zero.
    """
    arrays = [variable.numpy() for variable in model.trainable_variables]
    pairs = units_kept(arrays, recipe.widths)
    for variable, array, pair in zip(smaller.trainable_variables, arrays, pairs, strict=True):
        variable.assign(taken(array, pair))
    learner = _Learner(smaller, *training, recipe, seed)
    validation = validation[0].astype(np.float32) / 255, validation[1]
    history = _trained(learner, len(training[1]), validation)
    pruned = [
        embedded(np.asarray(weights), pair, array.shape, 0)
        for weights, pair, array in zip(learner.kept_weights, pairs, arrays, strict=True)
    ]
    codebooks = [
        _used(
            Codebook(
                centroids.numpy().astype(np.float16).astype(np.float32),
                embedded(indices.numpy() - 1, pair, array.shape, PRUNED),
            )
        )
        for centroids, indices, pair, array in zip(
            learner.centroids, learner.indices, pairs, arrays, strict=True
        )
    ]
    return Compressed(pruned, codebooks, history)


def _used(codebook):
    """Return the same Codebook without centroids that no weight has; at least one stays."""
    used = np.unique(codebook.indices[codebook.indices != PRUNED])
    new = np.full(len(codebook.centroids) + 1, PRUNED, np.int32)
    new[used] = np.arange(len(used))
    centroids = codebook.centroids[used] if len(used) else np.zeros(1, np.float32)
    return Codebook(centroids, new[codebook.indices])


def _trained(learner, number, validation):
    """Go through the stages of the recipe; return the history, and leave the weights in the learner."""
    recipe, rows = learner.recipe, []
    generator = np.random.default_rng(learner.seed)
    steps = number // recipe.batch_size

    def epoch(train, rate, place, epochs, between):
        places = generator.permutation(number)[: steps * recipe.batch_size].astype(np.int32)
        places = places.reshape(steps, recipe.batch_size)
        done = place * steps + np.arange(steps)
        rates = rate / 2 * (1 + np.cos(np.pi * done / (epochs * steps))) * np.minimum(1, (done + 1) / 100)
        losses = []
        for start in range(0, steps, CHUNK):
            chunk = slice(start, start + CHUNK)
            losses.append(float(train(tf.constant(places[chunk]), tf.constant(rates[chunk], tf.float32))))
            between((place * steps + min(start + CHUNK, steps)) / steps)
        return np.mean(losses)

    def note(stage, loss, weights):
        kept = sum(np.count_nonzero(array) for array in weights[::2])
        error = _error(learner.model, weights, *validation)
        rows.append({"stage": stage, "epoch": len(rows) + 1, "loss": loss, "error": error, "kept": kept})

    first = recipe.narrow + recipe.prune + recipe.settle
    for place in range(first):
        stage = "narrow" if place < recipe.narrow else "prune" if place < first - recipe.settle else "settle"
        loss = epoch(
            learner.prune_steps,
            recipe.learning_rate,
            place,
            first,
            lambda done: _set_masks(learner, (done - recipe.narrow) / (recipe.prune or 1)),
        )
        note(stage, loss, learner.pruned())
    _drop_useless(learner)
    learner.kept_weights = learner.pruned()
    _first_codebooks(learner)
    learner.assign_nearest()

    def recentre(done):
        del done
        learner.assign_nearest()
        _recentre(learner)

    for place in range(recipe.share):
        loss = epoch(learner.share_steps, recipe.sharing_rate, place, recipe.share, recentre)
        note("share", loss, learner.shared())
    for place in range(recipe.tune):
        loss = epoch(learner.tune_steps, recipe.sharing_rate / 10, place, recipe.tune, lambda done: None)
        note("tune", loss, learner.shared())
    return pd.DataFrame(rows)
