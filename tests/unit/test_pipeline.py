"""The parts of Deep Compression, and all of it on a small network."""

import keras
import numpy as np
import pytest

from lib.compression import pipeline
from lib.compression.codebooks import decode
from lib.networks import lenet


@pytest.fixture
def arrays():
    keras.utils.set_random_seed(0)
    return [
        variable.numpy() for variable in lenet.lenet_5((28, 28, 1), 10, widths=(4, 6, 8)).trainable_variables
    ]


def test_importance_does_not_change_when_a_unit_is_rescaled(arrays):
    before = pipeline.importance(arrays)
    arrays[0][..., 1] *= 3
    arrays[2][:, :, 1] /= 3
    np.testing.assert_allclose(pipeline.importance(arrays)[0], before[0], rtol=1e-5)


def test_units_of_no_importance_can_go_without_a_trace(arrays):
    for kernel, gone in ((arrays[0], 2), (arrays[2], 5), (arrays[4], 3)):
        kernel[..., gone] = 0
    pairs = pipeline.units_kept(arrays, (3, 5, 7))
    small = lenet.lenet_5((28, 28, 1), 10, widths=(3, 5, 7))
    for variable, array, pair in zip(small.trainable_variables, arrays, pairs, strict=True):
        variable.assign(pipeline.taken(array, pair))
    large = lenet.lenet_5((28, 28, 1), 10, widths=(4, 6, 8))
    for variable, array in zip(large.trainable_variables, arrays, strict=True):
        variable.assign(array)
    images = np.random.default_rng(0).random((4, 28, 28, 1), np.float32)
    np.testing.assert_allclose(small.predict_on_batch(images), large.predict_on_batch(images), atol=1e-5)


def test_embedding_undoes_taking(arrays):
    for array, pair in zip(arrays, pipeline.units_kept(arrays, (3, 5, 7)), strict=True):
        part = pipeline.taken(array, pair)
        whole = pipeline.embedded(part, pair, array.shape, 0)
        np.testing.assert_array_equal(pipeline.taken(whole, pair), part)
        assert np.count_nonzero(whole) == np.count_nonzero(part)


def test_pruning_ends_where_it_should():
    left = [pipeline.remaining(1000, 50, progress) for progress in (0, 0.5, 1, 2)]
    assert left == [1000, 168, 50, 50]


def test_no_transformation_leaves_images_as_they_are():
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    same = pipeline.transformed(images, (1, 2), 0.0, 0.0, 0.0)
    np.testing.assert_allclose(same, images, atol=1e-4)


def test_a_shift_moves_by_up_to_so_many_pixels():
    images = np.zeros((50, 28, 28, 1), np.float32)
    images[:, 14, 14] = 1
    moved = pipeline.transformed(images, (1, 2), 2.0, 0.0, 0.0).numpy()[..., 0]
    assert moved[:, 12:17, 12:17].sum() == pytest.approx(50, abs=1e-3)
    assert moved[:, 14, 14].mean() < 0.5


def test_a_compressed_network_has_the_weights_and_values_of_its_recipe():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (64, 28, 28, 1)).astype(np.uint8)
    data = images, rng.integers(0, 10, 64)
    stages = {"narrow": 1, "prune": 2, "settle": 1, "share": 1, "tune": 1}
    recipe = pipeline.Recipe((20, 12), (300, 60, 30), (3, 4, 5), batch_size=32, **stages)
    model = lenet.lenet_300_100((28, 28, 1), 10, widths=(40, 20))
    small = lenet.lenet_300_100((28, 28, 1), 10, widths=(20, 12))
    found = pipeline.compress(model, small, data, data, recipe)
    for place, (keep, values) in enumerate(zip(recipe.keep, recipe.values, strict=True)):
        book = found.codebooks[2 * place]
        assert book.indices.shape == model.trainable_variables[2 * place].shape
        assert 0 < np.count_nonzero(decode(book)) <= keep
        assert len(book.centroids) <= values
    assert found.history["stage"].tolist() == ["narrow", "prune", "prune", "settle", "share", "tune"]
