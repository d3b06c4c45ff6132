"""Runs that prune a trained network: with and without retraining, at once and step by step. Thesis 4.1."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import training
from lib.compression import pruning
from lib.compression.kernels import kernels
from lib.runs import evaluation

THRESHOLDS = {"per layer": pruning.deviation_thresholds, "global": pruning.global_thresholds}


def shuffled(config, name):
    """Return the training images of a Training in batches, in an order of their own for each `name`."""
    return training.batches(config, *training.parts(config)["training"], "order", name)


def optimizer(config, rate=1.0):
    """Return the optimizer of a Training, new, at `rate` times its learning rate."""
    return training.OPTIMIZERS[config.optimizer](rate * config.learning_rate, **config.optimizer_settings)


def compiled(config, model, optimizer):
    """Compile a model for the loss of a Training; returns the model."""
    model.compile(
        optimizer, training.LOSSES[config.loss], metrics=["accuracy"], steps_per_execution=training.EPOCH
    )
    return model


def _learner(config, weights, rate=1.0):
    """Return the network of a Training with the given weights, compiled so that it can be pruned while it trains.

    The learning rate is `rate` times that of the Training.
    """
    training.one_thread()
    model = training.trained(config, {"weights": weights})
    compiled(config, model, pruning.masked(optimizer(config, rate)))
    model.optimizer.build(model.trainable_variables)
    return model


def _prune(model, thresholds, sparsity):
    """Prune a share of the weights of a model that _learner() made; returns the masks."""
    weights = kernels(model)
    masks = pruning.masks(weights, THRESHOLDS[thresholds](weights, sparsity))
    model.optimizer.prune(masks)
    return masks


def judged(config, images):
    """Return {"validation", "test"}: the first `images` of each part, with their labels."""
    parts = training.parts(config)
    return {part: tuple(array[:images] for array in parts[part]) for part in ("validation", "test")}


def accuracies(model, parts):
    """Return {"validation_accuracy", "test_accuracy"} of a model on what judged() gave."""
    return {f"{part}_accuracy": evaluation.accuracy(model, *sample) for part, sample in parts.items()}


@dataclass(frozen=True)
class Pruned:
    """A trained network, pruned to several sparsities without retraining.

    `start` is its Training, `thresholds` a name of THRESHOLDS, `images` of the validation and of the test
    set are judged. The result's frame "curve" has the columns sparsity, validation_accuracy, test_accuracy;
    "layers" has sparsity, layer, weights, kept. Thesis 4.1; Han et al. 2015, §3.
    """

    start: training.Training
    thresholds: str
    sparsities: tuple[float, ...]
    images: int

    @property
    def cost(self):
        """Images classified, to start the longest runs first."""
        return len(self.sparsities) * self.images * self.start.image_size**2

    def compute(self, start):
        """Return {"curve", "layers"}; `start` is the result of the config's `start`."""
        parts, model = judged(self.start, self.images), _learner(self.start, start["weights"])
        state, curve, layers = training.state(model), [], []
        for sparsity in self.sparsities:
            training.restore(model, state)
            masks = _prune(model, self.thresholds, sparsity)
            curve.append({"sparsity": sparsity} | accuracies(model, parts))
            layers += [
                {"sparsity": sparsity, "layer": path, "weights": mask.size, "kept": int(mask.sum())}
                for path, mask in masks.items()
            ]
        return {"curve": pd.DataFrame(curve), "layers": pd.DataFrame(layers)}


@dataclass(frozen=True)
class _Retrained:
    """What both ways of retraining under a mask need.

    `start`, `thresholds`, `sparsities` and `images` are as in Pruned; `epochs` are those of the retraining,
    one number a sparsity, at `rate` times the learning rate that the network was trained with.
    """

    start: training.Training
    thresholds: str
    sparsities: tuple[float, ...]
    epochs: tuple[int, ...]
    rate: float
    images: int

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        return sum(self.epochs) * (self.start.training_images or 60_000) * self.start.image_size**2


