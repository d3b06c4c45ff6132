import keras
import numpy as np

from lib.runs import evaluation


def test_the_classes_are_those_of_the_model_however_many_images_there_are():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    values = np.random.default_rng(0).normal(size=(1007, 3)).astype(np.float32)
    np.testing.assert_array_equal(evaluation.classes(model, values), values.argmax(axis=1))


def test_accuracy_is_the_share_of_right_classes():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    images = np.eye(3, dtype=np.float32)[[0, 1, 2, 2] * 600]
    labels = np.eye(3)[[0, 1, 2, 0] * 600]
    assert evaluation.accuracy(model, images, labels) == 0.75


def test_bytes_on_disk_grow_with_the_numbers():
    small, large = (evaluation.bytes_on_disk({"a": np.zeros(n, np.float32)}) for n in (10, 110))
    assert 40 < small < 200
    assert 384 <= large - small <= 416  # the header is padded


def test_seconds_are_those_of_the_fastest_call():
    calls = []
    assert 0 <= evaluation.seconds(lambda: calls.append(1), 3) < 0.1
    assert len(calls) == 4
