"""What a trained network knows: its answers to training and test photos, as they are and moved. Thesis 5.5.1."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import training
from lib.runs import evaluation

DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))  # (rows, columns): right, left, down, up


def move(images, rows, columns):
    """Return images (N, H, W, C) moved down by `rows` and right by `columns`; the edge is repeated.

    Negative numbers move up and left. On an even background only the position of the contents changes.
    """
    height, width = images.shape[1:3]
    from_row = np.clip(np.arange(height) - rows, 0, height - 1)
    from_column = np.clip(np.arange(width) - columns, 0, width - 1)
    return images[:, from_row][:, :, from_column]


@dataclass(frozen=True)
class Examination:
    """The answers of a trained network to the photos it was trained on and to those of the test set.

    `start` is its Training; in "moved" the contents of the photos are moved by `distances`, in pixels, in
    four directions. No photo is augmented and no unit dropped. Thesis 5.5.1, the position of the plate.
    """

    start: training.Training
    distances: tuple[int, ...]

    def compute(self, start):
        """Return {"answers", "moved"}, two frames; `start` is the result of the config's `start`.

        "answers" has part ("training" or "test"), label and predicted of every photo, "moved" has part,
        distance and accuracy, the mean over the directions.
        """
        training.one_thread()
        model = training.trained(self.start, start)
        answers, moved = [], []
        for part, (images, one_hot) in training.parts(self.start).items():
            if part == "validation":
                continue
            labels = one_hot.argmax(axis=1)
            answers.append(
                pd.DataFrame({"part": part, "label": labels, "predicted": evaluation.classes(model, images)})
            )
            for distance in self.distances:
                shifted = [move(images, distance * down, distance * right) for down, right in DIRECTIONS]
                accuracy = np.mean([evaluation.classes(model, copies) == labels for copies in shifted])
                moved.append({"part": part, "distance": distance, "accuracy": accuracy})
        return {"answers": pd.concat(answers, ignore_index=True), "moved": pd.DataFrame(moved)}
