"""Pruning of whole filters: which ones, and a smaller Keras model without them.

Thesis 4.1 (filters and feature maps); Li et al. 2017 (Pruning Filters for Efficient ConvNets), §3. Removing
a filter removes its feature map, and with it the kernels of the next layer that look at that map. The
filters that stay are {layer name: rising indices}.
"""

import math

import keras
import numpy as np
from keras import layers

CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
WITHOUT_CHANNELS = (  # they treat every feature map like the others, and by itself
    layers.InputLayer,
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.GlobalAveragePooling2D,
    layers.ZeroPadding2D,
    layers.Cropping2D,
    layers.UpSampling2D,
)


def l1_norms(filters):
    """Return the sum of the sizes of ALL weights of each filter (rows, columns, channels, number): (number,).

    The thesis's (4.1) leaves out the channels. Li et al. 2017, §3.1.
    """
    return np.abs(filters).sum(axis=tuple(range(np.ndim(filters) - 1)))


def convolutions(model):
    """Return {layer name: number of filters} of the convolution layers of a model, in their order."""
    return {layer.name: layer.filters for layer in model.layers if isinstance(layer, CONVOLUTIONS)}


def _largest(norms, remove):
    """Return the rising indices of the filters that stay when the `remove` smallest norms go."""
    if not 0 <= remove < len(norms):
        raise ValueError(f"Of {len(norms)} filters at least one has to stay; {remove} cannot be removed.")
    return np.sort(np.argsort(norms, kind="stable")[remove:])


def select_independently(model, remove):
    """Return {layer name: indices} of the filters that stay when {layer name: number} of each layer go.

    Those with the smallest l1 norm go; whatever happens to the layers before counts nothing. Raises
    ValueError for a layer that is no convolution of the model, or would lose all its filters.
    Li et al. 2017, §3.3 (independent pruning).
    """
    _check_layers(remove, convolutions(model))
    return {
        name: _largest(l1_norms(model.get_layer(name).kernel.numpy()), number)
        for name, number in remove.items()
    }


def select_greedily(model, remove):
    """Return what select_independently() does, but count only weights for maps that are still there.

    Layers are gone through from the input on; the kernels of a filter that look at a map removed before
    do not count for its norm. Raises ValueError also for a model with branches. Li et al. 2017, §3.3
    (greedy pruning).
    """
    _check_layers(remove, convolutions(model))
    kept = {}
    for name, number in remove.items():
        axes = _kept_axes(model, kept)[model.get_layer(name).kernel.path]
        left = _taken(model.get_layer(name).kernel.numpy(), axes)
        kept[name] = _largest(l1_norms(left), number)
    return kept


def _check_layers(named, known):
    if unknown := named.keys() - known.keys():
        raise ValueError(f"The model has no layer '{min(unknown)}' with filters; it has {', '.join(known)}.")


def _chain(model):
    """Return the layers of a model from input to output; raises ValueError where it is no chain."""
    functional = model._functional if isinstance(model, keras.Sequential) else model
    if not isinstance(functional, keras.Model) or not hasattr(functional, "_nodes_by_depth"):
        raise ValueError("Filters can be removed from a built Sequential or functional Keras model only.")
    chain = []
    for _, nodes in sorted(functional._nodes_by_depth.items(), reverse=True):
        for node in nodes:
            layer = node.operation
            if len(nodes) > 1 or len(node.input_tensors) > 1 or layer in chain:
                raise ValueError(
                    f"The model branches at '{layer.name}'; filters can be removed from a chain of layers only."
                )
            chain.append(layer)
    return chain


def _kept_axes(model, kept):
    """Return {variable path: {axis: indices}}, what is left of each variable when only the filters `kept` are.

    `kept` is {layer name: indices}. The maps that are left go on from layer to layer, None as long as all are.
    """
    chain = _chain(model)
    axes, maps = {}, None
    for layer in chain:
        stay = np.asarray(kept[layer.name]) if layer.name in kept else None
        own, maps = _passed(layer, maps, stay)
        axes |= {
            variable.path: {axis: indices for axis, indices in of_axis.items() if indices is not None}
            for variable, of_axis in own
        }
        if maps is not None and "softmax" in _activation(layer):
            raise ValueError(
                f"The softmax of '{layer.name}' weighs all maps against each other; none can go."
            )
    if maps is not None:
        raise ValueError(
            f"'{chain[-1].name}' is the output of the model; the filters before it have to stay."
        )
    return axes


