"""Pooling in numpy: blocks of each channel become one number. Thesis 3.1.4."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def _blocks(images, pool_size, stride):
    height, width = images.shape[1:3]
    if pool_size[0] > height or pool_size[1] > width:
        raise ValueError(f"Blocks of {pool_size} do not fit into images of {(height, width)}.")
    stride = pool_size if stride is None else stride
    if min(stride) < 1:
        raise ValueError(f"The stride has to be at least 1, not {min(stride)}.")
    return sliding_window_view(images, pool_size, axis=(1, 2))[:, :: stride[0], :: stride[1]]


def max_pool(images, pool_size=(2, 2), stride=None):
    """Return the maximum of every block of images (N, H, W, C): (N, H', W', C). Thesis 3.1.4, Abb. 17 left.

    `pool_size` and `stride` are (rows, columns); without a stride the blocks do not overlap.
    Raises ValueError for blocks larger than the images, and for a stride below 1.
    """
    return _blocks(images, pool_size, stride).max(axis=(-2, -1))


def average_pool(images, pool_size=(2, 2), stride=None):
    """Return the mean of every block, shapes and errors as in max_pool. Thesis 3.1.4, Abb. 17 right."""
    return _blocks(images, pool_size, stride).mean(axis=(-2, -1))


def global_max_pool(images):
    """Return the maximum of every channel of images (N, H, W, C): (N, C). Thesis 3.1.4."""
    return np.max(images, axis=(1, 2))


def global_average_pool(images):
    """Return the mean of every channel of images (N, H, W, C): (N, C). Thesis 3.1.4."""
    return np.mean(images, axis=(1, 2))
