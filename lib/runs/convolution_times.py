"""Measured seconds of the kinds of convolution, forward, on one thread. Thesis 5.2."""

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from keras import layers

from lib import training
from lib.latency import compiled, seconds


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
