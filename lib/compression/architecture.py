"""A chain of Keras layers as a few bytes, and back; nothing is built before its size is known.

Dense, convolution, depthwise and separable convolution, batch normalisation, pooling, flatten, padding,
dropout and activation layers, in one chain. Thesis 4.3.
"""

import json
import math
import zlib

import keras
from keras import layers

from lib.compression.entropy_coding import DecodingError

MOST_LAYERS = 1000
MOST_JSON = 2**18
MOST_ACTIVATIONS = 2**28  # numbers in the output of one layer for one input

_WINDOW = {"strides": [1, 1], "padding": "valid", "dilation_rate": [1, 1]}
_UNIT = {"activation": "linear", "use_bias": True}
_POOLING = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}
# What of a layer's configuration is stored, and what it is where the file says nothing.
FIELDS = {
    "Dense": {"units": None} | _UNIT,
    "Conv2D": {"filters": None, "kernel_size": [3, 3], "groups": 1} | _WINDOW | _UNIT,
    "DepthwiseConv2D": {"kernel_size": [3, 3], "depth_multiplier": 1} | _WINDOW | _UNIT,
    "SeparableConv2D": {"filters": None, "kernel_size": [3, 3], "depth_multiplier": 1} | _WINDOW | _UNIT,
    "BatchNormalization": {"axis": -1, "epsilon": 0.001, "center": True, "scale": True},
    "MaxPooling2D": _POOLING,
    "AveragePooling2D": _POOLING,
    "GlobalMaxPooling2D": {"keepdims": False},
    "GlobalAveragePooling2D": {"keepdims": False},
    "ZeroPadding2D": {"padding": [[1, 1], [1, 1]]},
    "Flatten": {},
    "Dropout": {"rate": 0.5},
    "SpatialDropout2D": {"rate": 0.5},
    "Activation": {"activation": "relu"},
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "LeakyReLU": {"negative_slope": 0.3},
    "ELU": {"alpha": 1.0},
    "Softmax": {"axis": -1},
}
_WORDS = json.dumps(["same", "softmax", "relu", *FIELDS, FIELDS], separators=(",", ":")).encode()


def describe(model):
    """Return [input shape, [layer, {field: value}], ...] of a Keras model, without what is the default.

    Raises ValueError for a model that is no chain, and for a layer or setting that the format lacks.
    """
    described = []
    for layer in chain(model):
        name, config = type(layer).__name__, layer.get_config()
        if name not in FIELDS or type(layer) is not getattr(layers, name):
            raise ValueError(
                f"The layer '{layer.name}' is a {name}; the file format has {', '.join(FIELDS)}."
            )
        if config.get("data_format", "channels_last") != "channels_last":
            raise ValueError(
                f"The layer '{layer.name}' has its channels first; only channels last is stored."
            )
        plain = json.loads(json.dumps({field: config[field] for field in FIELDS[name]}))
        if not isinstance(plain.get("activation", ""), str):
            raise ValueError(f"The activation of '{layer.name}' has no name in Keras and cannot be stored.")
        described.append([name, {f: v for f, v in plain.items() if v != FIELDS[name][f]}])
    return [list(model.input_shape[1:]), *described]


def chain(model):
    """Return the layers of a model after its input; raises ValueError where it is no chain of built layers."""
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):  # of functional ones
        raise ValueError("Only Sequential and functional models can be stored, not subclassed ones.")
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError("The model has no input shape yet; build it first.")
    found, last = [], None
    for layer in (model._functional if isinstance(model, keras.Sequential) else model).layers:
        if not isinstance(layer, layers.InputLayer):
            parents = [
                operation.operation for node in layer._inbound_nodes[-1:] for operation in node.parent_nodes
            ]
            if isinstance(layer, keras.Model) or len(parents) != 1 or parents[0] is not last:
                raise ValueError(
                    f"The model branches at '{layer.name}'; only a chain of layers can be stored."
                )
            found.append(layer)
        last = layer
    if len(model.inputs) != 1 or len(model.outputs) != 1 or None in model.input_shape[1:]:
        raise ValueError("Only a model with one input of a fixed shape and one output can be stored.")
    return found


