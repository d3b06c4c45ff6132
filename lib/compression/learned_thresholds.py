"""Pruning thresholds that are learned by gradient, one for each layer, together with the weights.

Thesis 4.1 (automatic pruning); Manessi et al. 2018 (Automated Pruning for Deep Neural Network Compression).
"""

import keras
from keras import ops

from lib.compression.kernels import kernels
from lib.compression.pruning import deviations


def soft_threshold(weights, threshold, sharpness):
    """Return weights (any shape) whose size is below a threshold (at least 0) nearly as zero, the others nearly as they are.

    The larger `sharpness`, the narrower the passage between the two; at infinity it is the mask of
    pruning.masks(). There is a gradient for the weights and for the threshold. Manessi et al. 2018, §3.
    """
    above, below = weights - threshold, -weights - threshold
    positive = ops.relu(above) + threshold * ops.sigmoid(sharpness * above)
    negative = ops.relu(below) + threshold * ops.sigmoid(sharpness * below)
    return positive - negative


class Thresholded(keras.Model):
    """A network whose kernels pass soft_threshold() before they are used; see thresholded()."""

    def __init__(self, network, pressure, sharpness):
        super().__init__()
        self.network, self.pressure, self.sharpness = network, pressure, sharpness
        self.scales = deviations(kernels(network))
        self.relative = {
            path: self.add_weight(
                shape=(), initializer="zeros", constraint="non_neg", name=f"threshold_{number}"
            )
            for number, path in enumerate(self.scales)
        }

    def call(self, inputs, training=False):
        """Compute the network's output, and keep what its layers remember."""
        used = [self._used(variable) for variable in self.network.trainable_variables]
        remembered = self.network.non_trainable_variables
        outputs, updated = self.network.stateless_call(used, remembered, inputs, training=training)
        for variable, value in zip(remembered, updated, strict=True):
            variable.assign(value)
        self.add_loss(self.pressure * sum(ops.exp(-relative) for relative in self.relative.values()))
        return outputs

    def _used(self, variable):
        if variable.path not in self.relative:
            return variable
        scale = self.scales[variable.path]
        return scale * soft_threshold(variable / scale, self.relative[variable.path], self.sharpness)

    def thresholds(self):
        """Return {path: threshold} of the kernels as learned so far."""
        return {
            path: self.scales[path] * float(ops.convert_to_numpy(relative))
            for path, relative in self.relative.items()
        }


def thresholded(network, pressure, sharpness=20.0):
    """Return a Keras model that trains a network and a threshold for each of its kernels, together.

    The thresholds start at 0. Each is learned in units of the standard deviation that its kernel has now, so that
    one learning rate suits all, and `sharpness` is in the same unit. The loss gets `pressure` times the sum of
    exp(-threshold), which pushes all thresholds up; the loss of the task pushes back. After training,
    pruning.masks(kernels(network), model.thresholds()) prunes the network, which was trained in place.
    Manessi et al. 2018, §3; the form of the pressure is ours.
    """
    return Thresholded(network, pressure, sharpness)
