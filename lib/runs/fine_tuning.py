"""The training of a compressed network on the images that it was trained on. Thesis 4."""

import keras
import tensorflow as tf

from lib import training
from lib.compression import codebooks


def fine_tuned(config, model, shared, learning_rate, epochs):
    """Return a copy of `model`, trained on with Adam as the Training `config` says, but for the rate and epochs.

    `shared` are the codebooks {path: Codebook} of weights that go on sharing their values; {} for none.
    """
    images, labels = training.parts(config)["training"]
    batches = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(len(images), seed=training.derived_seed(config.seed, "fine-tuning"))
        .batch(config.batch_size)
    )
    tuned, _ = codebooks.fine_tune(
        model,
        shared,
        batches,
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=training.LOSSES[config.loss],
        epochs=epochs,
    )
    return tuned