def pack(description):
    """Return a description as compressed bytes."""
    text = json.dumps(description, separators=(",", ":")).encode()
    packer = zlib.compressobj(9, wbits=-15, zdict=_WORDS)
    return packer.compress(text) + packer.flush()


def unpack(content):
    """Return the checked description that pack wrote; raises DecodingError where it is none."""
    try:
        unpacker = zlib.decompressobj(wbits=-15, zdict=_WORDS)
        text = unpacker.decompress(content, MOST_JSON)
        if not unpacker.eof or unpacker.unused_data:
            raise ValueError("it does not end where it should")
        shape, *described = json.loads(text)
        if len(described) > MOST_LAYERS or not 1 <= len(shape) <= 4:
            raise ValueError("it is too long")
        if not all(isinstance(size, int) and size > 0 for size in shape):
            raise ValueError("the input has no shape")
        for name, config in described:
            if unknown := config.keys() - FIELDS[name].keys():
                raise ValueError(f"{name} has no setting '{min(unknown)}'")
            values = list(config.values())
            if any(isinstance(v, dict) for v in values) or not isinstance(config.get("activation", ""), str):
                raise ValueError(
                    f"a setting of {name} is neither a number nor a name"
                )  # Keras would build it
        sizes = list(_numbers(shape, described))
        if min(sizes, default=0) < -1 or max(sizes, default=0) > 2**20:
            raise ValueError("a size is negative or too large")
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DecodingError(f"The description of the layers is damaged: {error}.") from None
    return [shape, *described]


def _numbers(*parts):
    for part in parts:
        if isinstance(part, dict):
            yield from _numbers(*part.values())
        elif isinstance(part, list):
            yield from _numbers(*part)
        elif isinstance(part, int | float):
            yield part


def weight_shapes(name, layer, shape):
    """Return the shapes of the weights that a layer gets for an input (without batch) of `shape`."""
    channels = shape[-1]
    if name == "Dense":
        kernels, bias = [(channels, layer.units)], layer.units
    elif name == "Conv2D":
        kernels, bias = [(*layer.kernel_size, channels // layer.groups, layer.filters)], layer.filters
    elif name == "DepthwiseConv2D":
        kernels = [(*layer.kernel_size, channels, layer.depth_multiplier)]
        bias = channels * layer.depth_multiplier
    elif name == "SeparableConv2D":
        inner = channels * layer.depth_multiplier
        kernels = [(*layer.kernel_size, channels, layer.depth_multiplier), (1, 1, inner, layer.filters)]
        bias = layer.filters
    elif name == "BatchNormalization":
        return [(shape[layer.axis - 1 if layer.axis > 0 else layer.axis],)] * (2 + layer.center + layer.scale)
    else:
        return []
    return kernels + ([(bias,)] if layer.use_bias else [])


def plan(description):
    """Return the layers of a description, not yet built, and [(layer, input shape, shapes of its weights)].

    Raises DecodingError where layers do not fit on one another.
    """
    shape, *described = description
    shape, planned = tuple(shape), []
    try:
        for name, config in described:
            layer = getattr(layers, name)(**(FIELDS[name] | config))
            layer.input_spec = None
            planned.append((layer, shape, weight_shapes(name, layer, shape)))
            shape = tuple(layer.compute_output_shape((None, *shape)))[1:]
            if min(shape, default=1) < 1 or math.prod(shape) > MOST_ACTIVATIONS:
                raise ValueError(f"the output of {name} has the shape {shape}")
    except (
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        ZeroDivisionError,
        AttributeError,
        OverflowError,
    ) as error:
        raise DecodingError(f"The description of the layers is damaged: {error}.") from None
    return planned
