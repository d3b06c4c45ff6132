"""Measured seconds of networks and layers, forward, on one thread. Thesis 5.2, 5.3."""

import time
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers

from lib import training

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
            started = time.perf_counter()
            call()
            rows.append((name, repetition, time.perf_counter() - started))
    return pd.DataFrame(rows, columns=["name", "repetition", "seconds"])


@dataclass(frozen=True)
class ConvolutionTimes:
    """The seconds that each kind of convolution takes for one image of `size`×`size`×`channels`.

    `filters` maps come out, `filter_size` is the side of a filter, and `multiplier` is that of the second
    depthwise and the second separable convolution. Thesis (5.2) to (5.5).
    """

    size: int
    channels: int = 64
    filters: int = 64
    filter_size: int = 3
    multiplier: int = 2
    repetitions: int = 30

    @property
    def cost(self):
        """Multiply-adds, to start the longest runs first."""
        return self.repetitions * self.size**2 * self.channels * self.filters * self.filter_size**2

    def models(self):
        """Return {name: model of one layer}; "nothing" and "ReLU" are what any layer costs."""
        same = {"padding": "same", "use_bias": False}
        depthwise = partial(layers.DepthwiseConv2D, self.filter_size, **same)
        separable = partial(layers.SeparableConv2D, self.filters, self.filter_size, **same)
        kinds = {
            "nothing": layers.Identity(),
            "ReLU": layers.ReLU(),
            "standard": layers.Conv2D(self.filters, self.filter_size, **same),
            "depthwise": depthwise(),
            f"depthwise, α = {self.multiplier}": depthwise(depth_multiplier=self.multiplier),
            "pointwise": layers.Conv2D(self.filters, 1, **same),
            "separable": separable(),
            f"separable, α = {self.multiplier}": separable(depth_multiplier=self.multiplier),
        }
        shape = (self.size, self.size, self.channels)
        return {name: keras.Sequential([keras.Input(shape), layer]) for name, layer in kinds.items()}

    def compute(self):
        """Return {"time": frame}, the median seconds of each kind: kind, seconds."""
        training.one_thread()
        shape = (1, self.size, self.size, self.channels)
        image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        calls = {name: compiled(model, image) for name, model in self.models().items()}
        taken = seconds(calls, self.repetitions)
        medians = taken.groupby("name", sort=False)["seconds"].median()
        return {"time": medians.rename_axis("kind").reset_index()}