def _with_bias(layer, of_kernel, of_bias):
    """Return what is left of the kernel and, where there is one, of the bias of a layer."""
    bias = [(layer.bias, {0: of_bias})] if layer.use_bias else []
    return [(layer.kernel, of_kernel), *bias]


def _activation(layer):
    """Return the name of a layer's activation function, "" for none."""
    if isinstance(layer, layers.Softmax):
        return "softmax"
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _passed(layer, maps, own):
    """Return what is left of a layer's variables, [(variable, {axis: indices})], and of its output's maps.

    `maps` are the indices of the maps that are left of its input, `own` those of its filters, None for all.
    Raises ValueError for a layer that maps cannot be followed through.
    """
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise ValueError(
            f"'{layer.name}' has its channels first; filters can be removed where they come last."
        )
    if isinstance(layer, CONVOLUTIONS) and layer.groups == 1:
        return _with_bias(layer, {-2: maps, -1: own}, own), own
    if isinstance(layer, layers.Dense):
        return _with_bias(layer, {0: maps}, None), None
    if isinstance(layer, layers.DepthwiseConv2D):
        copies = layer.depth_multiplier
        out = None if maps is None else (maps[:, None] * copies + np.arange(copies)).ravel()
        return _with_bias(layer, {2: maps}, out), out
    if isinstance(layer, layers.BatchNormalization) and layer.axis in (-1, len(layer.input.shape) - 1):
        return [(variable, {0: maps}) for variable in layer.variables], maps
    if isinstance(layer, layers.Flatten):
        if maps is None:
            return [], None
        *places, channels = layer.input.shape[1:]
        return [], (np.arange(math.prod(places))[:, None] * channels + maps).ravel()
    if isinstance(layer, WITHOUT_CHANNELS):
        return [], maps
    raise ValueError(
        f"Feature maps cannot be followed through '{layer.name}', a {type(layer).__name__}"
        + (f" in {layer.groups} groups." if getattr(layer, "groups", 1) > 1 else ".")
    )


def _taken(array, axes):
    for axis, indices in axes.items():
        array = np.take(array, indices, axis)
    return array


def without_filters(model, kept):
    """Return a new, smaller Keras model with only the filters `kept`, {layer name: rising indices}.

    Layers that are not named keep all. What follows shrinks with them: the kernels of the next convolution or
    dense layer (also behind a Flatten) that look at a removed map, and the numbers of a normalisation for it. The
    result is a Sequential of layers with the same names; it computes what silenced() does. Raises ValueError for a model
    that branches, a layer that maps cannot be followed through, filters of the output, a softmax over maps, and indices
    that are no filters. Thesis 4.1, Abb. 22; Li et al. 2017, §3.1.
    """
    _check_indices(model, kept)
    axes = _kept_axes(model, kept)
    smaller = keras.Sequential(name=model.name)
    for layer in _chain(model):
        config = layer.get_config()
        if layer.name in kept:
            config["filters"] = len(kept[layer.name])
        new = type(layer).from_config(config)
        smaller.add(new)
        for variable, old in zip(new.variables, layer.variables, strict=True):
            variable.assign(_taken(old.numpy(), axes.get(old.path, {})))
    return smaller


def silenced(model, kept):
    """Return a copy of a model, as large as before, in which all that without_filters() removes is zero.

    Raises what without_filters() does.
    """
    _check_indices(model, kept)
    copy = keras.models.clone_model(model)
    axes = _kept_axes(model, kept)
    for variable, old in zip(copy.variables, model.variables, strict=True):
        weights = old.numpy()
        for axis, indices in axes.get(old.path, {}).items():
            removed = np.delete(np.arange(weights.shape[axis]), indices)
            np.moveaxis(weights, axis, 0)[removed] = 0
        variable.assign(weights)
    return copy


def _check_indices(model, kept):
    filters = convolutions(model)
    _check_layers(kept, filters)
    for name, indices in kept.items():
        if not len(indices) or list(indices) != sorted({*indices} & {*range(filters[name])}):
            raise ValueError(
                f"The filters of '{name}' that stay are rising indices from 0 to {filters[name] - 1}, at least one."
            )
