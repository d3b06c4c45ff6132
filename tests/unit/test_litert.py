import numpy as np
import pytest

from lib.compression import litert


def test_the_interpreter_computes_what_keras_does(small_cnn, capsys):
    images = np.random.default_rng(0).random((20, 8, 8, 1)).astype(np.float32)
    expected = small_cnn(images).numpy()
    made = litert.interpreter(litert.converted(small_cnn), 20)
    assert litert.predict(made, images) == pytest.approx(expected, abs=1e-5)
    in_integers = litert.predict(litert.interpreter(litert.converted(small_cnn, images), 20), images)
    assert in_integers.dtype == np.uint8
    assert in_integers / 256 == pytest.approx(expected, abs=0.03)
    assert capsys.readouterr().out == ""
