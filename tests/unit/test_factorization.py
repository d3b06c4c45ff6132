import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.compression import factorization


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((9, 9, 2)),
            keras.layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="convolution"),
            keras.layers.Flatten(),
            keras.layers.Dense(7, activation="tanh", name="hidden"),
            keras.layers.Dense(3, name="last"),
        ]
    )


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(4, 9, 9, 2)).astype(np.float32)


@given(rank=st.integers(1, 5), seed=st.integers(0, 100))
def test_error_is_the_root_of_the_discarded_squared_singular_values(rank, seed):
    matrix = np.random.default_rng(seed).normal(size=(8, 5))
    missed = np.linalg.norm(matrix - factorization.product(factorization.truncated_svd(matrix, rank)))
    discarded = np.linalg.svd(matrix, compute_uv=False)[rank:]
    assert missed == pytest.approx(np.sqrt(np.sum(discarded**2)), abs=1e-12)


def test_stored_numbers_are_those_of_the_factors():
    factors = factorization.truncated_svd(np.eye(6, 4), 3)
    assert factorization.stored_numbers((6, 4), 3) == sum(np.size(part) for part in factors)
    assert factorization.compression_ratio((6, 4), 3) == 24 / 33


@pytest.mark.parametrize(
    "ranks", [{"convolution": 6}, {"hidden": 7}, {"convolution": 6, "hidden": 7, "last": 3}]
)
def test_full_rank_leaves_the_model_as_it_is(model, images, ranks):
    thin = factorization.factorized(model, ranks)
    assert thin.predict_on_batch(images) == pytest.approx(model.predict_on_batch(images), abs=1e-5)


@pytest.mark.parametrize("name", ["convolution", "hidden"])
def test_low_rank_is_the_model_with_the_nearest_kernel(model, images, name):
    thin = factorization.factorized(model, {name: 2})
    layer = model.get_layer(name)
    kernel = layer.kernel.numpy()
    nearest = factorization.product(factorization.truncated_svd(factorization.kernel_matrix(kernel), 2))
    layer.kernel.assign(nearest.reshape(kernel.shape))
    assert thin.predict_on_batch(images) == pytest.approx(model.predict_on_batch(images), abs=1e-5)


def test_a_model_with_branches_can_be_factorised(images):
    inputs = keras.Input((9, 9, 2))
    outputs = keras.layers.Conv2D(4, 1, name="one")(inputs) + keras.layers.Conv2D(4, 3, padding="same")(
        inputs
    )
    branched = keras.Model(inputs, outputs)
    thin = factorization.factorized(branched, {"one": 2})
    assert thin.predict_on_batch(images) == pytest.approx(branched.predict_on_batch(images), abs=1e-5)


def test_wrong_ranks_and_layers_are_named(model):
    with pytest.raises(ValueError, match=r"ranks from 1 to 5, not 6"):
        factorization.truncated_svd(np.ones((8, 5)), 6)
    with pytest.raises(ValueError, match="no layer 'wrong'; it has convolution"):
        factorization.factorized(model, {"wrong": 2})
    with pytest.raises(ValueError, match="no dense layer and no convolution"):
        factorization.factorized(model, {model.layers[1].name: 2})
