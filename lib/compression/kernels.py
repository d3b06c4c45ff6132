"""The weights of a model that are worth compressing, and a model with others in their place. Thesis 4."""

import keras
import numpy as np


def kernels(model):
    """Return {path: array} of all trainable weights with at least two axes.

    Those are the matrices and filters; biases and the scales of normalisation have one axis and too few
    numbers to matter.
    """
    return {
        variable.path: variable.numpy() for variable in model.trainable_variables if len(variable.shape) > 1
    }


def replaced(model, arrays):
    """Return a copy of a model in which the weights {path: array} stand in place of its own.

    Raises ValueError for a path that the model does not have, or an array of another shape.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    pairs = zip(model.variables, copy.variables, strict=True)  # the copy may name its weights otherwise
    variables = {original.path: variable for original, variable in pairs}
    for path, array in arrays.items():
        if path not in variables:
            raise ValueError(f"The model has no weights '{path}'; it has {', '.join(variables)}.")
        if variables[path].shape != np.shape(array):
            raise ValueError(f"'{path}' has the shape {variables[path].shape}, not {np.shape(array)}.")
        variables[path].assign(array)
    return copy


def functional(model):
    """Return a model, sequential or functional, as a functional one over the same layers."""
    inputs, outputs = (
        tensors if len(tensors) > 1 else tensors[0] for tensors in (model.inputs, model.outputs)
    )
    return keras.Model(inputs, outputs)
