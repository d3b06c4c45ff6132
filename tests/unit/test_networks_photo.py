import itertools

import keras
import numpy as np
import pytest

from lib.networks import photo

PHOTOS = np.random.default_rng(0).uniform(size=(4, 16, 16, 3)).astype(np.float32)


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_three_blocks_halve_the_sides_and_the_answer_is_a_distribution():
    model = photo.plain((16, 16, 3), 5, filters=(2, 3, 4))
    assert [
        layer.output.shape[1:] for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)
    ] == [(8, 8, 2), (4, 4, 3), (2, 2, 4)]
    np.testing.assert_allclose(np.sum(model(PHOTOS), axis=1), 1, atol=1e-6)


def test_batch_normalisation_stands_before_every_relu_and_nowhere_else():
    names = kinds(photo.plain((16, 16, 3), 5, batch_normalization=True))
    before = [previous for previous, name in itertools.pairwise(names) if name == "ReLU"]
    assert before == ["BatchNormalization"] * 4
    assert names.count("BatchNormalization") == 4
    assert "BatchNormalization" not in kinds(photo.plain((16, 16, 3), 5))


def test_dropout_thins_in_training_only():
    model = photo.plain((16, 16, 3), 5, filters=(2,), dropout=0.5)
    still, again, thinned = (
        np.asarray(model(PHOTOS, training=training)) for training in (False, False, True)
    )
    np.testing.assert_array_equal(still, again)
    assert np.abs(thinned - still).max() > 1e-6


def test_the_penalty_is_l2_times_the_sum_of_all_squared_weights_without_biases():
    model = photo.plain((16, 16, 3), 5, filters=(2,), l2=0.01)
    squares = sum(np.sum(np.square(layer.kernel)) for layer in model.layers if hasattr(layer, "kernel"))
    assert float(sum(model.losses)) == pytest.approx(0.01 * squares, rel=1e-5)
    assert photo.plain((16, 16, 3), 5, filters=(2,)).losses == []


def test_only_hidden_units_of_the_perceptron_are_dropped():
    model = photo.thinned_perceptron((16, 16, 3), 5, hidden=(4, 3), dropout=0.2)
    assert kinds(model) == ["Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.2, 0.2]
