"""How a trained network bears shifted images. Thesis 3.1.4."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import training

DIRECTIONS = {"right": (0, 1), "left": (0, -1), "down": (1, 0), "up": (-1, 0)}  # (rows, columns)


def shift(images, rows, columns):
    """Return images (N, H, W, C) moved down by `rows` and right by `columns`; zeros come in at the edge.

    Negative numbers move up and left. Raises ValueError for a shift that leaves nothing of the images.
    """
    height, width = images.shape[1:3]
    if abs(rows) >= height or abs(columns) >= width:
        raise ValueError(f"A shift by {(rows, columns)} leaves nothing of images of {(height, width)}.")
    moved = np.zeros_like(images)
    source = images[:, max(-rows, 0) : height - max(rows, 0), max(-columns, 0) : width - max(columns, 0)]
    moved[:, max(rows, 0) : height + min(rows, 0), max(columns, 0) : width + min(columns, 0)] = source
    return moved


@dataclass(frozen=True)
class ShiftedTest:
    """The accuracy of a trained network on test images that are shifted in four directions.

    `start` is its Training, `shifts` are in pixels, `images` of the test set are used. The result's
    frame "shifted" has the columns shift, direction, accuracy. Thesis 3.1.4.
    """

    start: training.Training
    shifts: tuple[int, ...]
    images: int

    @property
    def cost(self):
        """Images classified, to start the longest runs first."""
        return len(self.shifts) * len(DIRECTIONS) * self.images * self.start.image_size**2

    def compute(self, start):
        """Return {"shifted": frame}; `start` is the result of the config's `start`."""
        training.one_thread()
        model = training.trained(self.start, start)
        images, labels = (part[: self.images] for part in training.parts(self.start)["test"])
        rows = []
        for distance in self.shifts:
            for direction, (down, right) in DIRECTIONS.items():
                moved = shift(images, distance * down, distance * right)
                hit = model.predict_on_batch(moved).argmax(axis=1) == labels.argmax(axis=1)
                rows.append({"shift": distance, "direction": direction, "accuracy": hit.mean()})
        return {"shifted": pd.DataFrame(rows)}
