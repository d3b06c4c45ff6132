import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from lib import convolution

paddings = st.sampled_from(["valid", "same"])
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
equal_strides = st.integers(1, 3).map(lambda step: (step, step))  # TensorFlow's depthwise has no others
filter_sizes = st.tuples(st.integers(1, 4), st.integers(1, 4))
image_shapes = st.tuples(st.integers(1, 3), st.integers(4, 9), st.integers(4, 9), st.integers(1, 3))
few = st.integers(1, 3)


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def applied(layer, images, kernels):
    """Return the output of a Keras layer with these kernels, without bias, in double precision."""
    layer.build(images.shape)
    layer.set_weights(kernels)
    return np.asarray(layer(images))


def keras_layer(kind, *arguments, **settings):
    return kind(*arguments, use_bias=False, dtype="float64", **settings)


@given(image_shapes, filter_sizes, few, strides, paddings)
def test_convolve_equals_conv2d_of_keras(shape, filter_size, n_filters, stride, padding):
    images, filters = normal(shape), normal((*filter_size, shape[-1], n_filters), 1)
    layer = keras_layer(keras.layers.Conv2D, n_filters, filter_size, strides=stride, padding=padding)
    np.testing.assert_allclose(
        convolution.convolve(images, filters, stride, padding), applied(layer, images, [filters]), atol=1e-9
    )


@given(image_shapes, filter_sizes, few, equal_strides, paddings)
def test_convolve_depthwise_equals_depthwise_conv2d_of_keras(shape, filter_size, multiplier, stride, padding):
    images, filters = normal(shape), normal((*filter_size, shape[-1], multiplier), 1)
    layer = keras_layer(
        keras.layers.DepthwiseConv2D,
        filter_size,
        depth_multiplier=multiplier,
        strides=stride,
        padding=padding,
    )
    np.testing.assert_allclose(
        convolution.convolve_depthwise(images, filters, stride, padding),
        applied(layer, images, [filters]),
        atol=1e-9,
    )


def test_convolve_pointwise_equals_conv2d_of_size_one():
    images, weights = normal((2, 5, 6, 3)), normal((3, 4), 1)
    layer = keras_layer(keras.layers.Conv2D, 4, 1)
    np.testing.assert_allclose(
        convolution.convolve_pointwise(images, weights), applied(layer, images, [weights[None, None]])
    )


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_then_pointwise_equals_separable_conv2d_of_keras(multiplier):
    images = normal((2, 7, 6, 3))
    kernels = [normal((3, 3, 3, multiplier), 1), normal((1, 1, 3 * multiplier, 4), 2)]
    layer = keras_layer(keras.layers.SeparableConv2D, 4, 3, depth_multiplier=multiplier)
    ours = convolution.convolve_pointwise(
        convolution.convolve_depthwise(images, kernels[0]), kernels[1][0, 0]
    )
    np.testing.assert_allclose(ours, applied(layer, images, kernels), atol=1e-9)


@given(image_shapes, filter_sizes, few, strides, paddings)
def test_depthwise_then_pointwise_equals_convolve_with_the_factorised_kernel(
    shape, filter_size, n_filters, stride, padding
):
    images = normal(shape)
    depthwise = normal((*filter_size, shape[-1], 1), 1)
    pointwise = normal((shape[-1], n_filters), 2)
    in_two_steps = convolution.convolve_pointwise(
        convolution.convolve_depthwise(images, depthwise, stride, padding), pointwise
    )
    at_once = convolution.convolve(images, depthwise * pointwise, stride, padding)
    np.testing.assert_allclose(in_two_steps, at_once, atol=1e-9)


def test_convolve_does_not_mirror_the_filter():
    image, filter_ = normal((8, 9)), normal((3, 4), 1)
    ours = convolution.convolve(image[None, :, :, None], filter_[:, :, None, None])[0, :, :, 0]
    np.testing.assert_allclose(ours, signal.correlate2d(image, filter_, mode="valid"))


def test_strides_are_rows_then_columns():
    assert convolution.convolve(np.zeros((1, 7, 7, 1)), np.zeros((3, 3, 1, 1)), (2, 1)).shape == (1, 3, 5, 1)


@given(image_shapes, filter_sizes, strides, paddings)
def test_output_size_is_the_real_size(shape, filter_size, stride, padding):
    real = convolution.windows(np.zeros(shape), filter_size, stride, padding).shape[1:3]
    stated = tuple(
        convolution.output_size(shape[1 + axis], filter_size[axis], stride[axis], padding) for axis in (0, 1)
    )
    assert stated == real


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5))
def test_same_padding_makes_room_for_the_size_divided_by_the_stride(size, filter_size, stride):
    padded = size + sum(convolution.same_padding(size, filter_size, stride))
    if padded >= filter_size:  # a stride above the filter size leaves pixels over
        assert convolution.output_size(padded, filter_size, stride) == -(-size // stride)


@pytest.mark.parametrize(
    ("arguments", "zeros"),
    [((100, 3, 2), (0, 1)), ((100, 3, 1), (1, 1)), ((5, 4, 1), (1, 2)), ((9, 1, 3), (0, 0))],
)
def test_same_padding_may_be_asymmetric(arguments, zeros):
    assert convolution.same_padding(*arguments) == zeros


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(0, 5))
def test_output_size_with_a_number_of_zeros_is_that_of_the_padded_image(size, filter_size, stride, zeros):
    padded = np.pad(np.zeros(size), zeros)
    if filter_size <= len(padded):
        real = len(np.lib.stride_tricks.sliding_window_view(padded, filter_size)[::stride])
        assert convolution.output_size(size, filter_size, stride, zeros) == real


