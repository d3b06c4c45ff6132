"""A network computed with integers: products of 8 bits, sums of 32, and the same in floating point.

Jacob et al. 2018 (Quantization and training for integer-arithmetic-only inference), §2; thesis 4.2.
"""

from typing import NamedTuple

import keras
import numpy as np

from lib.compression import low_bit

MULTIPLIER_BITS = 31


class IntegerLayer(NamedTuple):
    """A dense layer or a convolution in integers.

    `kernel` is int8 with `kernel_scale`, one a channel; `bias` is int32 in units of the product of the
    scales; `inputs` and `outputs` are the uint8 Grids of what enters and leaves, `outputs` None for the
    last layer, whose sums stay as they are. `strides` and `padding` are those of a convolution.
    """

    kernel: np.ndarray
    kernel_scale: np.ndarray
    bias: np.ndarray
    inputs: low_bit.Grid
    outputs: low_bit.Grid | None
    rectified: bool
    strides: tuple[int, int] = (1, 1)
    padding: str = "valid"


def integer_network(model, extents):
    """Return the chain of IntegerLayers and Keras pooling and flattening layers of a model.

    `extents` are {layer name: (lowest, largest)} of low_bit.input_extents. The model has to be a chain of
    Dense, Conv2D, MaxPooling2D, Flatten and Dropout layers with ReLU between and softmax or nothing at the
    end; raises ValueError for another. Jacob et al. 2018, §2.
    """
    grids = {name: low_bit.asymmetric_grid(*limits, 8) for name, limits in extents.items()}
    weighted = [layer for layer in model.layers if hasattr(layer, "kernel")]
    following = [grids[layer.name] for layer in weighted[1:]] + [None]
    outputs = dict(zip((layer.name for layer in weighted), following, strict=True))
    chain = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D):
            chain.append(_integer_layer(layer, grids[layer.name], outputs[layer.name]))
        elif isinstance(layer, keras.layers.MaxPooling2D | keras.layers.Flatten):
            chain.append(layer)
        elif not isinstance(layer, keras.layers.InputLayer | keras.layers.Dropout):
            raise ValueError(
                f"'{layer.name}' is a {type(layer).__name__}; integer arithmetic is written for Dense, Conv2D, "
                "MaxPooling2D, Flatten and Dropout."
            )
    return chain


def _integer_layer(layer, inputs, outputs):
    allowed = ("relu", "linear") if outputs else ("softmax", "linear")
    if layer.activation.__name__ not in allowed:
        raise ValueError(
            f"'{layer.name}' has the activation {layer.activation.__name__}; here it can be {' or '.join(allowed)}."
        )
    kernel = layer.kernel.numpy().astype(np.float64)
    grid = low_bit.symmetric_grid(low_bit.largest_size(kernel, -1), 8)
    scale = np.ravel(grid.scale)
    bias = layer.bias.numpy() if layer.use_bias else np.zeros(len(scale))
    convolution = {"strides": layer.strides, "padding": layer.padding} if kernel.ndim == 4 else {}
    return IntegerLayer(
        low_bit.quantize(kernel, grid).astype(np.int8),
        scale,
        np.round(bias / (inputs.scale * scale)).astype(np.int32),
        inputs,
        outputs,
        layer.activation.__name__ == "relu",
        **convolution,
    )


