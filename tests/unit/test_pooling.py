import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import pooling

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
image_shapes = st.tuples(st.integers(1, 3), st.integers(3, 9), st.integers(3, 9), st.integers(1, 3))


def normal(shape):
    return np.random.default_rng(0).normal(size=shape)


@pytest.mark.parametrize(
    ("ours", "layer"),
    [
        (pooling.max_pool, keras.layers.MaxPooling2D),
        (pooling.average_pool, keras.layers.AveragePooling2D),
    ],
)
@given(image_shapes, pairs, st.none() | pairs)
def test_pooling_equals_that_of_keras(ours, layer, shape, pool_size, stride):
    images = normal(shape)
    theirs = np.asarray(layer(pool_size, stride, dtype="float64")(images))
    np.testing.assert_allclose(ours(images, pool_size, stride), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "layer"),
    [
        (pooling.global_max_pool, keras.layers.GlobalMaxPooling2D),
        (pooling.global_average_pool, keras.layers.GlobalAveragePooling2D),
    ],
)
@given(image_shapes)
def test_global_pooling_equals_that_of_keras(ours, layer, shape):
    images = normal(shape)
    theirs = np.asarray(layer(dtype="float64")(images))
    np.testing.assert_allclose(ours(images), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pool", [pooling.max_pool, pooling.average_pool])
def test_blocks_are_two_by_two_and_do_not_overlap_by_default(pool):
    images = normal((1, 5, 4, 1))
    np.testing.assert_array_equal(pool(images), pool(images, (2, 2), (2, 2)))


def test_average_of_bytes_does_not_overflow():
    assert pooling.average_pool(np.full((1, 2, 2, 1), 255, np.uint8)) == 255


@pytest.mark.parametrize("pool", [pooling.max_pool, pooling.average_pool])
@pytest.mark.parametrize("pool_size", [(4, 2), (2, 6)])
def test_pooling_refuses_blocks_larger_than_the_images(pool, pool_size):
    with pytest.raises(ValueError) as error:  # noqa: PT011 the message is compared whole
        pool(np.zeros((1, 3, 5, 1)), pool_size)
    assert str(error.value) == f"Blocks of {pool_size} do not fit into images of (3, 5)."


@pytest.mark.parametrize("pool", [pooling.max_pool, pooling.average_pool])
@pytest.mark.parametrize("stride", [(0, 1), (2, -1)])
def test_pooling_refuses_a_stride_below_one(pool, stride):
    with pytest.raises(ValueError, match=f"The stride has to be at least 1, not {min(stride)}"):
        pool(np.zeros((1, 3, 5, 1)), (2, 2), stride)