@dataclass(frozen=True)
class OneShot(_Retrained):
    """A trained network, pruned to each of several sparsities at once and then retrained under the mask.

    The result's frame "curve" has the columns sparsity, epochs, validation_accuracy, test_accuracy.
    Thesis 4.1; Han et al. 2015, §3.
    """

    def compute(self, start):
        """Return {"curve"}; `start` is the result of the config's `start`."""
        parts = judged(self.start, self.images)
        model = _learner(self.start, start["weights"], self.rate)
        state, batches, curve = training.state(model), shuffled(self.start, "retraining"), []
        for sparsity, epochs in zip(self.sparsities, self.epochs, strict=True):
            training.restore(model, state)
            _prune(model, self.thresholds, sparsity)
            model.fit(batches, epochs=epochs, shuffle=False, verbose=0)
            curve.append({"sparsity": sparsity, "epochs": epochs} | accuracies(model, parts))
        return {"curve": pd.DataFrame(curve)}


@dataclass(frozen=True)
class Iterative(_Retrained):
    """A trained network, pruned further and further, and retrained under the mask in between.

    Each sparsity goes on from the network of the one before, and the optimizer from its momentum. The result's
    frame "curve" has the columns sparsity, epochs (in all so far), validation_accuracy, test_accuracy after each
    retraining; "schedule" has step (of training, since `start`), sparsity, validation_accuracy right after each
    cut and after each epoch. Thesis 4.1, Abb. 20; Han et al. 2015, §3.5.
    """

    def compute(self, start):
        """Return {"curve", "schedule"}; `start` is the result of the config's `start`."""
        parts = judged(self.start, self.images)
        model = _learner(self.start, start["weights"], self.rate)
        batches, curve, schedule = shuffled(self.start, "retraining"), [], []

        def note(sparsity):
            step = int(model.optimizer.iterations.numpy())
            right = evaluation.accuracy(model, *parts["validation"])
            schedule.append({"step": step, "sparsity": sparsity, "validation_accuracy": right})

        note(0.0)
        for sparsity, epochs in zip(self.sparsities, self.epochs, strict=True):
            _prune(model, self.thresholds, sparsity)
            note(sparsity)
            for _ in range(epochs):
                model.fit(batches, shuffle=False, verbose=0)
                note(sparsity)
            curve.append({"sparsity": sparsity} | accuracies(model, parts))
        result = pd.DataFrame(curve).assign(epochs=np.cumsum(self.epochs))
        return {"curve": result, "schedule": pd.DataFrame(schedule)}


@dataclass(frozen=True)
class PrunedInTraining:
    """A network that is pruned after some epochs of its training, which then goes on under the mask.

    `network` is its Training, whose own number of epochs does not count: `epochs` are those in all, `after`
    those before the cut, each tried, 0 for a cut at initialisation; `thresholds`, `sparsities` and `images`
    as in Pruned. The result's frame "curve" has the columns after, sparsity, validation_accuracy,
    test_accuracy. Thesis 4.1.
    """

    network: training.Training
    thresholds: str
    sparsities: tuple[float, ...]
    after: tuple[int, ...]
    epochs: int
    images: int

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        trainings = len(self.sparsities) * len(self.after) * self.epochs
        return trainings * (self.network.training_images or 60_000) * self.network.image_size**2

    def compute(self):
        """Return {"curve"}."""
        images, labels = training.parts(self.network)["test"]
        untrained = training.build(self.network, images.shape[1:], labels.shape[1])
        weights = {variable.path: variable.numpy() for variable in untrained.variables}
        model = _learner(self.network, weights)
        parts, batches = judged(self.network, self.images), shuffled(self.network, "order")
        states = {}
        for epoch in range(max(self.after) + 1):
            if epoch:
                model.fit(batches, shuffle=False, verbose=0)
            states[epoch] = training.state(model)
        curve = []
        for after in self.after:
            for sparsity in self.sparsities:
                training.restore(model, states[after])
                _prune(model, self.thresholds, sparsity)
                model.fit(batches, epochs=self.epochs - after, shuffle=False, verbose=0)
                curve.append({"after": after, "sparsity": sparsity} | accuracies(model, parts))
        return {"curve": pd.DataFrame(curve)}
