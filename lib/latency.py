"""Measured inference time of networks, side by side. Thesis 5.3."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import tensorflow as tf

from lib import networks, training


@dataclass(frozen=True)
class InferenceTimes:
    """Seconds that networks need for one image, on one thread.

    `candidates` are (network, settings): a function of lib.networks, "mobilenet.mobilenet" for instance, and
    its arguments, the input shape among them. In each of `repetitions` rounds every network gets one image in
    turn, so that whatever else the machine does meets all of them alike. The result's frame "times" has the
    columns candidate (its place in the list, from 0), repetition, seconds.
    """

    candidates: tuple[tuple[str, dict], ...]
    repetitions: int = 15

    @property
    def modules(self):
        """Modules beside this one that the result depends on: the networks' families."""
        return tuple(sorted({f"lib.networks.{name.partition('.')[0]}" for name, _ in self.candidates}))

    def compute(self):
        """Return {"times": frame}; the first image of each network, which also builds its graph, is not counted."""
        training.one_thread()
        models = [networks.find(name)(**settings) for name, settings in self.candidates]
        generator = np.random.default_rng(0)
        images = [
            tf.constant(generator.uniform(size=(1, *model.input_shape[1:])), tf.float32) for model in models
        ]
        functions = [tf.function(lambda image, model=model: model(image, training=False)) for model in models]
        for function, image in zip(functions, images, strict=True):
            function(image).numpy()
        rows = []
        for repetition in range(self.repetitions):
            for candidate, (function, image) in enumerate(zip(functions, images, strict=True)):
                started = time.perf_counter()
                function(image).numpy()
                seconds = time.perf_counter() - started
                rows.append({"candidate": candidate, "repetition": repetition, "seconds": seconds})
        return {"times": pd.DataFrame(rows)}


def ratios(times, reference):
    """Return for each candidate the median over the rounds of its seconds over those of the `reference`, by place."""
    rounds = times.pivot(index="repetition", columns="candidate", values="seconds")
    return rounds.div(rounds[reference], axis=0).median().to_numpy()
