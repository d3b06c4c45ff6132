"""The training of a compressed network on the images that it was trained on. Thesis 4."""

import keras

from lib import training
from lib.compression import codebooks


def fine_tuned(config, model, shared, learning_rate, epochs):
    """Return a copy of `model`, trained on with Adam as the Training `config` says, but for the rate and epochs.

    `shared` are the codebooks {path: Codebook} of weights that go on sharing their values; {} for none.
    """
    images, labels = training.parts(config)["training"]
    batches = training.batches(config, images, labels, "fine-tuning")
    tuned, _ = codebooks.fine_tune(
        model,
        shared,
        batches,
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=training.LOSSES[config.loss],
        epochs=epochs,
    )
    return tuned
