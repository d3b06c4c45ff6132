"""Measured seconds of networks and layers, forward, on one thread. Thesis 5.2, 5.3.

The clock is the processor time of this process. On one thread that is the time that passes on a free
machine, and stays so where other programs want the same cores.
"""

import time
from functools import partial

import pandas as pd
import tensorflow as tf

WARM_UP = 3  # calls before the clock starts: the first ones compile, and fetch memory


def compiled(model, images):
    """Return a function without arguments that computes a Keras model's output for images (N, H, W, C)."""
    images = tf.constant(images)
    graph = tf.function(partial(model, training=False)).get_concrete_function(images)
    return lambda: graph(images)


def seconds(calls, repetitions):
    """Return a frame of what calls take, {name: function without arguments}: name, repetition, seconds.

    They are measured in turn, so that a machine that slows down meanwhile slows all of them down.
    """
    for _ in range(WARM_UP):
        for call in calls.values():
            call()
    rows = []
    for repetition in range(repetitions):
        for name, call in calls.items():
            started = time.process_time()
            call()
            rows.append((name, repetition, time.process_time() - started))
    return pd.DataFrame(rows, columns=["name", "repetition", "seconds"])
