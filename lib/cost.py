"""Parameters and multiply-adds of a Keras model, counted layer by layer. Thesis 5.2, 5.3.

A multiply-add is one weight times one input, added to a sum, for one image. Biases, normalisation (at
inference a factor of the convolution before it), activations, pooling and sums of branches count as
nothing, as the papers count. Howard et al. 2017, §3.
"""

import keras
import numpy as np
import pandas as pd
from keras import layers

KERNELS = {
    layers.Dense: ("kernel",),
    layers.Conv1D: ("kernel",),
    layers.Conv2D: ("kernel",),
    layers.DepthwiseConv2D: ("kernel",),
    layers.SeparableConv2D: ("depthwise_kernel", "pointwise_kernel"),
}  # every weight of these is applied once at each position of the output
FREE = (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization)  # weights, no kernel


def by_layer(model):
    """Return a frame with a row for each layer of a functional or sequential model, nested models' included.

    Its columns are layer (its name, "outer/inner" in a nested model), kind (its class), output shape
    (a tuple, without the batch), parameters (all weights, those of normalisation too), and multiply-adds
    for one image. A layer that is used several times has its parameters once and the multiply-adds of
    all uses. Raises TypeError for a model without a graph of layers and for a layer with weights whose
    cost is not known here, ValueError where the size of the images is open.
    """
    rows = {}
    for name, layer, shape in _uses(model):
        row = rows.setdefault(
            id(layer),
            {
                "layer": name,
                "kind": type(layer).__name__,
                "output shape": shape[1:],
                "parameters": layer.count_params(),
                "multiply-adds": 0,
            },
        )
        row["multiply-adds"] += multiply_adds(layer, shape)
    columns = ["layer", "kind", "output shape", "parameters", "multiply-adds"]
    return pd.DataFrame(rows.values(), columns=columns)


def multiply_adds(layer, output_shape):
    """Return the multiply-adds of one use of a layer for one image; `output_shape` is (batch, ...).

    They are the size of its kernels (in which the groups of a grouped convolution are accounted for)
    times the positions of its output. Thesis (5.2) to (5.5). Raises as by_layer does.
    """
    kind = next((kind for kind in KERNELS if isinstance(layer, kind)), None)
    if kind is None:
        if layer.weights and not isinstance(layer, FREE):
            raise TypeError(
                f"The cost of '{layer.name}' is not known: {type(layer).__name__} has weights, and is none of "
                f"{', '.join(known.__name__ for known in KERNELS)}."
            )
        return 0
    channels_last = getattr(layer, "data_format", "channels_last") == "channels_last"
    positions = output_shape[1:-1] if channels_last else output_shape[2:]
    if None in positions:
        raise ValueError(
            f"The output of '{layer.name}' has no fixed size, {output_shape}; give the model's input a height "
            "and a width."
        )
    weights = sum(int(np.prod(getattr(layer, kernel).shape)) for kernel in KERNELS[kind])
    return weights * int(np.prod(positions, dtype=int))


def _uses(model, prefix=""):
    """Yield (name, layer, output shape) for every use of every layer in a model, in its order."""
    graph = getattr(model, "_functional", model)  # a sequential model keeps its graph there
    if not hasattr(graph, "_nodes_by_depth"):
        raise TypeError(
            f"'{model.name}' has no graph of layers; a functional model is needed, or a sequential one with an Input."
        )
    nodes = {id(node) for nodes in graph._nodes_by_depth.values() for node in nodes if not node.is_input}
    for layer in model.layers:
        for node in layer._inbound_nodes:
            if id(node) not in nodes:  # its use in another model
                continue
            if isinstance(layer, keras.Model):
                yield from _uses(layer, f"{prefix}{layer.name}/")
            else:
                yield f"{prefix}{layer.name}", layer, node.outputs[0].shape
