"""Augmentation before training, and its leak: originals validate what their copies have trained. Thesis 5.5.1."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from lib import augmentation, training


def augmented_copies(images, transformations, copies, seed):
    """Return `copies` transformed copies of each image, (copies · N, H, W, C), one whole set after the other.

    `transformations` are those of augmentation.augmenter.
    """
    transform = augmentation.augmenter(transformations, images.shape[1:])
    transform = training.seeded(transform, training.derived_seed(seed, "augmentation"))
    return np.concatenate([np.asarray(transform(images, training=True)) for _ in range(copies)])


@dataclass(frozen=True)
class AugmentedBefore:
    """A Training on augmented copies of its training images, scored on the originals and on unseen images.

    `training` is the Training whose images are copied, `copies` times each, by its `augmentation`; the
    originals themselves are not trained on. The result's frame "history" has the columns epoch,
    training_accuracy (on the copies), originals_accuracy and validation_accuracy. Thesis 5.5.1.
    """

    training: training.Training
    copies: int

    @property
    def modules(self):
        """Modules beside this one that the result depends on: the network's family."""
        return self.training.modules

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        return self.copies * self.training.cost

    def compute(self):
        """Train and return {"history", "test_accuracy", "predicted"}; the test set is used once, at the end."""
        training.one_thread()
        config = self.training
        (images, labels), validation, test = training.parts(config).values()
        copied = augmented_copies(images, config.augmentation, self.copies, config.seed)
        model = training.build(config, images.shape[1:], labels.shape[1])
        model.compile(
            training.OPTIMIZERS[config.optimizer](config.learning_rate, **config.optimizer_settings),
            training.LOSSES[config.loss],
            metrics=["accuracy"],
            steps_per_execution=training.EPOCH,
        )
        judged = training.judged(*validation)
        watched = _Watched({"originals_accuracy": (images, labels), "validation_accuracy": judged})
        batches = training.batches(config, copied, np.tile(labels, (self.copies, 1)), "order")
        history = model.fit(
            batches, epochs=config.epochs, callbacks=[watched], shuffle=False, verbose=0
        ).history
        scores = pd.DataFrame({"training_accuracy": history["accuracy"]} | watched.scores)
        scores.insert(0, "epoch", np.arange(1, len(scores) + 1))
        predicted = model.predict_on_batch(test[0]).argmax(axis=1)
        return {
            "history": scores,
            "test_accuracy": float(np.mean(predicted == test[1].argmax(axis=1))),
            "predicted": {"test": predicted},
        }


class _Watched(keras.callbacks.Callback):
    """Notes the accuracy on sets of images after every epoch, in {name: accuracies}."""

    def __init__(self, sets):
        super().__init__()
        self.sets, self.scores = sets, {name: [] for name in sets}

    def on_epoch_end(self, epoch, logs=None):
        for name, (images, labels) in self.sets.items():
            hit = self.model.predict_on_batch(images).argmax(axis=1) == labels.argmax(axis=1)
            self.scores[name].append(float(hit.mean()))
