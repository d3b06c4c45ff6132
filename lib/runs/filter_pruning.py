"""Runs that take filters out of a trained network: how it bears that, and what it gains. Thesis 4.1."""

from dataclasses import dataclass

import keras
import pandas as pd

from lib import cost, latency, training
from lib.compression import filter_pruning
from lib.runs import evaluation
from lib.runs import pruning as pruning_runs

SELECTIONS = {
    "independent": filter_pruning.select_independently,
    "greedy": filter_pruning.select_greedily,
}


def removed(filters, share):
    """Return {layer: number to remove} for {layer: number of filters}: the share of each, but never all."""
    return {layer: min(round(share * number), number - 1) for layer, number in filters.items()}


@dataclass(frozen=True)
class Sensitivity:
    """The accuracy of a trained network when one layer alone loses a share of its filters, not retrained.

    `start` is its Training, `images` of the validation set are judged. The result's frame "curve" has
    the columns layer, share, validation_accuracy. Thesis 4.1; Li et al. 2017, §3.2.
    """

    start: training.Training
    shares: tuple[float, ...]
    images: int

    @property
    def cost(self):
        """Images classified, to start the longest runs first."""
        return len(self.shares) * self.images * self.start.image_size**2

    def compute(self, start):
        """Return {"curve"}; `start` is the result of the config's `start`."""
        training.one_thread()
        model = training.trained(self.start, start)
        sample = pruning_runs.judged(self.start, self.images)["validation"]
        judge, curve = keras.models.clone_model(model), []
        for layer, number in filter_pruning.convolutions(model).items():
            for share in self.shares:
                kept = filter_pruning.select_independently(model, removed({layer: number}, share))
                judge.set_weights(filter_pruning.silenced(model, kept).get_weights())
                right = evaluation.accuracy(judge, *sample)
                curve.append({"layer": layer, "share": share, "validation_accuracy": right})
        return {"curve": pd.DataFrame(curve)}


@dataclass(frozen=True)
class FilterPruned:
    """A trained network that loses a share of the filters of each layer at once, and is retrained for some epochs.

    `start` is its Training, `selection` a name of SELECTIONS; the retraining is at `rate` times its learning rate.
    `images` of each part are judged. The result has the accuracies before retraining ("cut_validation_accuracy",
    "cut_test_accuracy") and after it, parameters and multiply-adds for one image, in the frame "kept" layer and
    filter of those that stay, and in the frame "time" network ("whole", "pruned") and seconds, the least of
    `repetitions` for `batch` images. Thesis 4.1; Li et al. 2017, §3.3 and 3.4.
    """

    start: training.Training
    selection: str
    share: float
    epochs: int
    rate: float
    images: int
    batch: int
    repetitions: int

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        return self.epochs * (self.start.training_images or 60_000) * self.start.image_size**2

    def compute(self, start):
        """Return the result; `start` is that of the config's `start`."""
        training.one_thread()
        whole, parts = training.trained(self.start, start), pruning_runs.judged(self.start, self.images)
        filters = filter_pruning.convolutions(whole)
        kept = SELECTIONS[self.selection](whole, removed(filters, self.share))
        smaller = filter_pruning.without_filters(whole, kept)
        cut = pruning_runs.accuracies(smaller, parts)
        pruning_runs.compiled(self.start, smaller, pruning_runs.optimizer(self.start, self.rate))
        smaller.fit(
            pruning_runs.shuffled(self.start, "retraining"), epochs=self.epochs, shuffle=False, verbose=0
        )
        images = parts["test"][0][: self.batch]
        calls = {
            name: latency.compiled(model, images) for name, model in (("whole", whole), ("pruned", smaller))
        }
        taken = latency.seconds(calls, self.repetitions).groupby("name", sort=False)["seconds"].min()
        counted = cost.by_layer(smaller)
        return (
            {f"cut_{name}": value for name, value in cut.items()}
            | pruning_runs.accuracies(smaller, parts)
            | {name: int(counted[name].sum()) for name in ("parameters", "multiply-adds")}
            | {
                "kept": pd.DataFrame(
                    [(layer, int(index)) for layer in kept for index in kept[layer]],
                    columns=["layer", "filter"],
                ),
                "time": taken.rename_axis("network").reset_index(),
            }
        )
