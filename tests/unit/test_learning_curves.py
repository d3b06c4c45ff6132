"""Power laws are found again from their own values, and their uncertainty grows where nothing was measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lib import learning_curves

IMAGES = [20, 40, 80, 160, 320]


@given(some.floats(0.5, 3), some.floats(0.2, 1), some.floats(0, 0.4))
def test_a_law_is_found_again_from_its_own_errors(gain, exponent, floor):
    errors = learning_curves.power_law(IMAGES, gain, exponent, floor)
    law = learning_curves.fit(IMAGES, errors)
    np.testing.assert_allclose(learning_curves.power_law(IMAGES, *law), errors, atol=2e-3)


def test_without_a_floor_the_error_falls_to_zero():
    errors = learning_curves.power_law(IMAGES, 2, 0.5, 0)
    gain, exponent, floor = learning_curves.fit(IMAGES, errors, with_floor=False)
    assert floor == 0
    assert (gain, exponent) == pytest.approx((2, 0.5), rel=1e-3)


def test_a_curve_that_is_flat_stays_flat():
    law = learning_curves.fit(IMAGES, [0.5] * 5)
    assert learning_curves.power_law(10_000, *law) == pytest.approx(0.5, abs=1e-3)


def test_too_few_numbers_of_images_are_refused():
    with pytest.raises(ValueError, match="3 parameters needs as many numbers of images, not 2"):
        learning_curves.fit([20, 40, 40], [0.5, 0.4, 0.4])


def test_equal_seeds_leave_no_uncertainty():
    errors = np.tile(learning_curves.power_law(IMAGES, 1, 0.4, 0.1), (3, 1))
    foretold = learning_curves.bootstrap(IMAGES, errors, [320, 1280], resamples=5)
    assert foretold.shape == (5, 2)
    assert np.ptp(foretold, axis=0).max() < 1e-9


def test_the_uncertainty_grows_beyond_what_was_measured():
    noise = np.random.default_rng(0).normal(0, 0.02, size=(6, len(IMAGES)))
    errors = learning_curves.power_law(IMAGES, 1, 0.3, 0.1) + noise
    foretold = learning_curves.bootstrap(IMAGES, errors, [160, 5000], resamples=100)
    within, beyond = foretold.std(axis=0)
    assert beyond > 2 * within


def test_the_same_seed_draws_the_same_resamples():
    errors = np.random.default_rng(1).uniform(0.3, 0.6, size=(4, len(IMAGES)))
    first, again = (learning_curves.bootstrap(IMAGES, errors, [100], resamples=20, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
