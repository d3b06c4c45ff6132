"""What can be said of measurements over several seeds, in the same words everywhere."""

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


def summary(values):
    """Return (mean, standard deviation) of measurements over seeds; the deviation is that of a sample."""
    values = np.asarray(values, dtype=float)
    return values.mean(), values.std(ddof=1) if len(values) > 1 else np.nan


def bootstrap_interval(values, confidence=CONFIDENCE, seed=0):
    """Return (low, high), the bootstrap interval of the mean over seeds (percentiles, 9999 resamples)."""
    interval = stats.bootstrap(
        (np.asarray(values, dtype=float),),
        np.mean,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return interval.low, interval.high


def table(frame, by, value):
    """Return a frame of mean, deviation and number of seeds of `value` for each setting of `by`."""
    grouped = frame.groupby(by, sort=False)[value]
    return pd.DataFrame(
        {"mean": grouped.mean(), "deviation": grouped.std(), "seeds": grouped.count()}
    ).reset_index()


def validation_loss(grid, results):
    """Return the lowest validation loss of each setting's epochs, the mean over its seeds; the lowest is chosen.

    `grid` is a MultiIndex of settings, the seed last, and `results` are those of its runs in the same order. A
    setting that diverged with one seed has an infinite loss. The last epoch's loss would not do: where a network
    overfits it grows, while the answers stay as good. Thesis 5.1.
    """
    lowest = [result["history"]["validation_loss"].min(skipna=False) for result in results]
    losses = pd.Series(lowest, grid, name="validation loss").fillna(np.inf)
    return losses.groupby(level=list(grid.names[:-1]), sort=False).mean()


def paired(first, second):
    """Return (mean difference, half width of its 95 % interval) of two settings over the same seeds.

    The interval is Student's, for the mean of the paired differences. Raises ValueError for lists of
    different lengths, or of fewer than two seeds.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(
            f"Two lists over the same seeds, at least two, are needed, not {len(first)} and {len(second)}."
        )
    differences = first - second
    half = (
        stats.t.ppf((1 + CONFIDENCE) / 2, len(differences) - 1)
        * differences.std(ddof=1)
        / np.sqrt(len(differences))
    )
    return differences.mean(), half


def clear(difference, half):
    """Return whether a difference is more than twice the half width of its interval, as a verdict on the thesis takes.

    What barely exceeds the noise with some seeds does not with others, and another processor is like other seeds.
    """
    return difference > 2 * half


def sentence(first_name, first, second_name, second, unit="points", scale=100, digits=1):
    """Return in words which of two settings is better over the same seeds, or that none is beyond the noise.

    Higher is better; `scale` turns the values into `unit` (accuracies into percentage points).
    """
    difference, half = (scale * number for number in paired(first, second))
    seeds = f"over {len(first)} seeds"
    if abs(difference) <= half:
        return (
            f"{first_name} and {second_name}: no difference beyond seed noise "
            f"({difference:+.{digits}f} ± {half:.{digits}f} {unit} {seeds})"
        )
    better, worse = (first_name, second_name) if difference > 0 else (second_name, first_name)
    return f"{better} beats {worse} by {abs(difference):.{digits}f} ± {half:.{digits}f} {unit} {seeds}"
