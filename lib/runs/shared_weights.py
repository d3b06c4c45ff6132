"""Runs: trained networks whose weights share a few values, and the training of these. Thesis 4.2."""

from dataclasses import dataclass

import pandas as pd

from lib import training
from lib.compression import codebooks
from lib.runs import evaluation
from lib.runs.fine_tuning import fine_tuned


@dataclass(frozen=True)
class SharedWeights:
    """A trained network with codebooks of several sizes, before and after fine-tuning of the centroids.

    `start` is its Training; `counts` are the sizes, those up to `largest_tuned` are fine-tuned, with Adam at
    `learning_rate` for one epoch of the training's own images; `images` of the part ("validation" or
    "test") are classified. Thesis 4.2; Han et al. 2016, §3.
    """

    start: training.Training
    initialization: str
    counts: tuple[int, ...]
    largest_tuned: int
    learning_rate: float
    part: str
    images: int | None

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        return len(self.counts) * (self.start.training_images or 60_000) * self.start.image_size**2

    def compute(self, start):
        """Return {"counts": frame} with the columns count, bits (of a weight), error, shared, fine_tuned.

        `error` is the squared error of the weights over their sum of squares, the last two are accuracies.
        """
        training.one_thread()
        images, labels = (array[: self.images] for array in training.parts(self.start)[self.part])
        model = training.trained(self.start, start)
        kernels = codebooks.kernels(model)
        size = sum(kernel.size for kernel in kernels.values())
        squares = sum((kernel**2).sum() for kernel in kernels.values())
        rows = []
        for count in self.counts:
            shared = codebooks.share(model, count, self.initialization, self.start.seed)
            coded = codebooks.decoded(model, shared)
            missed = sum(
                ((kernels[path] - codebooks.decode(book)) ** 2).sum() for path, book in shared.items()
            )
            before = after = evaluation.accuracy(coded, images, labels)
            if count <= self.largest_tuned:
                tuned = fine_tuned(self.start, model, shared, self.learning_rate, epochs=1)
                after = evaluation.accuracy(tuned, images, labels)
            bits = sum(codebooks.stored_bits(book) for book in shared.values()) / size
            rows.append(
                {
                    "count": count,
                    "bits": bits,
                    "error": missed / squares,
                    "shared": before,
                    "fine_tuned": after,
                }
            )
        return {"counts": pd.DataFrame(rows)}