def test_output_size_rounds_down_what_the_formula_leaves_as_a_half():
    assert (100 - 3) / 2 + 1 == 49.5
    assert convolution.output_size(100, 3, 2) == 49


def test_windows_are_the_receptive_fields():
    images = np.arange(2 * 5 * 6 * 3).reshape(2, 5, 6, 3)
    np.testing.assert_array_equal(convolution.windows(images, (3, 2), (2, 3))[1, 1, 1], images[1, 2:5, 3:5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 3, 0), "The stride has to be at least 1, not 0."),
        ((5, 3, 1, "full"), "The padding has to be 'valid', 'same' or a number of zeros, not 'full'."),
        ((5, 3, 1, -1), "The padding has to be 'valid', 'same' or a number of zeros, not -1."),
        ((5, 6), "A filter of size 6 does not fit into 5 pixels."),
        ((5, 8, 1, 1), "A filter of size 8 does not fit into 7 pixels."),
    ],
)
def test_output_size_refuses_what_cannot_be(arguments, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 the message is compared whole
        convolution.output_size(*arguments)
    assert str(error.value) == message


@pytest.mark.parametrize("convolve", [convolution.convolve, convolution.convolve_depthwise])
@pytest.mark.parametrize(
    ("filters", "stride", "message"),
    [
        ((3, 6, 2, 1), (1, 1), "filter of size 6 does not fit into 5 pixels"),
        ((3, 3, 2, 1), (1, 0), "stride has to be at least 1, not 0"),
        ((3, 3, 4, 1), (1, 1), r"Filters (of depth 4|for 4 channels) do not fit 2 channels\."),
    ],
)
def test_convolutions_refuse_what_does_not_fit(convolve, filters, stride, message):
    with pytest.raises(ValueError, match=message):
        convolve(np.zeros((1, 5, 5, 2)), np.zeros(filters), stride)


def counted(layer, channels):
    """Return (multiply-adds of a Keras layer on 9×8 pixels, its output's height and width).

    Where all inputs and weights are one, an output element is the number of products in it.
    """
    ones = np.ones((1, 9, 8, channels))
    layer.build(ones.shape)
    layer.set_weights([np.ones(kernel.shape) for kernel in layer.get_weights()])
    output = np.asarray(layer(ones))
    return output.sum(), output.shape[1:3]


shapes_of_layers = pytest.mark.parametrize(
    ("filter_size", "channels", "n_filters", "stride"),
    [((3, 3), 3, 5, 1), ((5, 3), 2, 1, 2), ((1, 1), 4, 6, 1)],
)


@shapes_of_layers
def test_standard_cost_equals_the_count(filter_size, channels, n_filters, stride):
    count, shape = counted(keras_layer(keras.layers.Conv2D, n_filters, filter_size, strides=stride), channels)
    assert convolution.standard_cost(filter_size, channels, n_filters, shape) == count


@shapes_of_layers
@pytest.mark.parametrize("multiplier", [1, 3])
def test_separable_cost_equals_the_count(filter_size, channels, n_filters, stride, multiplier):
    depthwise = keras_layer(
        keras.layers.DepthwiseConv2D, filter_size, depth_multiplier=multiplier, strides=stride
    )
    depthwise_count, shape = counted(depthwise, channels)
    pointwise_count = n_filters * channels * multiplier * np.prod(shape)
    assert convolution.depthwise_cost(filter_size, channels, shape, multiplier) == depthwise_count
    assert (
        convolution.separable_cost(filter_size, channels, n_filters, shape, multiplier)
        == depthwise_count + pointwise_count
    )


def test_pointwise_cost_equals_the_count():
    count, shape = counted(keras_layer(keras.layers.Conv2D, 6, 1), 4)
    assert convolution.pointwise_cost(4, 6, shape) == count


def test_a_number_of_zeros_is_padded_on_both_sides():
    images, filters = np.ones((1, 4, 4, 1)), np.ones((3, 3, 1, 1))
    result = convolution.convolve(images, filters, padding=1)[0, :, :, 0]
    assert result.tolist() == [[4, 6, 6, 4], [6, 9, 9, 6], [6, 9, 9, 6], [4, 6, 6, 4]]


def test_small_integers_do_not_overflow():
    images, filters = np.full((1, 3, 3, 1), 255, dtype=np.uint8), np.ones((3, 3, 1, 1), dtype=np.uint8)
    assert convolution.convolve(images, filters).item() == 9 * 255
