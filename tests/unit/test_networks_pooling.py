import numpy as np
import pytest

from lib import training
from lib.networks import simple
from lib.training import Training


@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
def test_networks_with_and_without_pooling_have_the_same_weights(pooling):
    shapes = [w.shape for w in simple.small_cnn((28, 28, 1), 10, pooling=pooling).weights]
    assert shapes == [w.shape for w in simple.small_cnn((28, 28, 1), 10).weights]


def test_a_global_average_makes_one_number_of_each_map():
    model = simple.small_cnn((28, 28, 1), 10, filters=(4, 6), global_average=True)
    assert model.layers[-2].kernel.shape == (6, 64)


def test_a_trained_model_has_the_weights_of_its_result():
    config = Training(data="mnist", seed=3)
    model = training.build(config, (28, 28, 1), 10)
    weights = {variable.path: np.full(variable.shape, 0.5) for variable in model.variables}
    model = training.trained(config, {"weights": weights})
    assert all(np.all(np.asarray(variable) == 0.5) for variable in model.variables)
