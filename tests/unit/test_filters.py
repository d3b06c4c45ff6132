import numpy as np

from lib import filters


def normal(shape):
    return np.random.default_rng(0).normal(size=shape)


def test_proportional_filters_have_a_cosine_of_one():
    kernel = normal((3, 3, 2, 1))
    both = np.concatenate([kernel, 3 * kernel], axis=-1)
    np.testing.assert_allclose(filters.cosines(both), 1)


def test_opposite_filters_have_a_cosine_of_minus_one():
    kernel = normal((3, 3, 2, 1))
    both = np.concatenate([kernel, -kernel], axis=-1)
    np.testing.assert_allclose(filters.cosines(both)[0, 1], -1)


def test_a_filter_of_zeros_is_like_no_other():
    both = np.concatenate([normal((3, 3, 1, 1)), np.zeros((3, 3, 1, 1))], axis=-1)
    assert filters.cosines(both)[0, 1] == 0


def test_correlations_are_those_of_numpy():
    maps = normal((4, 5, 6, 3))
    np.testing.assert_allclose(filters.correlations(maps), np.corrcoef(maps.reshape(-1, 3).T), atol=1e-12)


def test_a_constant_map_correlates_with_none():
    maps = np.stack([normal((2, 3, 3)), np.full((2, 3, 3), 0.7)], axis=-1)
    assert filters.correlations(maps)[0, 1] == 0


def test_a_twin_is_the_most_similar_of_the_filters_kept():
    similarity = np.array([[1, 0.2, 0.92], [0.2, 1, 0.95], [0.92, 0.95, 1]])
    assert filters.twins(similarity).tolist() == [0, 1, 1]


def test_a_redundant_filter_is_nobodys_twin():
    similarity = np.array([[1, 0.95, 0.5], [0.95, 1, 0.95], [0.5, 0.95, 1]])
    assert filters.twins(similarity).tolist() == [0, 0, 2]


def test_redundant_filters_are_counted():
    assert filters.redundant(np.ones((4, 4))) == 3
