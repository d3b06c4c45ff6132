"""A softmax layer trained by the three variants of gradient descent, as a run. Thesis 3.2.4."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import activations, datasets, gradient_descent, losses

VALIDATION_IMAGES = 1000


@dataclass(frozen=True)
class Descent:
    """A softmax layer on images, trained in numpy with the code of lib.gradient_descent.

    `variant` is "SGD", "BGD" or "MSGD" (with `batch_size`); `images` are drawn for training. Its result
    has the frames "history" (epoch, updates, validation_loss, validation_accuracy) and "time" (epoch,
    seconds since the start, without the measuring of the loss), and test_accuracy.
    """

    variant: str
    learning_rate: float
    epochs: int
    batch_size: int = 32
    images: int = 2000
    data: str = "mnist"
    seed: int = 0

    @property
    def cost(self):
        """The passes over the data, those of single samples counted higher."""
        return self.epochs * {"SGD": 20, "MSGD": 3, "BGD": 1}[self.variant]

    def compute(self):
        """Train and return the result; only the seconds differ between repetitions."""
        dataset, generator = datasets.loaded(self.data, (28, 28), 0), np.random.default_rng([self.seed, 324])
        training = generator.permutation(dataset.train)[: self.images]
        x, y = _samples(dataset, training)
        weights = np.zeros((x.shape[1], y.shape[1]), dtype=np.float32)
        settings = (gradient, weights, x, y, np.float32(self.learning_rate), self.epochs)
        updates_an_epoch = {"SGD": len(x), "BGD": 1, "MSGD": -(-len(x) // self.batch_size)}[self.variant]
        path = {
            "SGD": lambda: gradient_descent.stochastic(*settings, generator),
            "BGD": lambda: gradient_descent.batch(*settings),
            "MSGD": lambda: gradient_descent.mini_batch(*settings, generator, self.batch_size),
        }[self.variant]()
        validation = np.random.default_rng(0).permutation(dataset.validation)[:VALIDATION_IMAGES]
        history, seconds, weights = _follow(path, updates_an_epoch, weights, *_samples(dataset, validation))
        history["updates"] = updates_an_epoch * history["epoch"]
        _, test_accuracy = measured(weights, *_samples(dataset, dataset.test))
        return {"history": history, "time": seconds, "test_accuracy": float(test_accuracy)}


def _follow(path, updates_an_epoch, weights, x, y):
    """Follow a path to its end; return history and seconds, a row an epoch, and the last weights."""
    rows, seconds, elapsed = [(0, *measured(weights, x, y))], [(0, 0.0)], 0.0
    started = time.perf_counter()
    for update, weights in enumerate(path, 1):
        if update % updates_an_epoch == 0:
            elapsed += time.perf_counter() - started
            rows.append((update // updates_an_epoch, *measured(weights, x, y)))
            seconds.append((update // updates_an_epoch, elapsed))
            started = time.perf_counter()
    history = pd.DataFrame(rows, columns=["epoch", "validation_loss", "validation_accuracy"])
    return history, pd.DataFrame(seconds, columns=["epoch", "seconds"]), weights


def _samples(dataset, indices):
    """Return (pixels and a one, one-hot labels), (N, P + 1) and (N, C), of some images."""
    pixels = dataset.images[indices].reshape(len(indices), -1).astype(np.float32) / 255
    one_hot = np.eye(len(dataset.classes), dtype=np.float32)[dataset.labels[indices]]
    return np.hstack([pixels, np.ones((len(indices), 1), dtype=np.float32)]), one_hot


def gradient(weights, x, y):
    """Return the gradient of the mean cross entropy of softmax(x weights), in the shape of the weights."""
    outputs = activations.softmax(x @ weights).astype(x.dtype)
    return x.T @ (outputs - y) / x.dtype.type(len(x))


def measured(weights, x, y):
    """Return (mean cross entropy, share of right answers) of softmax(x weights)."""
    outputs = activations.softmax(x @ weights)
    loss = losses.categorical_cross_entropy(y, outputs)
    return float(loss), float(np.mean(outputs.argmax(axis=-1) == y.argmax(axis=-1)))
