import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib.compression import codebooks
from lib.compression.codebooks import PRUNED, Codebook

MATRICES = arrays.arrays(np.float32, (6, 7), elements=st.floats(-1, 1, width=32))


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.fixture
def batches():
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(32, 6)).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices((inputs, np.eye(3)[generator.integers(3, size=32)])).batch(8)


def test_three_groups_of_weights_get_their_means():
    found = codebooks.cluster(np.array([[-1.1, 0.4], [-0.9, 0.6]]), 2)
    assert found.centroids == pytest.approx([-1, 0.5])
    assert found.indices.tolist() == [[0, 1], [0, 1]]


@given(weights=MATRICES, count=st.integers(1, 9), initialization=st.sampled_from(codebooks.INITIALIZATIONS))
def test_every_weight_has_the_nearest_of_few_rising_centroids(weights, count, initialization):
    found = codebooks.cluster(weights, count, initialization)
    assert len(found.centroids) <= count
    assert np.all(np.diff(found.centroids) >= 0)
    distances = np.abs(weights[..., np.newaxis] - found.centroids)
    assert np.abs(weights - codebooks.decode(found)) == pytest.approx(distances.min(axis=-1), abs=1e-5)


def test_few_different_weights_come_back_exactly():
    weights = np.random.default_rng(0).choice(np.float32([-0.3, 0.1, 0.7]), (20, 4))
    assert np.array_equal(codebooks.decode(codebooks.cluster(weights, 4)), weights)


def test_pruned_weights_are_zero_and_move_no_centroid():
    weights = np.float32([5, 1, 2, -5])
    found = codebooks.cluster(weights, 2, kept=np.array([False, True, True, False]))
    assert codebooks.decode(found).tolist() == [0, 1, 2, 0]


def test_linear_centroids_are_evenly_spaced_and_density_ones_follow_the_weights():
    weights = np.concatenate([np.linspace(0, 1, 90), np.linspace(1, 9, 10)])
    assert codebooks.initial_centroids(weights, 4, "linear") == pytest.approx([0, 3, 6, 9])
    assert np.sum(codebooks.initial_centroids(weights, 10, "density") < 1) == 9


def test_random_centroids_are_weights_and_follow_the_seed():
    weights = np.random.default_rng(1).normal(size=50)
    drawn = [codebooks.initial_centroids(weights, 5, "random", seed) for seed in (0, 0, 1)]
    assert np.isin(drawn[0], weights).all()
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


@pytest.mark.parametrize(("count", "bits"), [(1, 0), (2, 1), (16, 4), (17, 5)])
def test_bits_of_an_index(count, bits):
    assert codebooks.index_bits(count) == bits


def test_stored_bits_count_indices_of_kept_weights_and_centroids():
    assert codebooks.stored_bits(Codebook(np.zeros(4), np.array([0, 3, PRUNED]))) == 2 * 2 + 4 * 32


def test_centroid_gradient_is_the_derivative_by_the_centroids():
    codebook = Codebook(np.float32([1, 2, 3]), np.array([[0, 2], [PRUNED, 2]]))
    with tf.GradientTape() as tape:
        centroids = tf.Variable(codebook.centroids)
        loss = tf.reduce_sum([[1.0, 2.0], [4.0, 8.0]] * codebooks._gather(centroids, codebook.indices) ** 2)
    derivative = tf.convert_to_tensor(tape.gradient(loss, centroids))
    gradient = 2 * np.array([[1, 2], [4, 8]]) * codebooks.decode(codebook)
    assert codebooks.centroid_gradient(gradient, codebook) == pytest.approx(derivative.numpy())


def test_a_step_moves_centroids_by_the_summed_gradient(model, batches):
    shared = codebooks.share(model, 3)
    inputs, targets = next(iter(batches))
    coded = codebooks.decoded(model, shared)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.categorical_crossentropy(targets, coded(inputs)))
    path = coded.layers[0].kernel.path
    gradient = tape.gradient(loss, coded.layers[0].kernel.value)
    _, tuned = codebooks.fine_tune(model, shared, batches.take(1), optimizer=keras.optimizers.SGD(0.1))
    expected = shared[path].centroids - 0.1 * codebooks.centroid_gradient(gradient, shared[path])
    assert tuned[path].centroids == pytest.approx(expected, abs=1e-6)


def test_fine_tuning_keeps_indices_and_zeros_and_returns_the_model_of_its_codebooks(model, batches):
    before = [array.copy() for array in model.get_weights()]
    path, kernel = next(iter(codebooks.kernels(model).items()))
    shared = codebooks.share(model, 3, masks={path: np.abs(kernel) > 0.3})
    trained, tuned = codebooks.fine_tune(
        model, shared, batches, optimizer=keras.optimizers.Adam(0.05), epochs=2
    )
    assert np.array_equal(tuned[path].indices, shared[path].indices)
    assert np.array_equal(codebooks.kernels(trained)[path] == 0, np.abs(kernel) <= 0.3)
    for name, weights in codebooks.kernels(trained).items():
        assert np.array_equal(weights, codebooks.decode(tuned[name]))
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match=r"no initialisation 'uniform'; there are linear, density, random"):
        codebooks.initial_centroids(np.arange(5), 2, "uniform")
    with pytest.raises(ValueError, match="at least one value, not 0"):
        codebooks.cluster(np.arange(5), 0)
    with pytest.raises(ValueError, match=r"mask has the shape \(2,\), the weights \(5,\)"):
        codebooks.cluster(np.arange(5), 2, kept=[True, False])


def test_a_kernel_that_the_model_lacks_is_named(model):
    with pytest.raises(ValueError, match="no kernel 'wrong'"):
        codebooks.share(model, {"wrong": 4})
