"""How far an error reaches back through a deep network, and which of its units still learn. Thesis 3.1.3."""

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from lib import activations, training
from lib.networks import simple

FLAT = 0.05  # a derivative below it counts as saturated: the grey regions of Abb. 9 and 11
DEAD = 0.001  # a unit with a derivative below it for every image learns nothing
SLOPE = 0.01  # the thesis's Leaky ReLU
FUNCTIONS = {
    "sigmoid": (keras.activations.sigmoid, activations.sigmoid_gradient),
    "tanh": (keras.activations.tanh, activations.tanh_gradient),
    "ReLU": (keras.activations.relu, activations.relu_gradient),
    "Leaky ReLU": (
        partial(keras.activations.leaky_relu, negative_slope=SLOPE),
        partial(activations.leaky_relu_gradient, slope=SLOPE),
    ),
}


@dataclass(frozen=True)
class Saturation:
    """A perceptron of many equal hidden layers, watched while it is trained by plain gradient descent.

    `activation` is a name of FUNCTIONS, `depth` and `width` the number of hidden layers and of their units.
    Every `every` steps the network is looked at, with `watched` images of the validation set. Thesis 3.1.3.
    """

    activation: str = "ReLU"
    depth: int = 8
    width: int = 32
    learning_rate: float = 0.1
    steps: int = 400
    every: int = 50
    batch_size: int = 32
    watched: int = 500
    data: str = "mnist"
    seed: int = 0

    def compute(self):
        """Train and return {"layers", "loss"}.

        "layers" is a frame with the columns step, layer (1 is next to the image, depth + 1 the output layer)
        and gradient, the root mean square of the loss's derivatives by the layer's weights; for hidden layers
        also saturated, the share of (unit, image) pairs with a derivative below FLAT, and dead, the share of
        units with one below DEAD for all images. "loss" has step and loss, both on the watched images.
        """
        training.one_thread()
        parts = training.parts(training.Training(data=self.data, seed=self.seed))
        images, labels = parts["training"]
        model = self.model(images.shape[1:], labels.shape[1])
        update = _update(model, self.learning_rate)
        random = np.random.default_rng(training.derived_seed(self.seed, "order"))
        watched = [part[: self.watched] for part in parts["validation"]]
        layers, losses = [], []
        for step in range(self.steps + 1):
            if step % self.every == 0:
                loss, seen = look(model, *watched, FUNCTIONS[self.activation][1])
                layers.append(seen.assign(step=step))
                losses.append({"step": step, "loss": loss})
            batch = random.choice(len(images), self.batch_size, replace=False)
            update(tf.constant(images[batch]), tf.constant(labels[batch]))
        return {"layers": pd.concat(layers, ignore_index=True), "loss": pd.DataFrame(losses)}

    def model(self, input_shape, classes):
        """Return the untrained network, with weights from the seed."""
        function = FUNCTIONS[self.activation][0]
        network = simple.multilayer_perceptron(input_shape, classes, (self.width,) * self.depth, function)
        return training.seeded(network, self.seed)


def _loss(model, images, labels):
    return tf.reduce_mean(keras.losses.categorical_crossentropy(labels, model(images, training=True)))


def _update(model, learning_rate):
    """Return a function of (images, labels) that takes one step of gradient descent."""

    @tf.function
    def update(images, labels):
        variables = model.trainable_variables
        with tf.GradientTape() as tape:
            loss = _loss(model, images, labels)
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(learning_rate * gradient)

    return update


def look(model, images, labels, derivative):
    """Return (loss, frame) of a perceptron on images (N, ...) and one-hot labels (N, classes).

    `derivative` is that of the hidden layers' activation, a function of their sums. The frame has the
    columns layer, gradient, saturated and dead of Saturation.compute.
    """
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    with tf.GradientTape() as tape:
        loss = _loss(model, images, labels)
    kernels = [layer.kernel.value for layer in dense]
    gradients = [float(tf.sqrt(tf.reduce_mean(g**2))) for g in tape.gradient(loss, kernels)]
    frame = pd.DataFrame({"layer": range(1, len(dense) + 1), "gradient": gradients})
    values = np.reshape(images, (len(images), -1))
    for row, layer in enumerate(dense[:-1]):
        slopes = derivative(values @ layer.kernel.numpy() + layer.bias.numpy())
        frame.loc[row, "saturated"] = (slopes < FLAT).mean()
        frame.loc[row, "dead"] = (slopes < DEAD).all(axis=0).mean()
        values = np.asarray(layer(values))
    return float(loss), frame
