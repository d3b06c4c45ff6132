"""Numbers of a few bits: grids of equally spaced values, and tensors and activations rounded to them.

Thesis 4.2 (low-bit quantisation); Choukroun et al. 2019 for the scale of least squared error.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from lib.compression.kernels import functional


class Grid(NamedTuple):
    """The values scale · (q - zero_point) for the integers q from `low` to `high`.

    `scale` and `zero_point` are numbers, or arrays that broadcast with the tensor, one a channel.
    """

    scale: np.ndarray
    zero_point: np.ndarray
    low: int
    high: int


def symmetric_grid(largest, bits):
    """Return the Grid from -largest to largest with 0 in its middle; with one bit it is {-largest, largest}.

    Of the 2^bits codes one is left unused, so that the grid is symmetric. Thesis 4.2.
    """
    largest = np.asarray(largest, np.float64)
    largest = np.where(largest > 0, largest, 1)
    if bits == 1:
        return Grid(2 * largest, np.float64(0.5), 0, 1)
    high = 2 ** (bits - 1) - 1
    return Grid(largest / high, np.float64(0), -high, high)


def asymmetric_grid(lowest, largest, bits):
    """Return the Grid of 2^bits values from about `lowest` to `largest`, shifted so that it has an exact 0.

    The range is widened to hold 0. Thesis 4.2; Jacob et al. 2018, §2.1.
    """
    lowest, largest = np.minimum(np.float64(lowest), 0), np.maximum(np.float64(largest), 0)
    high = 2**bits - 1
    scale = np.where(largest > lowest, (largest - lowest) / high, 1)
    return Grid(scale, np.round(-lowest / scale), 0, high)


def quantize(tensor, grid):
    """Return the integers (int32) of the nearest values of a Grid; what lies outside is clipped."""
    return np.clip(np.round(tensor / grid.scale + grid.zero_point), grid.low, grid.high).astype(np.int32)


def dequantize(integers, grid):
    """Return the values (float32) that the integers of a Grid stand for."""
    return (grid.scale * (integers - grid.zero_point)).astype(np.float32)


def rounded(tensor, grid):
    """Return a tensor with each number replaced by the nearest of a Grid."""
    return dequantize(quantize(tensor, grid), grid)


def _other_axes(tensor, channel_axis):
    """Return all axes but the one of the channels; all for None, a grid for the whole tensor."""
    axes = range(np.ndim(tensor))
    return tuple(axis for axis in axes if channel_axis is None or axis != channel_axis % np.ndim(tensor))


def extent(tensor, channel_axis=None, percentile=100):
    """Return (lowest, largest), for the whole tensor, or for each channel in an array that broadcasts with it.

    With a `percentile` below 100 they are the percentiles 100 - percentile and percentile, so outliers are
    cut off. The channels of a Keras kernel are its last axis. Thesis 4.2.
    """
    axes = _other_axes(tensor, channel_axis)
    return tuple(
        np.percentile(tensor, share, axis=axes, keepdims=channel_axis is not None)
        for share in (100 - percentile, percentile)
    )


def largest_size(tensor, channel_axis=None):
    """Return the largest absolute value, of the whole tensor or of each channel."""
    return np.max(np.abs(tensor), axis=_other_axes(tensor, channel_axis), keepdims=channel_axis is not None)


def mmse_grid(tensor, bits, channel_axis=None, candidates=80):
    """Return the symmetric Grid of least squared error, from a search over its scale.

    Tries `candidates` scales up to that of the largest value, for each channel by itself, then takes the
    scale that fits the integers of the best one: a = <T, Q> / <Q, Q>. Choukroun et al. 2019, §3.
    """
    axes, tensor = _other_axes(tensor, channel_axis), np.asarray(tensor, np.float64)
    largest = largest_size(tensor, channel_axis)
    best, least = np.array(largest), np.full(np.shape(largest), np.inf)
    for share in np.arange(1, candidates + 1) / candidates:
        tried = symmetric_grid(share * largest, bits)
        error = np.sum((rounded(tensor, tried) - tensor) ** 2, axis=axes, keepdims=channel_axis is not None)
        best, least = np.where(error < least, share * largest, best), np.minimum(error, least)
    grid = symmetric_grid(best, bits)
    integers = quantize(tensor, grid) - grid.zero_point
    squares = np.sum(integers**2, axis=axes, keepdims=channel_axis is not None)
    products = np.sum(tensor * integers, axis=axes, keepdims=channel_axis is not None)
    fitted = np.divide(products, squares, out=np.array(grid.scale), where=products > 0)
    return grid._replace(scale=fitted)


def tensor_sum(tensor, bits, count, channel_axis=None):
    """Return [(integers, Grid), ...], `count` low-bit tensors whose values add up to nearly `tensor`.

    Each is the one of least squared error for what those before it have left. Choukroun et al. 2019, §3.2.
    """
    rest, parts = np.asarray(tensor, np.float64), []
    for _ in range(count):
        grid = mmse_grid(rest, bits, channel_axis)
        parts.append((quantize(rest, grid), grid))
        rest = rest - dequantize(parts[-1][0], grid)
    return parts


def relative_error(tensor, approximation):
    """Return the squared error of an approximation over the sum of squares of the tensor."""
    return float(np.sum((tensor - approximation) ** 2) / np.sum(np.square(tensor)))


def pack(integers, bits, low):
    """Return integers from `low` to `low` + 2^bits - 1 as an array of bytes (uint8), `bits` bits each."""
    offsets = np.ravel(integers).astype(np.int64) - low
    return np.packbits((offsets[:, np.newaxis] >> np.arange(bits)) & 1, bitorder="little")


def unpack(packed, bits, low, shape):
    """Return the integers (int32) of pack(), in their `shape`."""
    places = np.unpackbits(packed, count=int(np.prod(shape)) * bits, bitorder="little").reshape(-1, bits)
    return ((places.astype(np.int32) << np.arange(bits)).sum(axis=1) + low).astype(np.int32).reshape(shape)


def _weighted(model):
    """Return the names of the layers that multiply by a kernel."""
    return [layer.name for layer in model.layers if hasattr(layer, "kernel")]


def layer_inputs(model, images):
    """Return {layer name: array} of what enters each layer that has a kernel, for some images."""
    names = _weighted(model)
    watched = keras.Model(functional(model).input, [model.get_layer(name).input for name in names])
    tensors = watched(images)
    tensors = tensors if isinstance(tensors, list) else [tensors]
    return {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}


def input_extents(model, images, percentile=100):
    """Return {layer name: (lowest, largest)} of what enters each layer that has a kernel, on some images.

    This is the calibration of offline ranges; `percentile` as in extent(). Thesis 4.2.
    """
    tensors = layer_inputs(model, images)
    return {name: extent(tensor, percentile=percentile) for name, tensor in tensors.items()}


@keras.saving.register_keras_serializable("compression")
class Rounding(keras.layers.Layer):
    """Rounds its input to the values of a Grid, as integer arithmetic would: an offline range."""

    def __init__(self, scale, zero_point, low, high, **settings):
        super().__init__(**settings)
        self.grid = Grid(float(scale), float(zero_point), int(low), int(high))

    def call(self, inputs):
        """Return the rounded inputs."""
        grid = self.grid
        integers = ops.clip(ops.round(inputs / grid.scale + grid.zero_point), grid.low, grid.high)
        return grid.scale * (integers - grid.zero_point)

    def get_config(self):
        """Return the arguments of the layer."""
        return super().get_config() | self.grid._asdict()


@keras.saving.register_keras_serializable("compression")
class OnlineRounding(keras.layers.Layer):
    """Rounds each image of its input to 2^bits values between its own extremes: an online range."""

    def __init__(self, bits, **settings):
        super().__init__(**settings)
        self.bits = bits

    def call(self, inputs):
        """Return the rounded inputs."""
        axes = tuple(range(1, len(inputs.shape)))
        lowest = ops.minimum(ops.min(inputs, axis=axes, keepdims=True), 0.0)
        largest = ops.maximum(ops.max(inputs, axis=axes, keepdims=True), 0.0)
        high = 2**self.bits - 1
        scale = ops.maximum((largest - lowest) / high, 1e-12)
        zero_point = ops.round(-lowest / scale)
        return scale * (ops.clip(ops.round(inputs / scale + zero_point), 0, high) - zero_point)

    def get_config(self):
        """Return the arguments of the layer."""
        return super().get_config() | {"bits": self.bits}


def _with_rounding(model, rounding):
    """Return a copy of a model with a layer rounding(name) before each layer that has a kernel."""
    names = _weighted(model)

    def call(layer, *inputs, **settings):
        if layer.name in names:
            return layer(rounding(layer.name)(*inputs), **settings)
        return layer(*inputs, **settings)

    copy = keras.models.clone_model(functional(model), call_function=call)
    for layer in model.layers:
        if layer.weights:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy


def with_offline_ranges(model, extents, bits):
    """Return a copy of a model that rounds what enters each kernel to `bits` bits within fixed ranges.

    `extents` come from input_extents(). Values outside are clipped. Thesis 4.2.
    """
    grids = {name: asymmetric_grid(*limits, bits) for name, limits in extents.items()}
    return _with_rounding(model, lambda name: Rounding(*grids[name]))


def with_online_ranges(model, bits):
    """Return a copy of a model that rounds what enters each kernel to `bits` bits within each image's range.

    Nothing is clipped, but the extremes are sought in every run. Thesis 4.2.
    """
    return _with_rounding(model, lambda _: OnlineRounding(bits))
