import pytest
from keras import layers

from lib import cost
from lib.networks import separable


@pytest.mark.parametrize(("convolution", "weights"), [("standard", 9 * 4 * 6), ("separable", 9 * 4 + 4 * 6)])
def test_all_convolutions_but_the_first_are_of_the_kind_asked_for(convolution, weights):
    model = separable.small_cnn((16, 16, 3), 7, (4, 6), convolution)
    convolutions = [
        layer for layer in model.layers if isinstance(layer, tuple(separable.CONVOLUTIONS.values()))
    ]
    assert [layer.count_params() for layer in convolutions] == [9 * 3 * 4, weights]
    assert type(convolutions[0]) is layers.Conv2D


def test_both_kinds_have_maps_of_the_same_shapes():
    shapes = [
        cost.by_layer(separable.small_cnn((28, 28, 1), 10, convolution=kind))["output shape"].tolist()
        for kind in separable.CONVOLUTIONS
    ]
    assert shapes[0] == shapes[1]
