import numpy as np
import pytest

from lib.runs import invariance

IMAGES = np.arange(1.0, 10).reshape(1, 3, 3, 1)


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (0, 0, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (1, 0, [[0, 0, 0], [1, 2, 3], [4, 5, 6]]),
        (0, -1, [[2, 3, 0], [5, 6, 0], [8, 9, 0]]),
        (-2, 1, [[0, 7, 8], [0, 0, 0], [0, 0, 0]]),
    ],
)
def test_images_are_shifted_and_zeros_come_in(rows, columns, expected):
    assert invariance.shift(IMAGES, rows, columns)[0, :, :, 0].tolist() == expected


def test_a_shift_leaves_the_images_as_they_are():
    before = IMAGES.copy()
    invariance.shift(IMAGES, 1, 1)
    np.testing.assert_array_equal(IMAGES, before)


def test_a_shift_out_of_the_image_is_refused():
    with pytest.raises(ValueError, match="leaves nothing"):
        invariance.shift(IMAGES, 3, 0)
