"""MobileNet: equal to Keras's in shapes, the published parameters, and what its multipliers do."""

import keras
import pytest

from lib.networks import mobilenet


@pytest.fixture(scope="module")
def full():
    return mobilenet.mobilenet()


def test_mobilenet_has_the_published_parameters(full):
    assert full.count_params() == 4_253_864


@pytest.mark.parametrize("width", [1.0, 0.5])
def test_every_layer_has_the_shapes_of_keras_mobilenet(width):
    ours, theirs = (
        [
            (type(layer).__name__, layer.output.shape, [w.shape for w in layer.weights])
            for layer in model.layers
        ]
        for model in (
            mobilenet.mobilenet(width=width),
            keras.applications.MobileNet(alpha=width, weights=None),
        )
    )
    classifier = ("Softmax", (None, 1000), [])  # an Activation in Keras's
    assert ours == [*theirs[:-1], classifier]


def test_the_full_convolution_twin_has_the_published_29_million_parameters():
    assert round(mobilenet.full_mobilenet().count_params() / 1e6, 1) == 29.3


def test_the_resolution_changes_no_weight(full):
    smaller = mobilenet.mobilenet((128, 128, 3))
    assert [weights.shape for weights in smaller.weights] == [weights.shape for weights in full.weights]


def test_all_strides_together_divide_each_axis_by_32(full):
    assert full.get_layer("block13.pointwise.relu").output.shape == (None, 7, 7, 1024)


@pytest.mark.parametrize("input_shape", [(28, 28, 1), (64, 64, 3)])
def test_the_width_multiplies_the_channels_of_the_small_network(input_shape):
    one, half = (mobilenet.small(input_shape, 8, width=width) for width in (1, 0.5))
    widths = [
        [layer.filters for layer in model.layers[:-4] if type(layer) is keras.layers.Conv2D]
        for model in (one, half)
    ]
    assert widths[0] == [2 * filters for filters in widths[1]]
    assert one.output.shape == (None, 8)
