import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import optimize

from lib.compression import low_bit

TENSORS = arrays.arrays(np.float32, (4, 5), elements=st.floats(-10, 10, width=16))
BITS = st.sampled_from([1, 2, 3, 4, 8, 16])


@pytest.fixture
def images():
    return np.random.default_rng(0).random((20, 8, 8, 1)).astype(np.float32)


@given(tensor=TENSORS, bits=BITS)
def test_within_the_range_no_number_is_further_than_half_a_step(tensor, bits):
    for grid in (
        low_bit.symmetric_grid(low_bit.largest_size(tensor), bits),
        low_bit.asymmetric_grid(*low_bit.extent(tensor), bits),
    ):
        half = grid.scale * (1 if grid.zero_point % 1 == 0 else 0.5)  # the zero point itself is rounded
        assert np.all(np.abs(low_bit.rounded(tensor, grid) - tensor) <= half * 1.001 + 1e-5)


@given(tensor=TENSORS, bits=BITS)
def test_zero_stays_zero_with_more_than_one_bit(tensor, bits):
    grid = low_bit.asymmetric_grid(*low_bit.extent(tensor), bits)
    assert low_bit.rounded(np.zeros(1), grid) == 0


def test_one_bit_is_the_sign():
    assert low_bit.rounded(np.array([-3, -0.1, 2]), low_bit.symmetric_grid(1.5, 1)).tolist() == [
        -1.5,
        -1.5,
        1.5,
    ]


@given(tensor=TENSORS, bits=st.sampled_from([1, 2, 4, 8]), axis=st.sampled_from([None, -1]))
def test_mmse_is_never_worse_than_the_range(tensor, bits, axis):
    plain = low_bit.symmetric_grid(low_bit.largest_size(tensor, axis), bits)
    found = low_bit.mmse_grid(tensor, bits, axis)
    missed = [np.sum((low_bit.rounded(tensor, grid) - tensor) ** 2) for grid in (found, plain)]
    assert missed[0] <= missed[1] * (1 + 1e-6) + 1e-9


def test_mmse_scale_of_one_bit_is_the_mean_size():
    tensor = np.random.default_rng(0).normal(size=500)
    assert np.abs(low_bit.rounded(tensor, low_bit.mmse_grid(tensor, 1))) == pytest.approx(
        np.abs(tensor).mean()
    )


def test_mmse_search_finds_what_scipy_finds():
    tensor = np.random.default_rng(0).normal(size=2000)

    def error(largest):
        return np.sum((low_bit.rounded(tensor, low_bit.symmetric_grid(largest, 3)) - tensor) ** 2)

    best = optimize.minimize_scalar(error, bounds=(0.5, 4), method="bounded").fun
    missed = np.sum((low_bit.rounded(tensor, low_bit.mmse_grid(tensor, 3)) - tensor) ** 2)
    assert missed <= best * 1.01


def test_channels_have_ranges_of_their_own():
    tensor = np.array([[1.0, 100], [-2, 50]])
    assert low_bit.largest_size(tensor, -1).tolist() == [[2, 100]]
    assert np.ravel(low_bit.extent(tensor, -1)).tolist() == [-2, 50, 1, 100]


def test_each_further_tensor_comes_closer():
    tensor = np.random.default_rng(0).normal(size=(30, 10))
    errors, total = [], 0
    for part in low_bit.tensor_sum(tensor, 4, 3):
        total = total + low_bit.dequantize(*part)
        errors.append(low_bit.relative_error(tensor, total))
    assert errors[1] < errors[0] / 20
    assert errors[2] < errors[1] / 20


@given(bits=BITS, seed=st.integers(0, 50))
def test_packed_integers_come_back(bits, seed):
    low = -(2 ** (bits - 1))
    integers = np.random.default_rng(seed).integers(low, low + 2**bits, (3, 7)).astype(np.int32)
    packed = low_bit.pack(integers, bits, low)
    assert packed.nbytes == -(-21 * bits // 8)
    assert np.array_equal(low_bit.unpack(packed, bits, low, (3, 7)), integers)


def test_sixteen_bits_change_next_to_nothing(small_cnn, images):
    extents = low_bit.input_extents(small_cnn, images)
    for changed in (
        low_bit.with_offline_ranges(small_cnn, extents, 16),
        low_bit.with_online_ranges(small_cnn, 16),
    ):
        assert changed.predict_on_batch(images) == pytest.approx(small_cnn.predict_on_batch(images), abs=1e-3)


def test_offline_ranges_clip_and_online_ones_do_not(small_cnn, images):
    extents = low_bit.input_extents(small_cnn, images)
    brighter = 4 * images
    exact = small_cnn.predict_on_batch(brighter)
    missed = [
        np.abs(changed.predict_on_batch(brighter) - exact).max()
        for changed in (
            low_bit.with_offline_ranges(small_cnn, extents, 16),
            low_bit.with_online_ranges(small_cnn, 16),
        )
    ]
    assert missed[1] < 1e-3 < missed[0]


def test_percentiles_cut_outliers_off(small_cnn, images):
    images[0, 0, 0, 0] = 50
    name = small_cnn.layers[0].name
    assert low_bit.input_extents(small_cnn, images)[name][1] == 50
    assert low_bit.input_extents(small_cnn, images, 99)[name][1] < 1


def test_a_rounding_model_survives_saving(small_cnn, images, tmp_path):
    changed = low_bit.with_offline_ranges(small_cnn, low_bit.input_extents(small_cnn, images), 4)
    changed.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.predict_on_batch(images), changed.predict_on_batch(images))
