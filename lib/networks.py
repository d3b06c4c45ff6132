"""Networks as Keras models; each function returns a new, untrained one. Weights come from training.seeded."""

import keras
from keras import layers


def multilayer_perceptron(input_shape, classes, hidden=(100,), activation="relu"):
    """Return a perceptron with the given widths of its hidden layers. Thesis 3.1.5."""
    model = keras.Sequential([keras.Input(input_shape), layers.Flatten()])
    for units in hidden:
        model.add(layers.Dense(units, activation=activation))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def small_cnn(input_shape, classes, filters=(8, 16), activation="relu", dense=64):
    """Return convolutions of 3×3, each followed by max pooling 2×2, then two dense layers. Thesis 3.1."""
    model = keras.Sequential([keras.Input(input_shape)])
    for number in filters:
        model.add(layers.Conv2D(number, 3, padding="same", activation=activation))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(dense, activation=activation))
    model.add(layers.Dense(classes, activation="softmax"))
    return model
