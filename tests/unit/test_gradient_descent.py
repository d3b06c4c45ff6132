import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import gradient_descent

X = np.random.default_rng(0).normal(size=(7, 2))
Y = X @ [1.0, -2.0] + 0.1
START = np.zeros(2)


def gradient(parameters, x, y):
    """Return the gradient of half the mean squared error of a line."""
    return x.T @ (x @ parameters - y) / len(x)


def order():
    return np.random.default_rng(1)


def test_batch_takes_one_update_a_round():
    assert len(list(gradient_descent.batch(gradient, START, X, Y, 0.1, 5))) == 5


def test_stochastic_takes_one_update_a_sample():
    assert len(list(gradient_descent.stochastic(gradient, START, X, Y, 0.1, 5, order()))) == 35


@given(st.integers(1, 9))
def test_mini_batch_takes_its_updates_rounded_up(size):
    path = list(gradient_descent.mini_batch(gradient, START, X, Y, 0.1, 3, order(), size))
    assert len(path) == 3 * -(-7 // size)


def test_mini_batch_of_one_is_stochastic():
    np.testing.assert_array_equal(
        list(gradient_descent.mini_batch(gradient, START, X, Y, 0.1, 2, order(), 1)),
        list(gradient_descent.stochastic(gradient, START, X, Y, 0.1, 2, order())),
    )


def test_mini_batch_of_all_is_batch():
    np.testing.assert_allclose(
        list(gradient_descent.mini_batch(gradient, START, X, Y, 0.1, 4, order(), 7)),
        list(gradient_descent.batch(gradient, START, X, Y, 0.1, 4)),
    )


def test_an_update_goes_against_the_gradient_by_the_learning_rate():
    (after,) = gradient_descent.batch(gradient, START, X, Y, 0.25, 1)
    np.testing.assert_allclose(after, START - 0.25 * gradient(START, X, Y))


def test_each_round_uses_every_sample_once():
    seen = []

    def spy(parameters, x, y):
        seen.extend(y)
        return 0 * parameters

    list(gradient_descent.mini_batch(spy, START, X, Y, 0.1, 2, order(), 3))
    assert sorted(seen[:7]) == sorted(seen[7:]) == sorted(Y)
    assert seen[:7] != seen[7:]


def test_the_start_is_left_as_it_was():
    start = np.ones(2)
    list(gradient_descent.batch(gradient, start, X, Y, 0.1, 3))
    np.testing.assert_array_equal(start, [1, 1])


def test_batch_converges_to_least_squares():
    *_, last = gradient_descent.batch(gradient, START, X, Y, 0.5, 2000)
    np.testing.assert_allclose(last, np.linalg.lstsq(X, Y)[0], atol=1e-8)


def test_stochastic_repeats_with_the_same_generator():
    first, second = (
        list(gradient_descent.stochastic(gradient, START, X, Y, 0.1, 2, order())) for _ in range(2)
    )
    assert np.array(first) == pytest.approx(np.array(second), abs=0)
