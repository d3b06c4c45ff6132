"""Measured inference time of whole networks, side by side. Thesis 5.3."""

from dataclasses import dataclass

import numpy as np

from lib import latency, networks, training


@dataclass(frozen=True)
class InferenceTimes:
    """Seconds that networks need for one image, on one thread.

    `candidates` are (network, settings): a function of lib.networks, "mobilenet.mobilenet" for instance, and
    its arguments, the input shape among them. In each of `repetitions` rounds every network gets one image in
    turn. The result's frame "times" has the columns candidate (its place in the list, from 0), repetition,
    seconds.
    """

    candidates: tuple[tuple[str, dict], ...]
    repetitions: int = 15

    @property
    def modules(self):
        """Modules beside this one that the result depends on: the networks' families."""
        return tuple(sorted({f"lib.networks.{name.partition('.')[0]}" for name, _ in self.candidates}))

    def compute(self):
        """Return {"times": frame}."""
        training.one_thread()
        generator = np.random.default_rng(0)
        calls = {}
        for candidate, (name, settings) in enumerate(self.candidates):
            model = networks.find(name)(**settings)
            image = generator.uniform(size=(1, *model.input_shape[1:])).astype(np.float32)
            calls[candidate] = latency.compiled(model, image)
        return {"times": latency.seconds(calls, self.repetitions).rename(columns={"name": "candidate"})}


def ratios(times, reference):
    """Return for each candidate its seconds over those of the candidate `reference`, the median over the rounds.

    `times` is the frame of InferenceTimes; within a round, since a slow one is slow for all.
    """
    rounds = times.pivot(index="repetition", columns="candidate", values="seconds")
    return rounds.div(rounds[reference], axis=0).median().to_numpy()
