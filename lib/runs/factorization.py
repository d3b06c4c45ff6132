"""Runs: trained networks whose matrices are replaced by two thin ones, and trained on. Thesis 4.2."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import tensorflow as tf

from lib import training
from lib.compression import factorization
from lib.runs import evaluation
from lib.runs.fine_tuning import fine_tuned


@dataclass(frozen=True)
class Factorized:
    """A trained network with some layers at rank k, before and after fine-tuning.

    `start` is its Training, `ranks` are {layer name: rank}. It is trained on with Adam for `epochs` at
    `learning_rate` on the training's own images, and `images` of the part ("validation" or "test") are
    classified. Thesis 4.2.
    """

    start: training.Training
    ranks: dict
    epochs: int
    learning_rate: float
    part: str
    images: int | None

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        return (self.epochs + 1) * (self.start.training_images or 60_000) * self.start.image_size**2

    def compute(self, start):
        """Return {"trained", "factorised", "fine-tuned": accuracies, "bytes": size of the weights on disk}."""
        training.one_thread()
        images, labels = (array[: self.images] for array in training.parts(self.start)[self.part])
        model = training.trained(self.start, start)
        thin = factorization.factorized(model, self.ranks)
        before = evaluation.accuracy(thin, images, labels)
        result = {
            "trained": evaluation.accuracy(model, images, labels),
            "factorised": before,
            "fine-tuned": before,
            "bytes": evaluation.bytes_on_disk({weights.path: weights.numpy() for weights in thin.weights}),
        }
        if self.epochs:
            tuned = fine_tuned(self.start, thin, {}, self.learning_rate, self.epochs)
            result["fine-tuned"] = evaluation.accuracy(tuned, images, labels)
        return result


@dataclass(frozen=True)
class LayerTimes:
    """What one layer of a trained network takes as it is, rank 0, and as two layers of several ranks.

    `start` is the Training, `layer` the name, `images` are processed at a time. Thesis 4.2.
    """

    start: training.Training
    layer: str
    ranks: tuple[int, ...]
    images: int

    def compute(self, start):
        """Return {"times": frame} with the columns rank, multiply_adds (for an image), milliseconds."""
        training.one_thread()
        model = training.trained(self.start, start)
        layer = model.get_layer(self.layer)
        inputs = np.random.default_rng(0).normal(size=(self.images, *layer.input.shape[1:]))
        inputs = tf.constant(inputs, tf.float32)
        places = int(np.prod(layer.output.shape[1:-1]))
        inner, outer = factorization.kernel_matrix(layer.kernel).shape
        rows = [{"rank": 0, "multiply_adds": places * inner * outer, "milliseconds": _time(layer, inputs)}]
        for rank in self.ranks:
            thin = factorization.factorized(model, {self.layer: rank})
            pair = [thin.get_layer(f"{self.layer}_{place}") for place in ("first", "second")]
            milliseconds = _time(lambda batch, pair=pair: pair[1](pair[0](batch)), inputs)
            rows.append(
                {
                    "rank": rank,
                    "multiply_adds": places * rank * (inner + outer),
                    "milliseconds": milliseconds,
                }
            )
        return {"times": pd.DataFrame(rows)}


def _time(function, inputs):
    compiled = tf.function(function)
    return 1000 * evaluation.seconds(lambda: compiled(inputs).numpy(), 31)
