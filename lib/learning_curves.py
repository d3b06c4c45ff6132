"""Learning curves: the error against the number of training images, as a law that can be continued.

Thesis 5.5.2. The inverse power law is that of Cortes et al. 1994.
"""

import numpy as np
from scipy import optimize


def power_law(images, gain, exponent, floor):
    """Return the error `floor` + `gain` · images^-`exponent` for numbers of training images."""
    return floor + gain * np.asarray(images, dtype=float) ** -exponent


def fit(images, errors, with_floor=True):
    """Return (gain, exponent, floor) of the power law nearest to errors in [0, 1], by least squares.

    `images` (n,) are numbers of training images, `errors` (n,) what was measured with them. Without
    a floor, the error that stays with any number of images, the error falls to 0. Raises ValueError
    where there are fewer different numbers of images than parameters.
    """
    images, errors = np.asarray(images, dtype=float), np.asarray(errors, dtype=float)
    parameters = 3 if with_floor else 2
    if (different := len(np.unique(images))) < parameters:
        raise ValueError(
            f"A law of {parameters} parameters needs as many numbers of images, not {different}."
        )
    scale = images.max()  # in units of the most images the gain is an error, too
    largest = [1, 3, 1 if with_floor else 1e-9]

    def misses(law):
        return power_law(images / scale, *law) - errors

    start = [errors[images.argmax()] / 2, 0.5, errors.min() / 2 if with_floor else 0]
    law = optimize.least_squares(misses, np.clip(start, 1e-9, largest), bounds=([0, 0, 0], largest)).x
    return law[0] * scale ** law[1], law[1], law[2] if with_floor else 0.0


def bootstrap(images, errors, at, resamples=1000, seed=0, with_floor=True):
    """Return the errors (resamples, len(at)) that laws fitted to resampled seeds foretell for `at` images.

    `errors` (seeds, n) has a row for each seed; whole rows are drawn with replacement, since the errors
    of one seed hang together. Efron & Tibshirani 1993.
    """
    errors = np.asarray(errors, dtype=float)
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(errors), size=(resamples, len(errors)))
    return np.array([power_law(at, *fit(images, errors[rows].mean(axis=0), with_floor)) for rows in drawn])
