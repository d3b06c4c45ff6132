import numpy as np
import pytest

from lib.runs import occlusion

IMAGE = np.arange(16.0).reshape(4, 4, 1)


def test_each_copy_hides_one_square_and_nothing_else():
    copies, corners = occlusion.occlude(IMAGE, square=2, step=2, colour=-1)
    assert corners.tolist() == [[0, 0], [0, 2], [2, 0], [2, 2]]
    for copy, (row, column) in zip(copies, corners, strict=True):
        hidden = np.zeros((4, 4, 1), bool)
        hidden[row : row + 2, column : column + 2] = True
        np.testing.assert_array_equal(copy, np.where(hidden, -1, IMAGE))


def test_a_pixel_gets_the_mean_of_the_squares_over_it():
    _, corners = occlusion.occlude(IMAGE[:1], square=1, step=1, colour=0)
    assert corners.tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]
    spread = occlusion.spread_over_pixels([2, 4], [(0, 0), (0, 1)], 2, (2, 4))
    np.testing.assert_array_equal(spread, [[2, 3, 4, np.nan]] * 2)


@pytest.mark.parametrize("square", [0, 5])
def test_a_square_that_does_not_fit_is_refused(square):
    with pytest.raises(ValueError, match=f"A square of {square} pixels does not fit"):
        occlusion.occlude(IMAGE, square, 1, 0)
