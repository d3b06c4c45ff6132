"""AlexNet, as published and small enough to be trained here. Thesis 5.3.1; Krizhevsky et al. 2012."""

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("alexnet")
class LocalResponseNormalization(layers.Layer):
    """Divides each activation by (k + alpha · the sum of squares of n neighbouring channels)^beta.

    Krizhevsky et al. 2012, §3.3, with their n = 5, k = 2, alpha = 0.0001, beta = 0.75.
    """

    def __init__(self, n=5, k=2.0, alpha=1e-4, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def call(self, inputs):
        """Return the normalised maps, of the same shape (N, H, W, C)."""
        return tf.nn.local_response_normalization(inputs, self.n // 2, self.k, self.alpha, self.beta)

    def compute_output_shape(self, input_shape):
        """Return the shape, which does not change."""
        return input_shape

    def get_config(self):
        """Return what a saved model needs to build the layer again."""
        return super().get_config() | {"n": self.n, "k": self.k, "alpha": self.alpha, "beta": self.beta}


def alexnet(input_shape=(227, 227, 3), classes=1000, groups=2, padding="valid"):
    """Return AlexNet with 60,965,224 parameters; `groups` is 2 as published, or 1 for one tower.

    In two groups the second, fourth and fifth convolution see only the half of the maps that lay on the
    same of two graphics cards. `padding` is that of the first convolution: the published 224 pixels are
    not a whole number of strides of 4 without any. Krizhevsky et al. 2012, §3.5; Thesis 5.3.1, Abb. 26.
    """

    def convolution(name, filters, size, groups=1, **settings):
        settings = {"padding": "same", "activation": "relu"} | settings
        return layers.Conv2D(filters, size, groups=groups, name=name, **settings)

    return keras.Sequential(
        [
            keras.Input(input_shape),
            convolution("conv1", 96, 11, strides=4, padding=padding),
            LocalResponseNormalization(name="norm1"),
            layers.MaxPooling2D(3, 2, name="pool1"),
            convolution("conv2", 256, 5, groups),
            LocalResponseNormalization(name="norm2"),
            layers.MaxPooling2D(3, 2, name="pool2"),
            convolution("conv3", 384, 3),
            convolution("conv4", 384, 3, groups),
            convolution("conv5", 256, 3, groups),
            layers.MaxPooling2D(3, 2, name="pool5"),
            layers.Flatten(name="flatten"),
            layers.Dense(4096, activation="relu", name="dense6"),
            layers.Dropout(0.5, name="dropout6"),
            layers.Dense(4096, activation="relu", name="dense7"),
            layers.Dropout(0.5, name="dropout7"),
            layers.Dense(classes, activation="softmax", name="dense8"),
        ],
        name="alexnet",
    )


def small(input_shape, classes, width=8, activation="relu", window=3, dropout=0.0):
    """Return AlexNet's five convolutions, three poolings and three dense layers, for images of 28 to 64 pixels.

    The convolutions have 1, 2, 3, 3 and 2 times `width` filters. Pooling takes windows of `window` pixels
    every 2: they overlap with 3, as published, and do not with 2; with "same" padding both give maps
    of the same size, and so as many weights. Images from 48 pixels on are halved by the first convolution.
    """
    stride = 2 if input_shape[0] >= 48 else 1

    def convolution(name, times, size, strides=1):
        filters = times * width
        return layers.Conv2D(filters, size, strides, padding="same", activation=activation, name=name)

    def pool(name):
        return layers.MaxPooling2D(window, 2, padding="same", name=name)

    return keras.Sequential(
        [
            keras.Input(input_shape),
            convolution("conv1", 1, 5, stride),
            pool("pool1"),
            convolution("conv2", 2, 5),
            pool("pool2"),
            convolution("conv3", 3, 3),
            convolution("conv4", 3, 3),
            convolution("conv5", 2, 3),
            pool("pool5"),
            layers.Flatten(name="flatten"),
            layers.Dense(8 * width, activation=activation, name="dense6"),
            layers.Dropout(dropout, name="dropout6"),
            layers.Dense(8 * width, activation=activation, name="dense7"),
            layers.Dropout(dropout, name="dropout7"),
            layers.Dense(classes, activation="softmax", name="dense8"),
        ],
        name="small_alexnet",
    )
