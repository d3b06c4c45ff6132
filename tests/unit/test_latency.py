"""Measured seconds: every call in turn, of the layers that the formulas are about."""

import keras
import numpy as np
from keras import layers

from lib import cost, latency
from lib.runs.convolution_times import ConvolutionTimes

SMALL = ConvolutionTimes(size=6, channels=4, filters=5, multiplier=3, repetitions=2)


def test_calls_are_measured_in_turn_after_a_warm_up():
    made = []
    calls = {name: lambda name=name: made.append(name) for name in ("first", "second")}
    frame = latency.seconds(calls, repetitions=2)
    assert made == ["first", "second"] * (latency.WARM_UP + 2)
    assert frame["name"].tolist() == ["first", "second"] * 2
    assert frame["repetition"].tolist() == [0, 0, 1, 1]
    assert (frame["seconds"] >= 0).all()


def test_a_compiled_model_computes_what_the_model_does():
    model = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()])
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype(np.float32)
    assert np.allclose(latency.compiled(model, images)(), model(images), atol=1e-6)


def test_the_layers_cost_what_their_names_say():
    costs = {name: cost.by_layer(model)["multiply-adds"].sum() for name, model in SMALL.models().items()}
    assert costs == {
        "nothing": 0,
        "ReLU": 0,
        "standard": 9 * 4 * 5 * 36,
        "depthwise": 9 * 4 * 36,
        "depthwise, α = 3": 3 * 9 * 4 * 36,
        "pointwise": 4 * 5 * 36,
        "separable": (9 * 4 + 4 * 5) * 36,
        "separable, α = 3": 3 * (9 * 4 + 4 * 5) * 36,
    }


def test_a_run_has_a_median_for_each_kind():
    frame = SMALL.compute()["time"]
    assert frame["kind"].tolist() == list(SMALL.models())
    assert (frame["seconds"] > 0).all()
