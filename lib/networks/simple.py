"""The networks that most chapters train: a perceptron and a small convolutional network."""

import keras
from keras import layers


def multilayer_perceptron(input_shape, classes, hidden=(100,), activation="relu"):
    """Return a perceptron with the given widths of its hidden layers. Thesis 3.1.5."""
    model = keras.Sequential([keras.Input(input_shape), layers.Flatten()])
    for units in hidden:
        model.add(layers.Dense(units, activation=activation))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def small_cnn(
    input_shape, classes, filters=(8, 16), activation="relu", dense=64, pooling="max", global_average=False
):
    """Return convolutions of 3×3, each followed by pooling 2×2, then two dense layers. Thesis 3.1.

    `pooling` is "max", "average", or "stride": no pooling, but convolutions with stride 2. With
    `global_average` the dense layers get the mean of each map in place of all its pixels.
    """
    pool = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D, "stride": None}[pooling]
    model = keras.Sequential([keras.Input(input_shape)])
    for number in filters:
        stride = 1 if pool else 2
        model.add(layers.Conv2D(number, 3, strides=stride, padding="same", activation=activation))
        if pool:
            model.add(pool(2))
    model.add(layers.GlobalAveragePooling2D() if global_average else layers.Flatten())
    model.add(layers.Dense(dense, activation=activation))
    model.add(layers.Dense(classes, activation="softmax"))
    return model
