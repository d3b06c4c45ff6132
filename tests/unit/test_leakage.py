"""Copies made before training: how many, of what; the leak shows in the scores, the test photos stay unseen."""

import dataclasses

import numpy as np
import pytest

from lib import datasets, training
from lib.runs import leakage
from lib.training import Training

CONFIG = Training(
    network="simple.multilayer_perceptron",
    network_settings={"hidden": (64,)},
    augmentation={"noise": 0.02},
    optimizer="Adam",
    learning_rate=0.01,
    epochs=8,
    batch_size=16,
)


@pytest.fixture(autouse=True)
def noise_without_meaning(monkeypatch):
    """60 images of pure noise with random labels: nothing about unseen ones can be learned."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    labels = generator.permutation(np.arange(60) % 3)
    dataset = datasets.Dataset(images, labels, tuple("abc"), "", *np.split(np.arange(60), [30, 45]))
    monkeypatch.setattr(training, "_dataset", lambda config: dataset)


def test_copies_are_made_of_every_image_one_set_after_the_other():
    images = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1) * np.ones((4, 6, 6, 1), np.float32)
    copies = leakage.augmented_copies(images, {"noise": 0.01}, 3, seed=0)
    assert copies.shape == (12, 6, 6, 1)
    np.testing.assert_allclose(copies.mean(axis=(1, 2, 3)), [0, 1, 2, 3] * 3, atol=0.02)


def test_copies_differ_from_each_other_and_are_the_same_for_the_same_seed():
    images = np.ones((2, 6, 6, 1), np.float32)
    first, again, other = (leakage.augmented_copies(images, {"noise": 0.1}, 2, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[:2], first[2:])


def test_originals_of_trained_copies_score_high_where_nothing_can_be_learned():
    result = leakage.AugmentedBefore(CONFIG, copies=4).compute()
    last = result["history"].iloc[-1]
    assert last["originals_accuracy"] > 0.95
    assert last["validation_accuracy"] < 0.7
    assert list(result["history"]["epoch"]) == list(range(1, 9))
    assert result["test_accuracy"] < 0.7
    assert result["predicted"]["test"].shape == (15,)


def test_the_same_config_gives_the_same_result():
    config = leakage.AugmentedBefore(dataclasses.replace(CONFIG, epochs=2), copies=2)
    first, again = config.compute(), config.compute()
    assert first["history"].equals(again["history"])
    np.testing.assert_array_equal(first["predicted"]["test"], again["predicted"]["test"])
