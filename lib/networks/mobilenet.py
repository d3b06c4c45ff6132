"""MobileNet, of depthwise separable convolutions, with its two multipliers. Howard et al. 2017. Thesis 5.3.4, Abb. 30."""

import keras
from keras import layers

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *5 * ((512, 1),), (1024, 2), (1024, 1))
SMALL_BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1))
MOMENTUM = 0.9  # of the running means: training takes hundreds of steps here; Keras's 0.99 is for many more


def _normalised(x, name):
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}.normalisation")(x)
    return layers.ReLU(6, name=f"{name}.relu")(x)


def separable_block(x, filters, stride, name):
    """Return the maps of a depthwise 3×3 and a pointwise convolution, each normalised, with ReLU6.

    Howard et al. 2017, Figure 3.
    """
    depthwise = {"strides": stride, "use_bias": False, "name": f"{name}.depthwise"}
    if stride == 2:  # as in Keras's MobileNet: zeros only below and at the right
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}.padding")(x)
    x = layers.DepthwiseConv2D(3, padding="same" if stride == 1 else "valid", **depthwise)(x)
    x = _normalised(x, f"{name}.depthwise")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}.pointwise")(x)
    return _normalised(x, f"{name}.pointwise")


def full_block(x, filters, stride, name):
    """Return the maps of one standard 3×3 convolution, normalised, with ReLU6."""
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}.conv")(x)
    return _normalised(x, f"{name}.conv")


def _network(input_shape, classes, stem, blocks, block=separable_block):
    """Return a first convolution of `stem` filters, then blocks of (filters, stride), then the classifier."""
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(stem, 3, strides=2, padding="same", use_bias=False, name="conv1")(inputs)
    x = _normalised(x, "conv1")
    for number, (filters, stride) in enumerate(blocks, 1):
        x = block(x, filters, stride, f"block{number}")
    x = layers.GlobalAveragePooling2D(keepdims=True, name="average")(x)
    x = layers.Dropout(0.001, name="dropout")(x)
    x = layers.Conv2D(classes, 1, name="classifier")(x)
    x = layers.Reshape((classes,), name="reshape")(x)
    return keras.Model(inputs, layers.Softmax(name="softmax")(x))


def _scaled(blocks, width):
    return [(int(filters * width), stride) for filters, stride in blocks]


def mobilenet(input_shape=(224, 224, 3), classes=1000, width=1.0):
    """Return MobileNet as published; its layers have the shapes of those of keras.applications.MobileNet.

    `width` multiplies the channels of every layer; the resolution multiplier is the choice of `input_shape`.
    Howard et al. 2017, Table 1 and §3. Thesis 5.3.4, Abb. 30.
    """
    return _network(input_shape, classes, int(32 * width), _scaled(BLOCKS, width))


def full_mobilenet(input_shape=(224, 224, 3), classes=1000):
    """Return MobileNet with standard convolutions in place of the separable ones. Howard et al. 2017, Table 4."""
    return _network(input_shape, classes, 32, BLOCKS, full_block)


def small(input_shape, classes, width=1.0):
    """Return MobileNet for images of 28 to 64 pixels a side: five separable blocks of 32 to 128 filters.

    `width` multiplies the channels of every layer.
    """
    return _network(input_shape, classes, int(16 * width), _scaled(SMALL_BLOCKS, width))
