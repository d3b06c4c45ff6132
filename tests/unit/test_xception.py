import keras
import numpy as np
import pytest

from lib.networks import xception


@pytest.fixture(scope="module")
def pair():
    """Ours and that of Keras, for small images: the weights do not depend on the size."""
    shape = (71, 71, 3)
    return xception.xception(shape), keras.applications.Xception(weights=None, input_shape=shape)


def test_the_published_network_has_the_published_number_of_parameters(pair):
    assert pair[0].count_params() == 22_910_480


def test_it_is_keras_s_layer_by_layer(pair):
    ours, theirs = ([(type(layer).__name__, layer.output.shape) for layer in net.layers] for net in pair)

    def simple(net):
        return [(name.replace("ReLU", "Activation"), shape) for name, shape in net]

    assert simple(ours) == simple(theirs)


def test_with_the_weights_of_keras_it_gives_the_same(pair):
    ours, theirs = pair
    ours.set_weights(theirs.get_weights())
    images = np.random.default_rng(0).uniform(size=(1, 71, 71, 3)).astype(np.float32)
    np.testing.assert_allclose(ours(images), theirs(images), rtol=1e-4)


def test_without_shortcuts_only_their_weights_are_missing():
    with_, without = (xception.small((28, 28, 1), 10, shortcuts=shortcuts) for shortcuts in (True, False))
    missing = {weight.path for weight in with_.weights} - {weight.path for weight in without.weights}
    assert missing
    assert all(".shortcut" in path for path in missing)


@pytest.mark.parametrize(("shape", "last"), [((28, 28, 1), 2), ((64, 64, 3), 4)])
def test_the_exit_flow_of_a_small_network_sees_the_image_halved_four_times(shape, last):
    model = xception.small(shape, 5)
    assert model.get_layer("exit_1.add").output.shape[1:3] == (last, last)
    assert model.output_shape == (None, 5)
