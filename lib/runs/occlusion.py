"""Where a network looks: how its answer changes when a part of the photo is hidden. Thesis 5.5.1."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import training


def occlude(image, square, step, colour):
    """Return (copies, corners): an image (H, W, C) with a square hidden, at every place of a grid.

    `square` is its side in pixels, `step` the distance of neighbours, `colour` one number or one a channel.
    The copies are (places, H, W, C), the corners (places, 2) rows and columns of the squares' upper left.
    Raises ValueError for a square that does not fit. Zeiler and Fergus 2014, §4.2.
    """
    height, width = image.shape[:2]
    if not 0 < square <= min(height, width):
        raise ValueError(f"A square of {square} pixels does not fit into an image of {(height, width)}.")
    places = [range(0, side - square + 1, step) for side in (height, width)]
    corners = np.array([(row, column) for row in places[0] for column in places[1]])
    copies = np.repeat(image[np.newaxis], len(corners), axis=0)
    for copy, (row, column) in zip(copies, corners, strict=True):
        copy[row : row + square, column : column + square] = colour
    return copies, corners


def spread_over_pixels(values, corners, square, shape):
    """Return a map of `shape`, (rows, columns): in each pixel the mean of the squares that hid it.

    `values` has one number for each corner of occlude. A pixel that no square hid is NaN.
    """
    total, count = np.zeros(shape), np.zeros(shape)
    for value, (row, column) in zip(values, corners, strict=True):
        hidden = np.s_[row : row + square, column : column + square]
        total[hidden] += value
        count[hidden] += 1
    return np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)


@dataclass(frozen=True)
class Occlusion:
    """How a trained network answers to test photos of which a square is hidden.

    `start` is its Training; `square` and `step` are in pixels; the square is mid-grey. The result's
    "maps" are {"fall": (N, H, W), how far the probability of the photo's class falls where a pixel is hidden,
    "probability": (N,), that of the whole photo}; its frame "photos" has photo, label, predicted, and
    flipped, the share of places at which the hidden square changes the predicted class.
    Zeiler and Fergus 2014, §4.2; thesis 5.5.1.
    """

    start: training.Training
    square: int
    step: int

    def compute(self, start):
        """Return {"maps": {name: array}, "photos": frame}; `start` is the result of the config's `start`."""
        training.one_thread()
        model = training.trained(self.start, start)
        images, one_hot = training.parts(self.start)["test"]
        whole, labels = model.predict_on_batch(images), one_hot.argmax(axis=1)
        falls, rows = [], []
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            copies, corners = occlude(image, self.square, self.step, 0.5)
            answers = model.predict_on_batch(copies)
            fall = whole[number, label] - answers[:, label]
            falls.append(spread_over_pixels(fall, corners, self.square, image.shape[:2]))
            predicted = whole[number].argmax()
            flipped = (answers.argmax(axis=1) != predicted).mean()
            rows.append({"photo": number, "label": label, "predicted": predicted, "flipped": flipped})
        probability = whole[np.arange(len(labels)), labels]
        return {"maps": {"fall": np.array(falls), "probability": probability}, "photos": pd.DataFrame(rows)}
