"""Xception, as published and small enough to be trained here. Thesis 5.3.3; Chollet 2017."""

import keras
from keras import layers


def xception(
    input_shape=(299, 299, 3),
    classes=1000,
    stem=(32, 64),
    entry=(128, 256, 728),
    repeats=8,
    exit=(728, 1024, 1536, 2048),
    stem_stride=2,
    stem_padding="valid",
    momentum=0.99,
    shortcuts=True,
):
    """Return Xception: an entry flow, a middle flow of equal blocks, an exit flow.

    The defaults are the published network, 22,910,480 parameters. `stem`, `entry` and `exit` are the
    channels of their convolutions, `repeats` the number of middle blocks, `momentum` that of batch
    normalisation; without `shortcuts` no block adds its input to its output. Thesis 5.3.3, Abb. 29.
    """
    inputs = maps = keras.Input(input_shape, name="input")

    def normalized(maps, layer):
        maps = layer(maps)
        return layers.BatchNormalization(momentum=momentum, name=f"{layer.name}_normalization")(maps)

    def stem_convolution(maps, number, filters, strides):
        name = f"entry_1.conv{number}"
        layer = layers.Conv2D(filters, 3, strides, stem_padding, use_bias=False, name=name)
        return layers.ReLU(name=f"entry_1.relu{number}")(normalized(maps, layer))

    def separated(maps, block, number, filters, relu):
        if relu == "before":
            maps = layers.ReLU(name=f"{block}.relu{number}")(maps)
        layer = layers.SeparableConv2D(
            filters, 3, padding="same", use_bias=False, name=f"{block}.separable{number}"
        )
        maps = normalized(maps, layer)
        return layers.ReLU(name=f"{block}.relu{number}")(maps) if relu == "after" else maps

    def added(maps, start, block):
        return layers.Add(name=f"{block}.add")([maps, start]) if shortcuts else maps

    def halving(maps, block, filters, relu_first=True):
        layer = layers.Conv2D(filters[-1], 1, 2, "same", use_bias=False, name=f"{block}.shortcut")
        start = normalized(maps, layer) if shortcuts else None
        for number, channels in enumerate(filters, 1):
            maps = separated(maps, block, number, channels, "before" if relu_first or number > 1 else None)
        maps = layers.MaxPooling2D(3, 2, padding="same", name=f"{block}.pool")(maps)
        return added(maps, start, block)

    for number, filters in enumerate(stem, 1):
        maps = stem_convolution(maps, number, filters, stem_stride if number == 1 else 1)
    for number, filters in enumerate(entry, 2):
        maps = halving(maps, f"entry_{number}", (filters, filters), relu_first=number > 2)
    for number in range(1, repeats + 1):
        start, block = maps, f"middle_{number}"
        for convolution in (1, 2, 3):
            maps = separated(maps, block, convolution, entry[-1], "before")
        maps = added(maps, start, block)
    maps = halving(maps, "exit_1", exit[:2])
    for number, filters in enumerate(exit[2:], 1):
        maps = separated(maps, "exit_2", number, filters, "after")
    maps = layers.GlobalAveragePooling2D(name="average")(maps)
    outputs = layers.Dense(classes, activation="softmax", name="dense")(maps)
    return keras.Model(inputs, outputs, name="xception")


def small(input_shape, classes, width=16, repeats=2, shortcuts=True):
    """Return Xception with two halving entry blocks and few channels, for images of 28 to 64 pixels.

    Its channels grow from `width` to six times that. The running means of batch normalisation follow
    faster than in the published network, as training is short.
    """
    return xception(
        input_shape,
        classes,
        stem=(width // 2, width),
        entry=(2 * width, 3 * width),
        repeats=repeats,
        exit=(3 * width, 4 * width, 5 * width, 6 * width),
        stem_padding="same",
        momentum=0.9,
        shortcuts=shortcuts,
    )
