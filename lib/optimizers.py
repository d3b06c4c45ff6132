"""Update rules of optimizers in numpy, as Keras computes them: one step in, one step out. Thesis 5.4.

A rule is a pure function (parameters, gradient, state, settings) -> (parameters, state). Parameters and
gradient are arrays of one shape; `state` is a dictionary of arrays of that shape, or numbers, empty
before the first step. The defaults of the settings are Keras's.
"""

import numpy as np


def sgd(parameters, gradient, state, learning_rate=0.01):
    """Step against the gradient; keeps no state. Thesis 3.2.3."""
    return parameters - learning_rate * gradient, state


def momentum(parameters, gradient, state, learning_rate=0.01, friction=0.9):
    """Step with a velocity that keeps `friction` of itself. Polyak 1964; Keras's SGD(momentum=friction)."""
    velocity = friction * state.get("velocity", 0) - learning_rate * gradient
    return parameters + velocity, {"velocity": velocity}


def nesterov(parameters, gradient, state, learning_rate=0.01, friction=0.9):
    """Step with the velocity as it will be after one more step on the same gradient.

    Nesterov 1983, in the form of Keras's SGD(momentum=friction, nesterov=True).
    """
    velocity = friction * state.get("velocity", 0) - learning_rate * gradient
    return parameters + friction * velocity - learning_rate * gradient, {"velocity": velocity}


def adagrad(parameters, gradient, state, learning_rate=0.001, squares=0.1, epsilon=1e-7):
    """Divide by the root of the sum of all squared gradients, this one included. Thesis (5.6).

    The sum starts at `squares`, which the thesis has at 0 and Keras at 0.1.
    """
    squares = state.get("squares", squares) + gradient**2
    return parameters - learning_rate * gradient / np.sqrt(squares + epsilon), {"squares": squares}


def rmsprop(parameters, gradient, state, learning_rate=0.001, decay=0.9, epsilon=1e-7):
    """Divide by the root of a running mean of the squared gradients. Thesis (5.7), its alpha is `decay`."""
    mean_square = decay * state.get("mean_square", 0) + (1 - decay) * gradient**2
    step = learning_rate * gradient / np.sqrt(mean_square + epsilon)
    return parameters - step, {"mean_square": mean_square}


def adam(parameters, gradient, state, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Divide a running mean of the gradients by the root of one of their squares. Thesis (5.8).

    Both means are corrected for their start at 0. Keras adds `epsilon` to the root before that
    correction, (5.8) after it.
    """
    step = state.get("step", 0) + 1
    first = beta_1 * state.get("first", 0) + (1 - beta_1) * gradient
    second = beta_2 * state.get("second", 0) + (1 - beta_2) * gradient**2
    corrected_rate = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    moved = parameters - corrected_rate * first / (np.sqrt(second) + epsilon)
    return moved, {"step": step, "first": first, "second": second}


RULES = {
    "SGD": sgd,
    "momentum": momentum,
    "Nesterov": nesterov,
    "AdaGrad": adagrad,
    "RMSProp": rmsprop,
    "Adam": adam,
}


def follow(rule, start, gradient, steps, **settings):
    """Return the path of a rule as an array (steps + 1, ...), beginning with the parameters `start`.

    `gradient` is a function of the parameters and the number of the step, from 0. Steps that overflow
    stay in the path as infinities or not-a-numbers.
    """
    path, state = [np.asarray(start, dtype=float)], {}
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps):
            parameters, state = rule(path[-1], gradient(path[-1], step), state, **settings)
            path.append(parameters)
    return np.array(path)
