"""Multiply-adds and parameters of a model: against TensorFlow's profiler, by counting, and published totals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lib import cost

PRODUCTS = ["Conv2D", "DepthwiseConv2dNative", "MatMul"]  # TensorFlow's operations that multiply by a kernel


def profiled(model):
    """Return the multiply-adds of a model for one image as TensorFlow's profiler counts them."""
    image = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    graph = tf.function(lambda images: model(images)).get_concrete_function(image).graph
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    options = options.with_accounted_types(PRODUCTS).with_empty_output().build()
    return profiler.profile(graph, options=options).total_float_ops // 2


def added_ones(model):
    """Return how many products a linear model adds up: all weights and inputs are 1, so that each counts."""
    model.set_weights([np.ones_like(weights) for weights in model.get_weights()])
    return int(model.predict_on_batch(np.ones((1, *model.input_shape[1:]), np.float32)).sum())


def sequential(images, *parts):
    return keras.Sequential([keras.Input(images), *parts])


def total(model):
    return cost.by_layer(model)["multiply-adds"].sum()


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(5, 3),
        layers.Conv2D(5, (3, 2), strides=(2, 1), padding="same"),
        layers.Conv2D(5, 1, strides=2),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.DepthwiseConv2D(3, strides=2, depth_multiplier=3),
        layers.SeparableConv2D(5, 3, padding="same"),
        layers.SeparableConv2D(5, 3, strides=2, depth_multiplier=2),
        layers.Dense(7),
    ],
)
def test_a_layer_costs_what_tensorflows_profiler_counts(layer):
    model = sequential((9, 11, 4), layer)
    assert total(model) == profiled(model) > 0


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(6, 3, use_bias=False),
        layers.Conv2D(6, 3, strides=2, use_bias=False),
        layers.Conv2D(6, 3, groups=2, use_bias=False),
        layers.Conv2D(8, (3, 2), groups=4, strides=2, use_bias=False),
        layers.Conv2D(6, 3, dilation_rate=2, use_bias=False),
        layers.DepthwiseConv2D(3, dilation_rate=2, use_bias=False),
        layers.DepthwiseConv2D(3, depth_multiplier=3, use_bias=False),
        layers.Dense(7, use_bias=False),
    ],
)
def test_a_layer_costs_as_many_multiply_adds_as_ones_add_up_to(layer):
    model = sequential((9, 11, 4), layer)
    assert total(model) == added_ones(model)


def test_a_convolution_along_one_axis_counts_too():
    model = sequential((9, 4), layers.Conv1D(6, 3, use_bias=False))
    assert total(model) == added_ones(model)


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.MaxPooling2D(2),
        layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.GlobalAveragePooling2D(),
        layers.ZeroPadding2D(1),
        layers.Cropping2D(1),
        layers.Flatten(),
        layers.Reshape((-1,)),
        layers.Activation("relu"),
        layers.ReLU(6.0),
        layers.Softmax(),
        layers.Dropout(0.5),
        layers.SpatialDropout2D(0.5),
        layers.Rescaling(1 / 255),
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(0.1),
        layers.GaussianNoise(0.1),
        layers.UpSampling2D(2),
    ],
)
def test_a_layer_without_a_kernel_costs_nothing(layer):
    frame = cost.by_layer(sequential((8, 8, 4), layer))
    assert frame["multiply-adds"].tolist() == [0]


def test_a_row_names_layer_kind_shape_and_all_weights():
    model = sequential(
        (8, 8, 3), layers.Conv2D(4, 3, strides=2, name="edges"), layers.BatchNormalization(name="norm")
    )
    frame = cost.by_layer(model)
    assert frame.values.tolist() == [
        ["edges", "Conv2D", (3, 3, 4), 3 * 3 * 3 * 4 + 4, 3 * 3 * 3 * 4 * 3 * 3],
        ["norm", "BatchNormalization", (3, 3, 4), 4 * 4, 0],
    ]
    assert frame.columns.tolist() == ["layer", "kind", "output shape", "parameters", "multiply-adds"]


