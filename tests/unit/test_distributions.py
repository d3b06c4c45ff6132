import numpy as np
import pytest

from lib import training
from lib.runs import distributions
from lib.training import Training

IMAGES = np.random.default_rng(0).uniform(size=(20, 8, 8, 3)).astype(np.float32)
LABELS = np.eye(2, dtype=np.float32)[np.arange(20) % 2]
SETTINGS = {"filters": (2, 3), "dense": 4, "batch_normalization": True}


@pytest.fixture(autouse=True)
def _own_images(monkeypatch):
    parts = dict.fromkeys(("training", "validation", "test"), (IMAGES, LABELS))
    monkeypatch.setattr(training, "parts", lambda config: parts)


def config(**settings):
    return Training(network="photo.plain", network_settings=SETTINGS | settings, epochs=1, batch_size=10)


def test_normalised_sums_have_mean_beta_and_deviation_gamma_which_start_at_0_and_1():
    found = distributions.sums(training.build(config(), (8, 8, 3), 2), IMAGES)
    assert list(found) == [(layer, place) for layer in (1, 2, 3) for place in ("own", "normalised")]
    for layer in (1, 2, 3):
        values = found[layer, "normalised"].reshape(-1, found[layer, "normalised"].shape[-1])
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-4)
        assert (values.std(axis=0) <= 1.0001).all()


def test_own_sums_are_those_that_the_network_computes():
    model = training.build(config(batch_normalization=False), (8, 8, 3), 2)
    found = distributions.sums(model, IMAGES)
    assert list(found) == [(1, "own"), (2, "own"), (3, "own")]
    np.testing.assert_allclose(found[1, "own"], model.layers[0](IMAGES), atol=1e-6)


def test_a_shift_is_counted_in_deviations():
    before = np.random.default_rng(0).normal(0, 2, size=(1000, 3))
    row = distributions.described(before + 4 * before.std(axis=0), before)
    assert row["shift"] == pytest.approx(4)
    assert np.isnan(distributions.described(before)["shift"])


def test_every_epoch_is_looked_at_and_the_first_before_training():
    layers = distributions.Distributions(config(), watched=10).compute()["layers"]
    assert sorted(set(layers["epoch"])) == [0, 1]
    assert layers["shift"].isna().tolist() == (layers["epoch"] == 0).tolist()
