import keras
import numpy as np
import pytest

from lib.compression import integer_arithmetic, low_bit


def chain(*, padding="same", activation="relu"):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((9, 8, 2)),
            keras.layers.Conv2D(4, 3, padding=padding, activation=activation, bias_initializer="normal"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(5, (2, 3), strides=2, padding=padding, activation=activation),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation=activation),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.fixture
def images():
    return np.random.default_rng(0).random((30, 9, 8, 2)).astype(np.float32)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_integers_equal_the_simulation(images, padding, activation):
    model = chain(padding=padding, activation=activation)
    network = integer_arithmetic.integer_network(model, low_bit.input_extents(model, images))
    for integers, simulated in zip(*integer_arithmetic.activations(network, images), strict=True):
        assert integers.dtype == np.uint8
        assert np.array_equal(integers, simulated)
    outputs = integer_arithmetic.predict(network, images)
    assert outputs == pytest.approx(integer_arithmetic.simulate(network, images), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_integers_come_near_to_the_floats(images, padding):
    model = chain(padding=padding)
    network = integer_arithmetic.integer_network(model, low_bit.input_extents(model, images))
    outputs = integer_arithmetic.predict(network, images)
    floats = keras.Model(model.inputs, model.layers[-1].input).predict_on_batch(images)
    exact = floats @ model.layers[-1].kernel.numpy() + model.layers[-1].bias.numpy()
    assert outputs == pytest.approx(exact, abs=0.05 * float(np.abs(exact).max()))


def test_sums_have_32_bits(images):
    model = chain()
    first = integer_arithmetic.integer_network(model, low_bit.input_extents(model, images))[0]
    assert first.kernel.dtype == np.int8
    sums = integer_arithmetic.integer_sums(first, low_bit.quantize(images, first.inputs).astype(np.uint8))
    assert sums.dtype == np.int32


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_patches_times_kernel_are_the_convolution_of_keras(images, padding, strides):
    layer = keras.layers.Conv2D(4, (2, 3), strides=strides, padding=padding, use_bias=False)
    expected = layer(images).numpy()
    seen = integer_arithmetic.patches(images, (2, 3), strides, padding, 0)
    assert seen @ layer.kernel.numpy().reshape(-1, 4) == pytest.approx(expected, abs=1e-5)


def test_layers_that_are_not_written_are_named(images):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    with pytest.raises(ValueError, match="is a BatchNormalization; integer arithmetic is written for Dense"):
        integer_arithmetic.integer_network(model, {model.layers[0].name: (0, 1)})


def test_activations_that_are_not_written_are_named(images):
    model = chain(activation="tanh")
    with pytest.raises(ValueError, match="has the activation tanh; here it can be relu or linear"):
        integer_arithmetic.integer_network(model, low_bit.input_extents(model, images))