@pytest.mark.parametrize("join", [layers.Concatenate, layers.Add])
def test_branches_are_counted_each(join):
    images = keras.Input((6, 6, 3))
    branches = [layers.Conv2D(4, 1)(images), layers.Conv2D(4, 3, padding="same")(images)]
    model = keras.Model(images, join()(branches))
    assert total(model) == (3 * 4 + 9 * 3 * 4) * 36


def test_the_layers_of_a_nested_model_are_rows_under_its_name():
    inner = keras.Sequential([layers.Conv2D(4, 3, name="edges"), layers.ReLU(name="relu")], name="block")
    images = keras.Input((6, 6, 3))
    model = keras.Model(images, layers.Flatten(name="flatten")(inner(images)))
    frame = cost.by_layer(model)
    assert frame["layer"].tolist() == ["block/edges", "block/relu", "flatten"]
    assert frame["parameters"].sum() == model.count_params()
    assert frame["multiply-adds"].sum() == 9 * 3 * 4 * 16


def test_a_layer_used_twice_has_its_parameters_once_and_costs_twice():
    images = keras.Input((6, 6, 4))
    shared = layers.Conv2D(4, 3, padding="same")
    model = keras.Model(images, shared(shared(images)))
    frame = cost.by_layer(model)
    assert frame["parameters"].tolist() == [model.count_params()]
    assert frame["multiply-adds"].tolist() == [2 * 9 * 4 * 4 * 36]


def test_only_the_uses_in_this_model_count():
    model = sequential((6, 6, 3), layers.Conv2D(4, 3), layers.Conv2D(5, 3))
    first = keras.Model(model.inputs, model.layers[0].output)
    assert total(first) == 9 * 3 * 4 * 16
    model.layers[0](keras.Input((9, 9, 3)))
    assert total(model) == 9 * 3 * 4 * 16 + 9 * 4 * 5 * 4


def test_a_weighted_layer_of_unknown_cost_is_an_error():
    model = sequential((6, 6, 3), layers.Conv2DTranspose(4, 3, name="up"))
    with pytest.raises(TypeError, match="The cost of 'up' is not known: Conv2DTranspose has weights"):
        cost.by_layer(model)


def test_images_of_open_size_are_an_error():
    model = sequential((None, None, 3), layers.Conv2D(4, 3, name="edges"))
    with pytest.raises(ValueError, match="The output of 'edges' has no fixed size"):
        cost.by_layer(model)


def test_a_model_without_a_graph_is_an_error():
    with pytest.raises(TypeError, match="'plain' has no graph of layers"):
        cost.by_layer(keras.Sequential([layers.Dense(3)], name="plain"))


def full_convolution_twin():
    """Return MobileNet with a standard convolution for each separable one. Howard et al. 2017, Table 4."""
    filters = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    settings = {"padding": "same", "use_bias": False, "kernel_initializer": "zeros"}
    parts = [layers.Conv2D(32, 3, strides=2, **settings)]
    for number, stride in zip(filters, strides, strict=True):
        parts += [layers.Conv2D(number, 3, strides=stride, **settings), layers.BatchNormalization()]
    return sequential((224, 224, 3), *parts, layers.GlobalAveragePooling2D(), layers.Dense(1000))


def test_mobilenet_costs_what_its_paper_says():
    frame = cost.by_layer(keras.applications.MobileNet(weights=None, classes=1000))
    assert frame["parameters"].sum() == 4_253_864
    assert round(frame["multiply-adds"].sum() / 1e6, 2) == 568.74


def test_mobilenet_with_full_convolutions_costs_what_its_paper_says():
    frame = cost.by_layer(full_convolution_twin())
    assert round(frame["multiply-adds"].sum() / 1e6, 1) == 4867.3
    assert round(frame["parameters"].sum() / 1e6, 1) == 29.3
