"""SqueezeNet, built of fire modules, in three variants. Iandola et al. 2016. Thesis 5.3.2, Abb. 27 and 28."""

import keras
from keras import layers

FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
SMALL_FIRES = ((4, 16), (4, 16), (8, 32), (8, 32))  # (squeeze, expand)
BYPASSES = ("none", "simple", "complex")


def _convolution(filters, size, name, **settings):
    """Return a convolution with ReLU and the initial weights that suit it (He et al. 2015)."""
    settings = {"activation": "relu", "kernel_initializer": "he_normal"} | settings
    return layers.Conv2D(filters, size, name=name, **settings)


def fire_module(x, squeeze, expand, name):
    """Return the maps of a fire module on the maps `x`: `squeeze` filters 1×1, then 2·`expand` filters on them.

    Half of the second ones are 1×1, half 3×3, side by side. Iandola et al. 2016, §3.2. Thesis 5.3.2, Abb. 28.
    """
    squeezed = _convolution(squeeze, 1, f"{name}.squeeze")(x)
    small = _convolution(expand, 1, f"{name}.expand1x1")(squeezed)
    large = _convolution(expand, 3, f"{name}.expand3x3", padding="same")(squeezed)
    return layers.Concatenate(name=f"{name}.concat")([small, large])


def _bypassed(x, outputs, bypass, number):
    """Return the outputs of module `number`, with its inputs `x` added where the bypass allows it."""
    channels = outputs.shape[-1]
    same = x.shape[-1] == channels
    if bypass == "none" or (bypass == "simple" and not same):
        return outputs
    if not same:
        x = layers.Conv2D(channels, 1, name=f"bypass{number}")(x)
    return layers.Add(name=f"sum{number}")([x, outputs])


def _modules(x, fires, pooled, bypass):
    """Return the maps behind fire modules of (squeeze, expand) filters; those with a number in `pooled` are pooled.

    The first module has the number 2. Raises ValueError for an unknown bypass.
    """
    if bypass not in BYPASSES:
        raise ValueError(f"There is no bypass {bypass!r}; it can be one of {', '.join(BYPASSES)}.")
    for number, (squeeze, expand) in enumerate(fires, 2):
        x = _bypassed(x, fire_module(x, squeeze, expand, f"fire{number}"), bypass, number)
        if number in pooled:
            x = layers.MaxPooling2D(3, 2, name=f"pool{number}")(x)
    return x


def squeezenet(input_shape=(227, 227, 3), classes=1000, bypass="none"):
    """Return SqueezeNet 1.0 as published.

    `bypass` is "none" (vanilla), "simple": the inputs of a fire module are added to its outputs where both
    have equally many channels, or "complex": elsewhere too, through a 1×1 convolution. The published Caffe
    files crop the photos to 227×227; only so are the sizes of the paper's table right, which begins with 224.
    Raises ValueError for another bypass. Iandola et al. 2016, Table 1 and §6. Thesis 5.3.2, Abb. 27.
    """
    inputs = keras.Input(input_shape, name="input")
    x = _convolution(96, 7, "conv1", strides=2)(inputs)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = _modules(x, FIRES, (4, 8), bypass)
    x = layers.Dropout(0.5, name="dropout")(x)
    x = _convolution(classes, 1, "conv10")(x)
    x = layers.GlobalAveragePooling2D(name="pool10")(x)
    return keras.Model(inputs, layers.Softmax(name="softmax")(x), name="squeezenet")


def small(input_shape, classes, bypass="none"):
    """Return SqueezeNet with four fire modules, a quarter as wide, for images of 28 to 64 pixels a side.

    The first convolution is 3×3, and no pooling follows it. There is no dropout, and no ReLU before the mean of the
    classes' maps: short training would leave classes behind it that never answer. Raises ValueError for
    another bypass.
    """
    inputs = keras.Input(input_shape, name="input")
    x = _convolution(24, 3, "conv1", strides=2, padding="same")(inputs)
    x = _modules(x, SMALL_FIRES, (3,), bypass)
    x = layers.Conv2D(classes, 1, name="conv6")(x)
    x = layers.GlobalAveragePooling2D(name="pool6")(x)
    return keras.Model(inputs, layers.Softmax(name="softmax")(x), name="small_squeezenet")
