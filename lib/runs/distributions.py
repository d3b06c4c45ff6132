"""How the sums in front of a network's ReLUs are distributed while it is trained. Thesis 5.5.1."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from lib import normalization, training

PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class Distributions:
    """The sums of a network's layers, and what batch normalisation makes of them, after every epoch.

    `settings` say what is trained and how, without augmentation, schedule or early stopping; the network
    is looked at with the first `watched` training images. Ioffe and Szegedy 2015, §4.1; thesis 5.5.1.
    """

    settings: training.Training
    watched: int = 64

    def compute(self):
        """Train and return {"layers": frame}, one row for each epoch, layer and place.

        Its columns are epoch (0: before training), layer (1 is next to the image), place (of `sums`),
        p5 to p95, percentiles over all units and images, and shift, how far the units' means moved in this
        epoch, in the units' standard deviations before it (root mean square over the units; empty at first).
        """
        config = self.settings
        training.one_thread()
        images, labels = training.parts(config)["training"]
        model = training.build(config, images.shape[1:], labels.shape[1])
        optimizer = training.OPTIMIZERS[config.optimizer](config.learning_rate, **config.optimizer_settings)
        model.compile(optimizer, training.LOSSES[config.loss], steps_per_execution=training.EPOCH)
        random = np.random.default_rng(training.derived_seed(config.seed, "order"))
        frames, before = [], {}
        for epoch in range(config.epochs + 1):
            if epoch:
                order = random.permutation(len(images))
                model.fit(images[order], labels[order], config.batch_size, shuffle=False, verbose=0)
            now = sums(model, images[: self.watched])
            frames += [
                pd.DataFrame(
                    [
                        {"epoch": epoch, "layer": layer, "place": place}
                        | described(values, before.get((layer, place)))
                    ]
                )
                for (layer, place), values in now.items()
            ]
            before = now
        return {"layers": pd.concat(frames, ignore_index=True)}


def sums(model, images):
    """Return {(layer, place): sums (N, ..., units)} of every layer of a network that precedes a ReLU.

    The place is "own", and after batch normalisation, by the statistics of these images as in training,
    "normalised". Layers are counted from 1, next to the image.
    """
    found, values, layer = {}, images, 0
    for block in model.layers:
        if isinstance(block, keras.layers.BatchNormalization):
            values = normalization.batch_normalize(
                values, block.gamma.numpy(), block.beta.numpy(), block.epsilon
            )
            found[layer, "normalised"] = values
        else:
            values = np.asarray(block(values))
            if hasattr(block, "kernel"):
                layer += 1
                found[layer, "own"] = values
    del found[layer, "own"]  # of the softmax layer
    return found


def described(values, before=None):
    """Return {"p5" ... "p95", "shift"} of sums (N, ..., units), with the same ones an epoch `before`."""
    axes = tuple(range(values.ndim - 1))
    percentiles = {
        f"p{share}": value
        for share, value in zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)
    }
    if before is None:
        return percentiles | {"shift": np.nan}
    moved = (values.mean(axis=axes) - before.mean(axis=axes)) / np.maximum(before.std(axis=axes), 1e-6)
    return percentiles | {"shift": np.sqrt(np.mean(moved**2))}
