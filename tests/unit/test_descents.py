from dataclasses import replace

import numpy as np
import pytest

from lib.runs import descents
from lib.runs.descents import Descent

SMALL = Descent("MSGD", 0.1, epochs=2, images=100, batch_size=32)


def test_the_gradient_is_the_slope_of_the_loss():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(6, 4)), np.eye(3)[generator.integers(0, 3, 6)]
    weights, step = generator.normal(size=(4, 3)), np.zeros((4, 3))
    step[1, 2] = 1e-6
    above, below = (descents.measured(weights + sign * step, x, y)[0] for sign in (1, -1))
    assert descents.gradient(weights, x, y)[1, 2] == pytest.approx((above - below) / 2e-6, rel=1e-5)


@pytest.mark.parametrize(("variant", "updates"), [("SGD", 100), ("BGD", 1), ("MSGD", 4)])
def test_history_counts_updates_from_the_untrained_weights_on(variant, updates):
    history = replace(SMALL, variant=variant).compute()["history"]
    assert history["epoch"].tolist() == [0, 1, 2]
    assert history["updates"].tolist() == [0, updates, 2 * updates]
    assert history["validation_loss"].iloc[0] == pytest.approx(np.log(10))


def test_only_the_seconds_differ_between_repetitions():
    first, second = SMALL.compute(), SMALL.compute()
    assert first["history"].equals(second["history"])
    assert first["test_accuracy"] == second["test_accuracy"]


def test_another_seed_gives_another_history():
    assert not SMALL.compute()["history"].equals(replace(SMALL, seed=1).compute()["history"])
