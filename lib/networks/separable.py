"""One network with standard or with depthwise separable convolutions. Thesis 5.2."""

import keras
from keras import layers

CONVOLUTIONS = {"standard": layers.Conv2D, "separable": layers.SeparableConv2D}


def small_cnn(input_shape, classes, filters=(16, 32, 64), convolution="standard"):
    """Return convolutions of 3×3, each with batch normalisation and ReLU, then a global average.

    The first is standard with stride 2, as in Xception and MobileNet; the others are "standard" or
    "separable", each followed by pooling 2×2. Thesis 5.2; Chollet 2017, §4; Howard et al. 2017, §3.2.
    """
    first, *others = filters
    model = keras.Sequential([keras.Input(input_shape)])
    model.add(layers.Conv2D(first, 3, strides=2, padding="same", use_bias=False))
    model.add(layers.BatchNormalization(momentum=0.9))
    model.add(layers.ReLU())
    for number in others:
        model.add(CONVOLUTIONS[convolution](number, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D(2))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(classes, activation="softmax"))
    return model
