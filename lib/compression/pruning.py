"""Pruning of single weights: thresholds, masks, and training under a mask.

Thesis 4.1 (threshold); Han et al. 2015 (Learning both Weights and Connections), §3. A mask is a boolean array
of the shape of its weights, false where a weight is pruned; weights and masks of a model are {path: array},
as kernels() names them.
"""

import numpy as np

from lib.compression.kernels import kernels, replaced


def _quantile(magnitudes, share):
    """Return the smallest number that is not below `share` of the magnitudes (any shape), or -1 for none."""
    if not 0 <= share < 1:
        raise ValueError(f"The share of pruned weights is at least 0 and below 1, not {share}.")
    count = round(share * magnitudes.size)
    return float(np.partition(magnitudes, count - 1, axis=None)[count - 1]) if count else -1.0


def deviations(weights):
    """Return {path: standard deviation} of the weights of each layer that are not zero.

    Weights that were pruned before take no part; a layer that has none left has 1.
    """
    left = {path: array[array != 0] for path, array in weights.items()}
    return {path: float(array.std()) or 1.0 if array.size else 1.0 for path, array in left.items()}


def quality_thresholds(weights, quality):
    """Return {path: threshold}, for each layer `quality` times its standard deviation. Han et al. 2015, §3.1."""
    return {path: quality * deviation for path, deviation in deviations(weights).items()}


def deviation_thresholds(weights, sparsity):
    """Return {path: threshold} from each layer's standard deviation that prune a share of all weights.

    It is quality_thresholds() with the quality that gives this `sparsity`. Raises ValueError for a share that
    is not in [0, 1). Han et al. 2015, §3.1.
    """
    scale = deviations(weights)
    magnitudes = [np.abs(array).ravel() / scale[path] for path, array in weights.items()]
    quality = _quantile(np.concatenate(magnitudes), sparsity)
    return {path: quality * deviation for path, deviation in scale.items()}


def global_thresholds(weights, sparsity):
    """Return {path: threshold}, the same for all layers, that prunes a share of all weights.

    Raises ValueError for a share that is not in [0, 1). Thesis 4.1.
    """
    magnitudes = np.concatenate([np.abs(array).ravel() for array in weights.values()])
    return dict.fromkeys(weights, _quantile(magnitudes, sparsity))


def layer_thresholds(weights, sparsities):
    """Return {path: threshold} that prune of each layer its own share, {path: share}.

    Raises ValueError for a share that is not in [0, 1), and KeyError for a layer that is not there.
    """
    return {path: _quantile(np.abs(weights[path]), share) for path, share in sparsities.items()}


def masks(weights, thresholds):
    """Return {path: mask} that keep the weights whose size is above the threshold of their layer. Thesis 4.1."""
    return {path: np.abs(weights[path]) > threshold for path, threshold in thresholds.items()}


def share_of_zeros(arrays):
    """Return the share of zeros in all arrays of {path: array}, weights or masks."""
    zeros = sum(np.sum(np.asarray(array) == 0) for array in arrays.values())
    return float(zeros / sum(np.size(array) for array in arrays.values()))


def schedule(sparsity, rounds):
    """Return the sparsities of an iterative pruning, (rounds,): each round prunes the same share of what is left.

    The last one is `sparsity`. Raises ValueError for a sparsity that is not in [0, 1), or no rounds.
    Han et al. 2015, §3.5.
    """
    if not 0 <= sparsity < 1 or rounds < 1:
        raise ValueError(
            f"A schedule has a sparsity of at least 0 and below 1, and a round or more, not {sparsity} in {rounds}."
        )
    return tuple(1 - (1 - sparsity) ** (step / rounds) for step in range(1, rounds + 1))


def pruned(model, masks):
    """Return a copy of a Keras model whose weights are zero where a mask of {path: mask} is false.

    Raises ValueError for a path that is no kernel of the model, or a mask of another shape.
    """
    weights = kernels(model)
    if unknown := masks.keys() - weights.keys():
        raise ValueError(f"The model has no kernel '{min(unknown)}'; it has {', '.join(weights)}.")
    for path, mask in masks.items():
        if np.shape(mask) != weights[path].shape:
            raise ValueError(
                f"The mask of '{path}' has the shape {np.shape(mask)}, not {weights[path].shape}."
            )
    return replaced(model, {path: np.where(mask, weights[path], 0) for path, mask in masks.items()})


class _Masked:
    """What masked() adds to an optimizer: a mask for each kernel, ones at first."""

    def build(self, variables):
        super().build(variables)
        self._masks = {
            variable.path: self.add_variable_from_reference(variable, name="mask", initializer="ones")
            for variable in variables
            if len(variable.shape) > 1
        }

    def prune(self, masks):
        """Make the weights zero where a mask of {path: mask} is false, and keep them so from now on."""
        if not self.built:
            raise ValueError(
                "The optimizer knows no weights yet; build() it on the model's trainable variables."
            )
        if unknown := masks.keys() - self._masks.keys():
            raise ValueError(f"There is no kernel '{min(unknown)}'; there are {', '.join(self._masks)}.")
        for path, mask in masks.items():
            self._masks[path].assign(mask)
        self._hold(self._trainable_variables)

    def apply(self, grads, trainable_variables=None):
        """Make a step: pruned weights have no gradient, and are zero afterwards whatever the rule did to them."""
        variables = list(self._trainable_variables if trainable_variables is None else trainable_variables)
        if not self.built:
            self.build(variables)
        held = [
            gradient
            if gradient is None or variable.path not in self._masks
            else gradient * self._masks[variable.path]
            for gradient, variable in zip(grads, variables, strict=True)
        ]
        super().apply(held, variables)
        self._hold(variables)

    def _hold(self, variables):
        for variable in variables:
            if variable.path in self._masks:
                variable.assign(variable * self._masks[variable.path])


def masked(optimizer):
    """Return a new Keras optimizer with the rule and the settings of another under which pruned weights stay zero.

    Compile a model with it, or build() it on the model's trainable variables, then call its method
    prune(masks) with {path: mask}: it makes the weights zero, and no step changes that, whatever momentum
    they had; their gradients count as zero, so they take no part in clipping by a norm either. prune() may be called
    again in the course of training; a model that is compiled need not be compiled anew. Raises ValueError for an optimizer
    with an average of the weights (use_ema), which would bring pruned ones back. Han et al. 2015, §3.
    """
    if optimizer.use_ema:
        raise ValueError(
            "An average of the weights brings pruned ones back; use an optimizer without use_ema."
        )
    rule = type(optimizer)
    return type(f"Masked{rule.__name__}", (_Masked, rule), {}).from_config(optimizer.get_config())
