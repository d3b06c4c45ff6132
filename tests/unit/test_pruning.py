import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib import training
from lib.compression import pruning
from lib.compression.kernels import kernels

WEIGHTS = {"first": np.array([[0.1, -0.2], [0.3, -0.4]]), "second": np.array([1.0, -2, 3, 4])}
RULES = {
    "SGD": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "Nesterov": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "Adam": lambda: keras.optimizers.Adam(0.05),
    "AdamW": lambda: keras.optimizers.AdamW(0.05, weight_decay=0.1),
    "RMSProp": lambda: keras.optimizers.RMSprop(0.05, momentum=0.5),
    "clipped": lambda: keras.optimizers.SGD(0.5, momentum=0.9, global_clipnorm=0.1),
}
INPUTS = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
TARGETS = np.eye(3, dtype="float32")[np.random.default_rng(1).integers(3, size=64)]


def network(inputs=6):
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(4, activation="tanh", name="first"),
            keras.layers.Dense(3, activation="softmax", name="second"),
        ],
        name="net",
    )
    return training.seeded(model, 0)


def fit(model, optimizer, inputs=INPUTS, epochs=3):
    if getattr(model, "optimizer", None) is not optimizer:
        model.compile(optimizer, "categorical_crossentropy")
    model.fit(inputs, TARGETS, batch_size=16, epochs=epochs, shuffle=False, verbose=0)


numbers = arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-9, 9))
shares = st.floats(0, 0.99)


@given(numbers, numbers, shares)
def test_one_threshold_prunes_at_least_the_share_and_the_smallest_weights(first, second, share):
    weights = {"first": first, "second": second}
    thresholds = pruning.global_thresholds(weights, share)
    masks = pruning.masks(weights, thresholds)
    assert pruning.share_of_zeros(masks) * (first.size + second.size) >= round(
        share * (first.size + second.size)
    )
    kept = [np.abs(weights[path][masks[path]]) for path in weights]
    gone = [np.abs(weights[path][~masks[path]]) for path in weights]
    assert np.concatenate(kept).min(initial=np.inf) > np.concatenate(gone).max(initial=-1)


@given(numbers, numbers, shares, st.floats(0.01, 100))
def test_thresholds_from_the_deviation_do_not_mind_the_scale_of_a_layer(first, second, share, scale):
    scale = 2.0 ** round(np.log2(scale))  # exact in floating point
    masks = [
        pruning.masks(weights, pruning.deviation_thresholds(weights, share))
        for weights in ({"first": first, "second": second}, {"first": first, "second": scale * second})
    ]
    if np.unique(second[second != 0]).size > 1:
        for path in ("first", "second"):
            np.testing.assert_array_equal(masks[0][path], masks[1][path])


def test_the_quality_is_in_standard_deviations_of_each_layer():
    thresholds = pruning.quality_thresholds(WEIGHTS, 2)
    assert thresholds == {path: 2 * array.std() for path, array in WEIGHTS.items()}


def test_pruned_weights_take_no_part_in_the_deviation():
    padded = {"first": np.append(WEIGHTS["first"], [0, 0, 0]), "second": WEIGHTS["second"]}
    assert pruning.deviations(padded) == pytest.approx(pruning.deviations(WEIGHTS))


def test_one_threshold_empties_the_layer_of_small_weights_first():
    masks = pruning.masks(WEIGHTS, pruning.global_thresholds(WEIGHTS, 0.5))
    assert (masks["first"].sum(), masks["second"].sum()) == (0, 4)


def test_a_share_for_each_layer():
    masks = pruning.masks(WEIGHTS, pruning.layer_thresholds(WEIGHTS, {"first": 0.25, "second": 0.75}))
    assert (masks["first"].sum(), masks["second"].sum()) == (3, 1)


def test_nothing_is_pruned_at_sparsity_zero_not_even_zeros():
    weights = {"all": np.array([0.0, 1, 2])}
    assert pruning.masks(weights, pruning.global_thresholds(weights, 0))["all"].all()


@pytest.mark.parametrize("share", [-0.1, 1])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        pruning.global_thresholds(WEIGHTS, share)


@given(shares, st.integers(1, 20))
def test_every_round_prunes_the_same_share_of_what_is_left(sparsity, rounds):
    left = 1 - np.array([0, *pruning.schedule(sparsity, rounds)])
    np.testing.assert_allclose(left[1:] / left[:-1], (1 - sparsity) ** (1 / rounds))
    assert left[-1] == pytest.approx(1 - sparsity)


def test_a_schedule_without_rounds_is_refused():
    with pytest.raises(ValueError, match="a round or more"):
        pruning.schedule(0.9, 0)


def test_pruned_leaves_the_model_as_it_was():
    model = network()
    before = kernels(model)
    masks = pruning.masks(before, pruning.global_thresholds(before, 0.5))
    after = kernels(pruning.pruned(model, masks))
    for path, mask in masks.items():
        np.testing.assert_array_equal(after[path], before[path] * mask)
        np.testing.assert_array_equal(kernels(model)[path], before[path])


def test_a_mask_for_a_kernel_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"no kernel 'third'; it has net/first/kernel, net/second/kernel"):
        pruning.pruned(network(), {"third": np.ones(3)})


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"mask of 'net/first/kernel' has the shape \(2, 2\), not \(6, 4\)"):
        pruning.pruned(network(), {"net/first/kernel": np.ones((2, 2))})


@pytest.mark.parametrize("rule", RULES)
def test_pruned_weights_stay_zero_whatever_momentum_they_had(rule):
    model, optimizer = network(), pruning.masked(RULES[rule]())
    fit(model, optimizer)  # fills the momentum
    weights = kernels(model)
    masks = pruning.masks(weights, pruning.global_thresholds(weights, 0.6))
    optimizer.prune(masks)
    for _ in range(3):
        for path, array in kernels(model).items():
            assert not array[~masks[path]].any()
            assert array[masks[path]].all()
        fit(model, optimizer, epochs=1)


@pytest.mark.parametrize("rule", RULES)
def test_training_under_a_mask_equals_training_without_the_pruned_weights(rule):
    """Pruning all weights of three inputs is the same as a network that does not have these inputs."""
    whole, part = network(), network(inputs=3)
    part.layers[0].kernel.assign(whole.layers[0].kernel[:3])
    part.layers[1].kernel.assign(whole.layers[1].kernel)
    optimizer = pruning.masked(RULES[rule]())
    optimizer.build(whole.trainable_variables)
    optimizer.prune({"net/first/kernel": np.repeat([[True]] * 3 + [[False]] * 3, 4, axis=1)})
    fit(whole, optimizer)
    fit(part, RULES[rule](), inputs=INPUTS[:, :3])
    for ours, expected in zip(whole.get_weights(), part.get_weights(), strict=True):
        np.testing.assert_allclose(ours[: len(expected)], expected, atol=1e-5)


def test_without_masks_the_rule_is_the_same():
    plain, free = network(), network()
    fit(plain, RULES["Adam"]())
    fit(free, pruning.masked(RULES["Adam"]()))
    for ours, expected in zip(free.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_an_optimizer_that_averages_the_weights_is_refused():
    with pytest.raises(ValueError, match="without use_ema"):
        pruning.masked(keras.optimizers.SGD(use_ema=True))


def test_masks_before_the_weights_are_known_are_refused():
    with pytest.raises(ValueError, match="knows no weights yet"):
        pruning.masked(keras.optimizers.SGD()).prune({})