def patches(images, size, strides, padding, fill):
    """Return what each position of a filter sees, (N, rows, columns, height · width · channels).

    `padding` is "valid" or "same", as Keras pads, with the value `fill` at the edge.
    """
    if padding == "same":
        edges = [(0, 0)]
        for length, extent, stride in zip(images.shape[1:3], size, strides, strict=True):
            missing = max((-(-length // stride) - 1) * stride + extent - length, 0)
            edges.append((missing // 2, missing - missing // 2))
        images = np.pad(images, [*edges, (0, 0)], constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(images, size, axis=(1, 2))
    windows = windows[:, :: strides[0], :: strides[1]].transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(*windows.shape[:3], -1)


def _seen(layer, images, fill):
    """Return the vectors that a layer multiplies by its kernel as a matrix."""
    if layer.kernel.ndim == 2:
        return images
    return patches(images, layer.kernel.shape[:2], layer.strides, layer.padding, fill)


def integer_sums(layer, images):
    """Return the sums (int32) of the products of uint8 images and the int8 kernel, with the bias.

    Jacob et al. 2018, (7): the zero point of the inputs is taken off with the sums of the kernel.
    """
    kernel = layer.kernel.reshape(-1, layer.kernel.shape[-1])
    zero_point = np.int32(layer.inputs.zero_point)
    seen = _seen(layer, images, zero_point)
    sums = np.matmul(seen, kernel, dtype=np.int32)
    return sums - zero_point * kernel.sum(axis=0, dtype=np.int32) + layer.bias


def requantized(layer, sums):
    """Return int32 sums as the uint8 inputs of the next layer, by an integer multiplication and a shift.

    The factor M of the scales is a number of 31 bits over a power of two. Jacob et al. 2018, (5) and (6).
    """
    factor = layer.inputs.scale * layer.kernel_scale / layer.outputs.scale
    fraction, exponent = np.frexp(factor)
    multiplier = np.round(fraction * 2**MULTIPLIER_BITS).astype(np.int64)
    shift = (MULTIPLIER_BITS - exponent).astype(np.int64)
    if layer.rectified:
        sums = np.maximum(sums, 0)
    scaled = (sums.astype(np.int64) * multiplier + (np.int64(1) << (shift - 1))) >> shift
    return np.clip(scaled + np.int64(layer.outputs.zero_point), 0, 255).astype(np.uint8)


def simulated_sums(layer, images):
    """Return in floating point what integer_sums() stands for: the sums of products of rounded numbers."""
    kernel = (layer.kernel * layer.kernel_scale).reshape(-1, layer.kernel.shape[-1])
    values = layer.inputs.scale * (images - layer.inputs.zero_point)
    bias = layer.bias * layer.inputs.scale * layer.kernel_scale
    return _seen(layer, values, 0.0) @ kernel + bias


def simulated_rounding(layer, sums):
    """Return floating-point sums rounded to the uint8 inputs of the next layer."""
    return low_bit.quantize(np.maximum(sums, 0) if layer.rectified else sums, layer.outputs).astype(np.uint8)


def _shaped(layer, images):
    """Return images through a pooling or flattening layer, in their own integers."""
    if isinstance(layer, keras.layers.Flatten):
        return images.reshape(len(images), -1)
    if layer.padding != "valid" or layer.pool_size != layer.strides:
        raise ValueError(f"'{layer.name}' pools with padding or overlap; only whole blocks are written here.")
    (height, width), (rows, columns) = layer.pool_size, images.shape[1:3]
    whole = images[:, : rows // height * height, : columns // width * width]
    blocks = whole.reshape(len(images), rows // height, height, columns // width, width, -1)
    return blocks.max(axis=(2, 4))


def predict(network, images):
    """Return the outputs (N, classes) of a network in integers, times their scales, for images in floats.

    Softmax, which keeps the order, is left out. Every product is of 8 bits and every sum of 32.
    """
    return _run(network, images, integer_sums, requantized)[-1]


def simulate(network, images):
    """Return what predict() returns, computed in floating point on the rounded numbers."""
    return _run(network, images, simulated_sums, simulated_rounding)[-1]


def activations(network, images):
    """Return two lists of the uint8 tensors between the layers: of integers, and of the simulation."""
    return (
        _run(network, images, integer_sums, requantized)[:-1],
        _run(network, images, simulated_sums, simulated_rounding)[:-1],
    )


def _run(network, images, sums, rounding):
    """Return [uint8 tensors between the layers, ..., outputs] of a network in one of the two arithmetics."""
    first = next(layer for layer in network if isinstance(layer, IntegerLayer))
    images = low_bit.quantize(images, first.inputs).astype(np.uint8)
    passed = [images]
    for layer in network:
        if not isinstance(layer, IntegerLayer):
            images = _shaped(layer, images)
            continue
        summed = sums(layer, images)
        if layer.outputs is None:
            scale = layer.inputs.scale * layer.kernel_scale if summed.dtype == np.int32 else 1.0
            return [*passed, summed * scale]
        images = rounding(layer, summed)
        passed.append(images)
    return passed
