"""Convolutions as neural networks compute them, in numpy: sizes, results, and cost. Thesis 3.1.2, 5.2.

Images are (N, H, W, C). Sizes and strides are (rows, columns), as in Keras; the thesis writes a
stride (n, m) as n columns to the right and m rows down. Padding is "valid" (none) or "same"
(zeros, so that the output has ceil(size / stride) rows and columns).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def same_padding(size, filter_size, stride=1):
    """Return the (before, after) zeros of padding "same" along one axis; after may be one more.

    Dumoulin and Visin 2016, §2.3; the thesis's P in (5.1) is the same on both sides.
    """
    total = max((-(-size // stride) - 1) * stride + filter_size - size, 0)
    return total // 2, total - total // 2


def output_size(size, filter_size, stride=1, padding="valid"):
    """Return the length of the output along one axis. Thesis (5.1), with the floor that it omits.

    `padding` may also be a number P of zeros on both sides. Raises ValueError for a filter that does
    not fit, for a padding that is none of these, and for a stride below 1.
    """
    if stride < 1:
        raise ValueError(f"The stride has to be at least 1, not {stride}.")
    if padding == "same":
        return -(-size // stride)
    if padding != "valid" and not (isinstance(padding, int) and padding >= 0):
        raise ValueError(f"The padding has to be 'valid', 'same' or a number of zeros, not {padding!r}.")
    padded = size + (0 if padding == "valid" else 2 * padding)
    if filter_size > padded:
        raise ValueError(f"A filter of size {filter_size} does not fit into {padded} pixels.")
    return (padded - filter_size) // stride + 1


def windows(images, filter_size, stride=(1, 1), padding="valid"):
    """Return the receptive field of every output element: (N, H', W', Fh, Fw, C). Thesis 3.1.2.

    Raises ValueError as output_size does.
    """
    for axis in (0, 1):
        output_size(images.shape[1 + axis], filter_size[axis], stride[axis], padding)
    if padding != "valid":
        sizes = zip(images.shape[1:3], filter_size, stride, strict=True)
        zeros = [same_padding(*size) if padding == "same" else (padding, padding) for size in sizes]
        images = np.pad(images, [(0, 0), *zeros, (0, 0)])
    fields = sliding_window_view(images, filter_size, axis=(1, 2))
    return np.moveaxis(fields[:, :: stride[0], :: stride[1]], 3, -1)


def convolve(images, filters, stride=(1, 1), padding="valid"):
    """Return the standard convolution of images with filters (Fh, Fw, C, n_f): (N, H', W', n_f).

    The filter is not mirrored: mathematically it is a cross-correlation. Thesis 3.1.2, Abb. 4, and
    5.2, Abb. 24. Raises ValueError where the numbers of channels differ, and as output_size does.
    """
    if images.shape[-1] != filters.shape[2]:
        raise ValueError(f"Filters of depth {filters.shape[2]} do not fit {images.shape[-1]} channels.")
    fields = windows(np.asarray(images, dtype=float), filters.shape[:2], stride, padding)
    return np.einsum("nhwijc,ijcf->nhwf", fields, filters, optimize=True)


def convolve_depthwise(images, filters, stride=(1, 1), padding="valid"):
    """Return the depthwise convolution with filters (Fh, Fw, C, multiplier): (N, H', W', C * multiplier).

    The maps of one channel stand side by side, as in Keras. Thesis 5.2, Abb. 25.
    Raises ValueError where the numbers of channels differ, and as output_size does.
    """
    if images.shape[-1] != filters.shape[2]:
        raise ValueError(f"Filters for {filters.shape[2]} channels do not fit {images.shape[-1]} channels.")
    fields = windows(np.asarray(images, dtype=float), filters.shape[:2], stride, padding)
    maps = np.einsum("nhwijc,ijcm->nhwcm", fields, filters, optimize=True)
    return maps.reshape(*maps.shape[:3], -1)


def convolve_pointwise(images, weights):
    """Return the pointwise (1×1) convolution with weights (C, n_f): (N, H, W, n_f). Thesis 5.2."""
    return images @ weights


def standard_cost(filter_size, channels, filters, output_shape):
    """Return the multiply-adds of a standard convolution. Thesis (5.2), with the output's height and width."""
    return int(np.prod(filter_size)) * channels * filters * int(np.prod(output_shape))


def depthwise_cost(filter_size, channels, output_shape, multiplier=1):
    """Return the multiply-adds of a depthwise convolution. Thesis (5.3), times the multiplier it omits."""
    return int(np.prod(filter_size)) * channels * multiplier * int(np.prod(output_shape))


def pointwise_cost(channels, filters, output_shape):
    """Return the multiply-adds of a pointwise convolution. Thesis (5.4)."""
    return standard_cost((1, 1), channels, filters, output_shape)


def separable_cost(filter_size, channels, filters, output_shape, multiplier=1):
    """Return the multiply-adds of a depthwise separable convolution. Thesis (5.5), with the multiplier."""
    depthwise = depthwise_cost(filter_size, channels, output_shape, multiplier)
    return depthwise + pointwise_cost(channels * multiplier, filters, output_shape)
