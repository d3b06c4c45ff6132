"""Networks of keras.applications, counted."""

import keras
import pytest

from lib.runs.applications import Application


def test_parameters_and_layers_are_those_of_the_model():
    result = Application("MobileNet", {"alpha": 0.25, "input_shape": (32, 32, 3)}).compute()
    model = keras.applications.MobileNet(alpha=0.25, input_shape=(32, 32, 3), weights=None)
    assert result["parameters"] == model.count_params()
    assert list(result["layers"]["kind"]) == [type(layer).__name__ for layer in model.layers]
    assert result["layers"]["channels"].iloc[-1] == 1000


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="no network 'LeNet'"):
        Application("LeNet").compute()
