"""What is said of measurements over seeds, against SciPy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from lib import comparison

FIRST, SECOND = [0.91, 0.93, 0.90, 0.94, 0.92], [0.89, 0.92, 0.90, 0.91, 0.90]


@given(some.integers(2, 12), some.integers(0, 2**32 - 1))
def test_the_paired_interval_is_that_of_scipys_paired_t_test(seeds, seed):
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=(2, seeds))
    difference, half = comparison.paired(first, second)
    expected = stats.ttest_rel(first, second).confidence_interval(0.95)
    np.testing.assert_allclose([difference - half, difference + half], expected, rtol=1e-9, atol=1e-12)


def test_the_order_of_the_seeds_does_not_matter_but_their_pairing_does():
    order = [3, 1, 4, 0, 2]
    shuffled = comparison.paired(np.array(FIRST)[order], np.array(SECOND)[order])
    assert shuffled == pytest.approx(comparison.paired(FIRST, SECOND))
    assert comparison.paired(np.array(FIRST)[order], SECOND)[1] != pytest.approx(shuffled[1])


@pytest.mark.parametrize(("first", "second"), [([1, 2], [1, 2, 3]), ([1], [2]), ([], [])])
def test_lists_that_cannot_be_compared_are_refused(first, second):
    message = f"at least two, are needed, not {len(first)} and {len(second)}"
    with pytest.raises(ValueError, match=message):
        comparison.paired(first, second)
    with pytest.raises(ValueError, match=message):
        comparison.sentence("A", first, "B", second)


def test_a_summary_has_the_deviation_of_a_sample():
    mean, deviation = comparison.summary([1, 2, 4])
    assert mean == pytest.approx(7 / 3)
    assert deviation == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert comparison.summary([3])[0] == 3
    assert np.isnan(comparison.summary([3])[1])


def test_the_bootstrap_interval_is_that_of_the_resampled_means():
    generator = np.random.default_rng(1)
    means = generator.choice(FIRST, size=(100_000, len(FIRST))).mean(axis=1)
    expected = np.quantile(means, [0.025, 0.975])
    np.testing.assert_allclose(comparison.bootstrap_interval(FIRST), expected, atol=6e-4)
    narrower = comparison.bootstrap_interval(FIRST, confidence=0.5)
    np.testing.assert_allclose(narrower, np.quantile(means, [0.25, 0.75]), atol=6e-4)


def test_the_bootstrap_is_the_same_each_time_and_another_with_another_seed():
    values = np.random.default_rng(0).normal(size=7)
    np.random.seed(1)  # what others draw has no part in it
    first = comparison.bootstrap_interval(values)
    np.random.seed(2)
    assert comparison.bootstrap_interval(values) == first
    assert comparison.bootstrap_interval(values, seed=1) != first


def test_a_table_has_each_setting_in_the_order_of_the_frame():
    frame = pd.DataFrame({"rate": ["b", "a", "b", "a", "b"], "accuracy": [1.0, 2.0, 3.0, 5.0, 8.0]})
    table = comparison.table(frame, "rate", "accuracy")
    assert list(table["rate"]) == ["b", "a"]
    assert list(table["mean"]) == [4.0, 3.5]
    assert list(table["deviation"]) == pytest.approx([np.std([1, 3, 8], ddof=1), np.std([2, 5], ddof=1)])
    assert list(table["seeds"]) == [3, 2]


def test_the_better_one_is_named_whichever_comes_first():
    difference, half = comparison.paired(FIRST, SECOND)
    expected = f"Adam beats SGD by {100 * difference:.1f} ± {100 * half:.1f} points over 5 seeds"
    assert comparison.sentence("Adam", FIRST, "SGD", SECOND) == expected
    assert comparison.sentence("SGD", SECOND, "Adam", FIRST) == expected
    assert expected == "Adam beats SGD by 1.6 ± 1.4 points over 5 seeds"


def test_a_difference_within_the_noise_is_called_so():
    words = comparison.sentence("A", [0.90, 0.95], "B", [0.91, 0.93])
    assert words.startswith("A and B: no difference beyond seed noise (+0.5 ± 19.1 points over 2 seeds)")


@given(some.lists(some.floats(0, 1), min_size=2, max_size=8), some.integers(0, 1000))
def test_beating_means_that_the_t_test_rejects_at_five_percent(values, seed):
    other = np.random.default_rng(seed).uniform(size=len(values))
    rejected = stats.ttest_rel(values, other).pvalue < 0.05
    assert (" beats " in comparison.sentence("A", values, "B", other)) == rejected


def test_equal_measurements_do_not_differ():
    assert "no difference" in comparison.sentence("A", FIRST, "B", FIRST)


def test_other_units_and_digits():
    words = comparison.sentence("A", [1, 2, 3], "B", [2.01, 3, 4.01], unit="s", scale=1, digits=2)
    assert words == "B beats A by 1.01 ± 0.01 s over 3 seeds"


def test_the_validation_loss_of_a_setting_is_that_of_its_best_epochs_over_the_seeds():
    grid = pd.MultiIndex.from_product([["b", "a"], [0.1, 0.01], [0, 1]], names=["network", "rate", "seed"])
    best = [3, 5, 1, np.nan, 2, 2, 7, 1]
    results = [{"history": pd.DataFrame({"validation_loss": [9, loss, 8]})} for loss in best]
    losses = comparison.validation_loss(grid, results)
    assert losses.to_dict() == {("b", 0.1): 4, ("b", 0.01): np.inf, ("a", 0.1): 2, ("a", 0.01): 4}
    assert list(losses.index) == [("b", 0.1), ("b", 0.01), ("a", 0.1), ("a", 0.01)]
    assert losses.unstack("rate").idxmin(axis=1).to_dict() == {"b": 0.1, "a": 0.1}
    of_b = comparison.validation_loss(grid[:4].droplevel("network"), results[:4])
    assert of_b.idxmin() == 0.1
