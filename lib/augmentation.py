"""Transformations of training images, drawn anew in every step. Thesis 5.5.1."""

import keras
from keras import layers


def _crop(share):
    """Return layers that cut out a frame at a random place, its sides shorter by `share`, and enlarge it."""
    return [layers.RandomTranslation(share / 2, share / 2), layers.RandomZoom((-share, -share))]


def _flip(direction):
    """Return a layer for each direction; one for both would do both to an image, or neither."""
    return [layers.RandomFlip(one) for one in direction.split("_and_")]


TRANSFORMATIONS = {
    "flip": _flip,
    "rotation": lambda degrees: [layers.RandomRotation(degrees / 360)],
    "scaling": lambda share: [layers.RandomZoom(share)],
    "crop": _crop,
    "shift": lambda share: [layers.RandomTranslation(share, share)],
    "noise": lambda deviation: [layers.GaussianNoise(deviation)],
}


def augmenter(transformations, input_shape):
    """Return a model (N, H, W, C) -> (N, H, W, C) that changes images while training and else leaves them.

    `transformations` are {name: amount} in the order in which they are applied: "flip" ("horizontal",
    "vertical" or "horizontal_and_vertical"), "rotation" (up to so many degrees either way), "scaling",
    "crop" and "shift" (shares of a side), "noise" (the standard deviation, for images in [0, 1]).
    Raises ValueError for an unknown name. Thesis 5.5.1, Abb. 31.
    """
    if unknown := transformations.keys() - TRANSFORMATIONS.keys():
        raise ValueError(
            f"There is no transformation '{min(unknown)}'; there are {', '.join(TRANSFORMATIONS)}."
        )
    chain = [layer for name, amount in transformations.items() for layer in TRANSFORMATIONS[name](amount)]
    return keras.Sequential([keras.Input(input_shape), *chain])
