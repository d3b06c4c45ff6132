import keras
import numpy as np
import pytest

from lib import optimizers

STEPS = 20
KERAS = {
    "SGD": keras.optimizers.SGD(),
    "momentum": keras.optimizers.SGD(momentum=0.9),
    "Nesterov": keras.optimizers.SGD(momentum=0.9, nesterov=True),
    "AdaGrad": keras.optimizers.Adagrad(),
    "RMSProp": keras.optimizers.RMSprop(),
    "Adam": keras.optimizers.Adam(),
}


def gradients():
    return np.random.default_rng(0).normal(size=(STEPS, 5)) * [1e-6, 1e-3, 0.1, 1, 10]


@pytest.mark.parametrize("name", optimizers.RULES)
def test_each_of_twenty_steps_is_keras_s(name):
    start = np.linspace(-0.5, 0.5, 5)
    variable, path = keras.Variable(start, dtype="float64"), [start]
    for gradient in gradients():
        KERAS[name].apply([keras.ops.convert_to_tensor(gradient)], [variable])
        path.append(variable.numpy())
    ours = optimizers.follow(optimizers.RULES[name], start, lambda _, step: gradients()[step], STEPS)
    assert np.abs(ours - path).max() < 1e-6


@pytest.mark.parametrize("name", optimizers.RULES)
def test_a_step_leaves_its_arguments_alone(name):
    parameters, gradient = np.ones(3), np.ones(3)
    _, state = optimizers.RULES[name](parameters, gradient, {})
    before = {key: np.copy(value) for key, value in state.items()}
    optimizers.RULES[name](parameters, gradient, state)
    assert np.all(parameters == 1)
    assert np.all(gradient == 1)
    assert all(np.array_equal(before[key], state[key]) for key in before)


def test_adagrad_s_rate_falls_with_the_root_of_the_steps():
    path = optimizers.follow(optimizers.adagrad, 0.0, lambda *_: 1.0, 100, learning_rate=1.0, squares=0.0)
    assert -np.diff(path) == pytest.approx(1 / np.sqrt(np.arange(1, 101)), rel=1e-6)


def test_adam_s_first_step_is_the_learning_rate_whatever_the_gradient():
    moved, _ = optimizers.adam(np.zeros(3), np.array([0.01, -1, 100]), {}, learning_rate=0.1)
    assert moved == pytest.approx([-0.1, 0.1, -0.1], rel=1e-3)


def test_a_path_that_overflows_goes_on():
    path = optimizers.follow(optimizers.sgd, 1.0, lambda x, _: 2 * x, 2000, learning_rate=10)
    assert len(path) == 2001
    assert not np.isfinite(path[-1])
