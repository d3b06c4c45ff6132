import keras
import numpy as np
import pytest

from lib.networks import alexnet


def test_the_published_network_has_the_published_number_of_parameters():
    assert alexnet.alexnet().count_params() == 60_965_224


def test_one_tower_sees_all_maps_in_three_of_the_convolutions():
    one, two = alexnet.alexnet(groups=1), alexnet.alexnet()
    depths = {
        name: [net.get_layer(name).kernel.shape[2] for net in (one, two)] for name in ("conv2", "conv3")
    }
    assert depths == {"conv2": [96, 48], "conv3": [256, 256]}
    assert one.count_params() == 62_378_344


def test_maps_shrink_as_published():
    model = alexnet.alexnet()
    sizes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    assert [sizes[name] for name in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")] == [
        (55, 55, 96),
        (27, 27, 96),
        (27, 27, 256),
        (13, 13, 256),
        (13, 13, 256),
        (6, 6, 256),
    ]


def test_local_response_normalisation_is_the_formula_of_the_paper():
    maps = 30 * np.random.default_rng(0).normal(size=(2, 3, 3, 7)).astype(np.float32)
    squares = np.pad(maps**2, [(0, 0)] * 3 + [(2, 2)])
    sums = sum(squares[..., shift : shift + 7] for shift in range(5))
    expected = maps / (2 + 1e-4 * sums) ** 0.75
    np.testing.assert_allclose(alexnet.LocalResponseNormalization()(maps), expected, rtol=1e-5)


def test_the_normalisation_is_saved_with_its_constants():
    layer = alexnet.LocalResponseNormalization(n=3, k=1.0)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert (again.n, again.k, again.alpha, again.beta) == (3, 1.0, 1e-4, 0.75)


@pytest.mark.parametrize(("shape", "last"), [((28, 28, 1), (4, 4, 16)), ((64, 64, 3), (4, 4, 16))])
def test_small_networks_end_in_maps_of_one_size(shape, last):
    model = alexnet.small(shape, 5)
    assert model.get_layer("pool5").output.shape[1:] == last
    assert model.output_shape == (None, 5)


def test_overlapping_windows_change_no_size_of_the_small_network():
    overlapping, plain = (alexnet.small((28, 28, 1), 10, window=window) for window in (3, 2))
    assert [w.shape for w in overlapping.weights] == [w.shape for w in plain.weights]
    assert overlapping.get_layer("pool1").pool_size == (3, 3)
