"""Networks for small photos, and their remedies against overfitting. Thesis 5.5.1."""

import keras
from keras import layers, regularizers

MOMENTUM = 0.9  # of the moving statistics: an epoch of few photos has too few steps for Keras's 0.99


def plain(
    input_shape,
    classes,
    filters=(32, 64, 128),
    dense=128,
    dropout=0.0,
    batch_normalization=False,
    l2=0.0,
):
    """Return a block for each number of filters, convolution 3×3, ReLU and pooling 2×2, then two dense layers.

    `dropout` is the share of the inputs of each dense layer that is set to 0 while training. With
    `batch_normalization` every layer but the last is normalised before its ReLU, as in Thesis (5.9).
    `l2` times the sum of all squared weights, biases left out, is added to the loss. Thesis 5.5.1.
    """

    def activated(layer):
        normalised = [layers.BatchNormalization(momentum=MOMENTUM)] if batch_normalization else []
        return [layer, *normalised, layers.ReLU()]

    penalty = regularizers.L2(l2) if l2 else None
    chain = []
    for number in filters:
        convolution = layers.Conv2D(number, 3, padding="same", kernel_regularizer=penalty)
        chain += [*activated(convolution), layers.MaxPooling2D(2)]
    chain += [layers.Flatten(), layers.Dropout(dropout)]
    chain += [*activated(layers.Dense(dense, kernel_regularizer=penalty)), layers.Dropout(dropout)]
    chain += [layers.Dense(classes, activation="softmax", kernel_regularizer=penalty)]
    return keras.Sequential([keras.Input(input_shape), *chain])


def thinned_perceptron(input_shape, classes, hidden=(8, 8), dropout=0.5):
    """Return a perceptron whose hidden units are dropped while training. Thesis 5.5.1, Abb. 32."""
    chain = [layers.Flatten()]
    for units in hidden:
        chain += [layers.Dense(units, activation="relu"), layers.Dropout(dropout)]
    return keras.Sequential([keras.Input(input_shape), *chain, layers.Dense(classes, activation="softmax")])
