"""The two networks on which Deep Compression is measured, LeNet-300-100 and LeNet-5 as in Caffe."""

import keras
from keras import layers


def lenet_300_100(input_shape, classes, widths=(300, 100)):
    """Return the perceptron with 300 and 100 hidden units. LeCun et al. 1998, §III.C; Han et al. 2016, §5.1."""
    model = keras.Sequential([keras.Input(input_shape), layers.Flatten()])
    for units in widths:
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(classes, activation="softmax"))
    return model


def lenet_5(input_shape, classes, widths=(20, 50, 500)):
    """Return LeNet-5 as Caffe has it: two convolutions 5×5 without activation, 500 units. Han et al. 2016, §5.1.

    `widths` are the filters of the two convolutions and the units of the hidden layer.
    """
    model = keras.Sequential([keras.Input(input_shape)])
    for filters in widths[:2]:
        model.add(layers.Conv2D(filters, 5))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(widths[2], activation="relu"))
    model.add(layers.Dense(classes, activation="softmax"))
    return model
