"""Filters and the maps they make: how alike they are, and how many say the same. Thesis 2.2 and 2.3."""

import numpy as np


def cosines(filters):
    """Return the cosine of the angle between every two filters (rows, columns, C, number): (number, number).

    It is 1 for filters that are proportional, 0 for those that have nothing in common and -1 for
    opposite ones; a filter of zeros has 0 with all. Thesis 2.3.
    """
    return _cosines(np.reshape(filters, (-1, np.shape(filters)[-1])))


def correlations(maps):
    """Return the correlation of every two feature maps (N, H, W, number), over all images and pixels.

    The result is (number, number), 1 where one map is the other times a positive factor, plus a
    number; a map that is the same everywhere has 0 with all. Thesis 2.2.
    """
    columns = np.reshape(maps, (-1, np.shape(maps)[-1])).astype(np.float64)
    return _cosines(columns - columns.mean(axis=0))


def _cosines(columns):
    lengths = np.linalg.norm(columns, axis=0)
    unit = np.divide(columns, lengths, out=np.zeros_like(columns), where=lengths > 1e-9)
    return np.clip(unit.T @ unit, -1, 1)


def twins(similarity, threshold=0.9):
    """Return, for each filter, the earlier one that is more similar than `threshold`, or itself: (number,) of int.

    `similarity` is (number, number). The filters are gone through in their order and compared with
    those that were kept, of which the most similar counts; filters that are their own twin are kept,
    the others redundant. Thesis 2.3.
    """
    result = np.arange(len(similarity))
    for index, row in enumerate(similarity):
        kept = np.flatnonzero(result[:index] == np.arange(index))
        if kept.size and row[kept].max() > threshold:
            result[index] = kept[row[kept].argmax()]
    return result


def redundant(similarity, threshold=0.9):
    """Return how many filters have a twin, as twins() counts. Thesis 2.3."""
    return int(np.sum(twins(similarity, threshold) != np.arange(len(similarity))))
