"""SqueezeNet, built of fire modules, in three variants. Iandola et al. 2016. Thesis 5.3.2, Abb. 27 and 28."""

import keras
from keras import layers

FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
POOLED_FIRES = (4, 8)  # the numbers of the fire modules that a pooling follows; the first one is 2
BYPASSES = ("none", "simple", "complex")


def fire_module(x, squeeze, expand, name):
    """Return the maps of a fire module on the maps `x`: `squeeze` filters 1×1, then 2·`expand` filters on them.

    Half of the second ones are 1×1, half 3×3, side by side. Iandola et al. 2016, §3.2. Thesis 5.3.2, Abb. 28.
    """
    squeezed = layers.Conv2D(squeeze, 1, activation="relu", name=f"{name}.squeeze")(x)
    small = layers.Conv2D(expand, 1, activation="relu", name=f"{name}.expand1x1")(squeezed)
    large = layers.Conv2D(expand, 3, padding="same", activation="relu", name=f"{name}.expand3x3")(squeezed)
    return layers.Concatenate(name=f"{name}.concat")([small, large])


def _bypassed(x, outputs, bypass, name):
    """Return a module's outputs, with its inputs `x` added where the bypass allows it."""
    if bypass == "none":
        return outputs
    channels = outputs.shape[-1]
    if x.shape[-1] != channels:
        if bypass == "simple":
            return outputs
        x = layers.Conv2D(channels, 1, name=f"{name}_bypass")(x)
    return layers.Add(name=f"{name}.add")([x, outputs])


def _body(x, classes, bypass, fires, dropout):
    """Return the class probabilities from the maps of the first layers."""
    if bypass not in BYPASSES:
        raise ValueError(f"There is no bypass {bypass!r}; it can be one of {', '.join(BYPASSES)}.")
    for number, (squeeze, expand) in enumerate(fires, 2):
        name = f"fire{number}"
        x = _bypassed(x, fire_module(x, squeeze, expand, name), bypass, name)
        if number in POOLED_FIRES:
            x = layers.MaxPooling2D(3, 2, name=f"pool{number}")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(classes, 1, activation="relu", name="conv10")(x)
    x = layers.GlobalAveragePooling2D(name="pool10")(x)
    return layers.Softmax(name="softmax")(x)


def squeezenet(input_shape=(227, 227, 3), classes=1000, bypass="none"):
    """Return SqueezeNet 1.0 as published.

    `bypass` is "none" (vanilla), "simple": the inputs of a fire module are added to its outputs where both
    have equally many channels, or "complex": elsewhere too, through a 1×1 convolution. The published Caffe
    files crop the photos to 227×227; only so are the sizes of the paper's table right, which begins with 224.
    Raises ValueError for another bypass. Iandola et al. 2016, Table 1 and §6. Thesis 5.3.2, Abb. 27.
    """
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(96, 7, strides=2, activation="relu", name="conv1")(inputs)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    return keras.Model(inputs, _body(x, classes, bypass, FIRES, dropout=0.5), name="squeezenet")


def small(input_shape, classes, bypass="none", width=0.25):
    """Return SqueezeNet for images of 28 to 64 pixels a side: all eight fire modules, `width` times as wide.

    The first convolution is 3×3, and no pooling follows it; there is no dropout. Raises ValueError for
    another bypass.
    """
    fires = [(round(width * squeeze), round(width * expand)) for squeeze, expand in FIRES]
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(round(width * 96), 3, strides=2, padding="same", activation="relu", name="conv1")(
        inputs
    )
    return keras.Model(inputs, _body(x, classes, bypass, fires, dropout=0), name="small_squeezenet")
