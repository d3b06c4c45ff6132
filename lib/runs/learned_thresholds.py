"""Runs that learn pruning thresholds together with the weights. Thesis 4.1."""

from dataclasses import dataclass

import keras
import pandas as pd

from lib import training
from lib.compression import learned_thresholds, pruning
from lib.compression.kernels import kernels
from lib.runs import evaluation
from lib.runs import pruning as pruning_runs


@dataclass(frozen=True)
class LearnedThresholds:
    """A network that is trained from its first weights on together with a threshold for each layer.

    `network` is its Training, with the number of epochs; `pressure` and `sharpness` are those of
    learned_thresholds.thresholded(); `images` of each part are judged, with all weights below their
    threshold really zero and no retraining. The result has sparsity, validation_accuracy, test_accuracy; the
    frame "history" has epoch (0 before training), layer, threshold, deviation (the unit in which it was learned),
    weights, kept, and "accuracy" has epoch, sparsity, validation_accuracy. Thesis 4.1; Manessi et al. 2018.
    """

    network: training.Training
    pressure: float
    sharpness: float
    images: int

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        return 2 * self.network.cost

    def compute(self):
        """Train and return the result."""
        training.one_thread()
        config = self.network
        images, labels = training.parts(config)["test"]
        model = training.build(config, images.shape[1:], labels.shape[1])
        learner = learned_thresholds.thresholded(model, self.pressure, self.sharpness)
        pruning_runs.compiled(config, learner, pruning_runs.optimizer(config))
        judge, parts = keras.models.clone_model(model), pruning_runs.judged(config, self.images)
        batches = pruning_runs.shuffled(config, "order")
        history, accuracy = [], []
        for epoch in range(config.epochs + 1):
            if epoch:
                learner.fit(batches, shuffle=False, verbose=0)
            thresholds = learner.thresholds()
            masks = pruning.masks(kernels(model), thresholds)
            judge.set_weights(pruning.pruned(model, masks).get_weights())
            right = evaluation.accuracy(judge, *parts["validation"])
            accuracy.append(
                {"epoch": epoch, "sparsity": pruning.share_of_zeros(masks), "validation_accuracy": right}
            )
            history += [
                {
                    "epoch": epoch,
                    "layer": path,
                    "threshold": thresholds[path],
                    "deviation": learner.scales[path],
                    "weights": mask.size,
                    "kept": int(mask.sum()),
                }
                for path, mask in masks.items()
            ]
        result = {"sparsity": accuracy[-1]["sparsity"]} | pruning_runs.accuracies(judge, parts)
        return result | {"history": pd.DataFrame(history), "accuracy": pd.DataFrame(accuracy)}
