import numpy as np
import pytest

from lib import training

IMAGES = np.random.default_rng(0).random((40, 4, 4, 1)).astype(np.float32)
LABELS = np.eye(2, dtype=np.float32)[np.arange(40) % 2]


@pytest.fixture
def rates(monkeypatch):
    """Return a function that trains on random images and returns the learning rate of each epoch."""
    part = (IMAGES, LABELS)
    monkeypatch.setattr(
        training, "parts", lambda config: {"training": part, "validation": part, "test": part}
    )

    def run(**settings):
        config = training.Training(
            network="simple.multilayer_perceptron", network_settings={"hidden": (2,)}, epochs=5, **settings
        )
        return config.compute()["history"]["rate"].tolist()

    return run


def test_rate_is_constant_without_a_schedule(rates):
    assert rates(learning_rate=0.1) == [0.1] * 5


def test_rate_follows_the_schedule(rates):
    assert rates(learning_rate=0.1, schedule=(1, 2, 3, 2, 1)) == pytest.approx([0.1, 0.2, 0.3, 0.2, 0.1])


def test_rate_is_reduced_after_two_epochs_without_improvement(rates):
    assert rates(learning_rate=1e-9, plateau=0.5) == pytest.approx([1e-9, 1e-9, 1e-9, 5e-10, 5e-10])
