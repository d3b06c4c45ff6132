import keras
import numpy as np
import pytest

from lib.compression import litert


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )


def test_the_interpreter_computes_what_keras_does(model, capsys):
    images = np.random.default_rng(0).random((20, 8, 8, 1)).astype(np.float32)
    expected = model(images).numpy()
    made = litert.interpreter(litert.converted(model), 20)
    assert litert.predict(made, images) == pytest.approx(expected, abs=1e-5)
    in_integers = litert.predict(litert.interpreter(litert.converted(model, images), 20), images)
    assert in_integers.dtype == np.uint8
    assert in_integers / 256 == pytest.approx(expected, abs=0.03)
    assert capsys.readouterr().out == ""
