import numpy as np
import pytest

from lib.runs import filter_pruning as filter_pruning_runs
from lib.runs import pruning as pruning_runs
from lib.runs.learned_thresholds import LearnedThresholds
from lib.training import Training

START = Training(
    network_settings={"filters": (3, 4), "dense": 8},
    training_images=64,
    epochs=1,
    optimizer="Adam",
    learning_rate=0.01,
)
IMAGES = 100


@pytest.fixture(scope="module")
def trained():
    return START.compute()


def test_at_sparsity_zero_the_network_answers_as_before(trained):
    curve = pruning_runs.Pruned(START, "global", (0.0, 0.5), 10_000).compute(trained)["curve"]
    assert curve["test_accuracy"][0] == pytest.approx(trained["test_accuracy"])


def test_layers_add_up_to_the_sparsity(trained):
    layers = pruning_runs.Pruned(START, "per layer", (0.25, 0.75), IMAGES).compute(trained)["layers"]
    sums = layers.groupby("sparsity")[["weights", "kept"]].sum()
    np.testing.assert_allclose(sums["kept"] / sums["weights"], [0.75, 0.25], atol=1e-3)


@pytest.mark.parametrize("kind", [pruning_runs.OneShot, pruning_runs.Iterative])
def test_a_run_gives_the_same_again(trained, kind):
    run = kind(START, "global", (0.5, 0.9), (1, 2), 1.0, IMAGES)
    first, again = run.compute(trained), run.compute(trained)
    for part in first:
        assert first[part].equals(again[part])


def test_the_schedule_has_every_cut_and_every_epoch(trained):
    run = pruning_runs.Iterative(START, "global", (0.5, 0.9), (1, 2), 1.0, IMAGES)
    schedule = run.compute(trained)["schedule"]
    assert schedule["step"].tolist() == [0, 0, 2, 2, 4, 6]
    assert schedule["sparsity"].tolist() == [0, 0.5, 0.5, 0.9, 0.9, 0.9]


def test_a_later_cut_goes_on_from_the_training_before_it():
    run = pruning_runs.PrunedInTraining(START, "global", (0.8,), (0, 1), 2, IMAGES)
    assert run.compute()["curve"]["after"].tolist() == [0, 1]


def test_removing_filters_costs_what_is_counted(trained):
    run = filter_pruning_runs.FilterPruned(START, "greedy", 0.5, 1, 1.0, IMAGES, 4, 2)
    result = run.compute(trained)
    assert result["kept"].groupby("layer").size().tolist() == [1, 2]
    assert result["multiply-adds"] == 9 * 784 + 9 * 1 * 2 * 196 + 49 * 2 * 8 + 8 * 10
    assert set(result["time"]["network"]) == {"whole", "pruned"}


def test_a_layer_that_loses_nothing_answers_as_the_whole_network(trained):
    curve = filter_pruning_runs.Sensitivity(START, (0.0, 0.6), IMAGES).compute(trained)["curve"]
    assert curve.query("share == 0")["validation_accuracy"].nunique() == 1


def test_some_filter_always_stays():
    assert filter_pruning_runs.removed({"first": 4, "second": 1}, 0.99) == {"first": 3, "second": 0}


def test_learned_thresholds_start_at_zero_and_are_noted_every_epoch():
    result = LearnedThresholds(START, 1.0, 20.0, IMAGES).compute()
    history = result["history"]
    assert (history.query("epoch == 0")["threshold"] == 0).all()
    assert (history.query("epoch == 1")["threshold"] > 0).all()
    assert result["sparsity"] == pytest.approx(result["accuracy"]["sparsity"].iloc[-1])
