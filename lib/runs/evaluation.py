"""Accuracy, size on disk and speed of a trained model, measured in the same way everywhere. Thesis 4."""

import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def classes(model, images):
    """Return the class (N,) that a model gives to each of images (N, H, W, C), a thousand at a time."""
    batches = range(0, len(images), 1000)
    return np.concatenate([np.argmax(model(images[start : start + 1000]), axis=1) for start in batches])


def accuracy(model, images, labels):
    """Return the share of images (N, H, W, C) whose class a model finds; `labels` are one-hot (N, classes)."""
    return float((classes(model, images) == labels.argmax(axis=1)).mean())


def bytes_on_disk(arrays):
    """Return the size of a file, in the safetensors format, with the arrays {name: array}."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_file(arrays, path)
        return path.stat().st_size


def seconds(function, repetitions=9):
    """Return the shortest time that a call of a function took, after one call that does not count."""
    function()
    times = []
    for _ in range(repetitions):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)
