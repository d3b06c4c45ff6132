"""One training run: the same bytes for the same config, whatever happened before; what each setting does."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lib import datasets, training
from lib.networks import simple
from lib.training import Training

training.one_thread()  # while the tests are collected: before any of them computes with TensorFlow

TINY = Training(
    network="simple.multilayer_perceptron",
    network_settings={"hidden": (5,)},
    training_images=64,
    epochs=2,
    batch_size=16,
)


def with_dropout(input_shape, classes):
    """Return a network that draws numbers in every step, in the photos and in the hidden layer."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.RandomTranslation(0.2, 0.2),
            layers.GaussianNoise(0.1),
            layers.Conv2D(2, 5, strides=4),
            layers.BatchNormalization(),
            layers.SeparableConv2D(3, 3),
            layers.DepthwiseConv2D(3),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax"),
        ]
    )


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    """600 images instead of 70,000: drawn digits are not needed here."""
    generator = np.random.default_rng(0)
    labels = np.arange(600) % 10
    images = (generator.uniform(0, 100, size=(600, 28, 28, 1)) + 15 * labels[:, None, None, None]).astype(
        np.uint8
    )
    parts = np.split(generator.permutation(600), [400, 500])
    tf.random.set_seed(None)  # whatever a test before has set
    dataset = datasets.Dataset(images, labels, tuple("0123456789"), "", *map(np.sort, parts))
    monkeypatch.setattr(training, "_dataset", lambda config: dataset)
    monkeypatch.setattr(simple, "with_dropout", with_dropout, raising=False)
    return dataset


_trained = {}


def trained(config):
    """Return the result of a config, computed once for all tests."""
    if repr(config) not in _trained:
        _trained[repr(config)] = training.train(config)
    return _trained[repr(config)]


def content(result):
    """Return all of a result that has to be the same again, as bytes."""
    return (
        result["history"].to_csv(),
        result["test_accuracy"],
        {name: array.tobytes() for name, array in result["weights"].items()},
    )


DROPOUT = dataclasses.replace(TINY, network="simple.with_dropout", network_settings={}, optimizer="Adam")


@pytest.mark.parametrize("config", [TINY, DROPOUT])
def test_the_same_config_gives_the_same_bytes_whatever_ran_before(config):
    first = content(trained(config))
    training.train(dataclasses.replace(config, seed=7, optimizer="RMSProp", epochs=1))
    np.random.seed(4)
    layers.Dense(3)(np.ones((1, 2)))
    assert content(training.train(config)) == first


AUGMENTED = dataclasses.replace(DROPOUT, augmentation={"rotation": 20, "flip": "horizontal"})


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        (AUGMENTED, {"seed": 7}),
        (AUGMENTED, {"learning_rate": 0.5}),
        (AUGMENTED, {"training_images": 50}),  # other steps, the last one smaller
        (AUGMENTED, {"split": 1}),
        (AUGMENTED, {"epochs": 3, "patience": 1}),
        (AUGMENTED, {"plateau": 0.1, "schedule": (1.0, 0.5)}),
        (AUGMENTED, {"start": dataclasses.replace(DROPOUT, seed=3)}),
        (dataclasses.replace(DROPOUT, optimizer="AdaGrad"), {"seed": 7}),
        (dataclasses.replace(DROPOUT, optimizer="SGD", optimizer_settings={"momentum": 0.9}), {"seed": 7}),
    ],
)
def test_trainings_that_share_a_compiled_network_give_the_bytes_of_one_of_their_own(config, setting):
    other = dataclasses.replace(config, **setting)
    start = training.train(other.start)["weights"] if other.start else None
    training._compiled.cache_clear()
    alone = content(training.train(other, start))
    training.train(config)
    assert content(training.train(other, start)) == alone
    assert training._compiled.cache_info().misses == 1


@pytest.mark.parametrize(
    "setting",
    [
        {"optimizer": "SGD"},
        {"optimizer_settings": {"beta_1": 0.5}},
        {"loss": "squared error"},
        {"network": "simple.small_cnn"},
        {"augmentation": {"noise": 0.3}},
        {"batch_size": 32},
    ],
)
def test_other_settings_compile_a_network_of_their_own(setting):
    training._compiled.cache_clear()
    alone = content(training.train(dataclasses.replace(DROPOUT, **setting)))
    training.train(DROPOUT)
    assert content(training.train(dataclasses.replace(DROPOUT, **setting))) == alone
    assert training._compiled.cache_info().misses == 2


def test_each_epoch_has_all_images_in_an_order_of_its_own_from_the_seed_and_the_purpose():
    def orders(config, *names):
        batches = training.batches(config, np.arange(40), np.arange(40), *names)
        return [[int(number) for images, _ in batches for number in images] for _ in range(2)]

    first = orders(TINY, "order")
    assert [sorted(order) for order in first] == [list(range(40))] * 2
    assert first[0] != first[1]
    keras.utils.set_random_seed(3)
    assert orders(TINY, "order") == first
    for other in (orders(TINY, "retraining"), orders(dataclasses.replace(TINY, seed=1), "order")):
        assert other != first


def test_a_seed_that_another_run_set_for_the_process_has_no_part_in_it():
    first = content(trained(TINY))
    keras.utils.set_random_seed(3)
    assert content(training.train(TINY)) == first


def test_another_seed_gives_other_weights_order_and_images():
    first, second = (trained(dataclasses.replace(TINY, seed=seed)) for seed in (0, 1))
    for name, array in first["weights"].items():
        assert not np.array_equal(array, second["weights"][name])
    assert not first["history"].equals(second["history"])
    drawn = [training.parts(dataclasses.replace(TINY, seed=seed))["training"][0] for seed in (0, 1)]
    assert not np.array_equal(*drawn)


def test_seeds_of_different_purposes_differ():
    names = [
        (),
        ("order",),
        ("weights",),
        ("weights", 0),
        ("weights", 1),
        ("layer", 0),
        ("weights", 0, "kernel"),
    ]
    seeds = [training.derived_seed(seed, *name) for seed in range(20) for name in names]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert training.derived_seed(1, "order") == training.derived_seed(1, "order")


def test_layers_of_the_same_shape_begin_with_other_weights():
    config = dataclasses.replace(TINY, network_settings={"hidden": (6, 6, 6)})
    kernels = [
        layer.kernel.numpy() for layer in training.build(config, (6,), 6).layers if hasattr(layer, "kernel")
    ]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels) == 4


def test_every_weight_and_every_random_layer_comes_from_the_seed():
    models = []
    for noise in (1, 2):
        keras.utils.set_random_seed(noise)
        models.append(
            training.build(
                dataclasses.replace(TINY, network="simple.with_dropout", network_settings={}), (28, 28, 1), 10
            )
        )
    first, second = models
    assert len(first.variables) == len(second.variables)
    for variable, other in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(variable, other, err_msg=variable.path)
    images = np.ones((2, 28, 28, 1), np.float32)
    np.testing.assert_array_equal(first(images, training=True), second(images, training=True))
    assert not np.array_equal(first(images, training=True), first(images, training=True))


def test_weights_have_the_spread_that_their_initializer_gives():
    model = training.build(dataclasses.replace(TINY, network_settings={"hidden": (300,)}), (28, 28, 1), 10)
    kernel = model.layers[1].kernel.numpy()
    limit = np.sqrt(6 / (784 + 300))
    assert abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)


def test_no_test_or_validation_image_is_among_those_for_training(few_images):
    number = {image.tobytes(): index for index, image in enumerate(few_images.images)}
    for config in (TINY, dataclasses.replace(TINY, training_images=None)):
        seen = {
            part: {number[np.round(image * 255).astype(np.uint8).tobytes()] for image in images}
            for part, (images, _) in training.parts(config).items()
        }
        assert not seen["training"] & seen["test"]
        assert not seen["training"] & seen["validation"]
        assert not seen["validation"] & seen["test"]
        assert len(seen["training"]) == (config.training_images or 400)
        assert seen["test"] == set(few_images.test)


def test_images_are_shares_of_white_with_their_own_labels(few_images):
    images, labels = training.parts(dataclasses.replace(TINY, training_images=None))["training"]
    assert images.dtype == np.float32
    np.testing.assert_array_equal(np.round(images * 255), few_images.images[few_images.train])
    np.testing.assert_array_equal(labels.argmax(axis=1), few_images.labels[few_images.train])
    np.testing.assert_array_equal(labels.sum(axis=1), 1)


def test_an_epoch_is_judged_by_so_many_validation_images_of_all_classes(monkeypatch):
    monkeypatch.setattr(training, "VALIDATION_IMAGES", 30)
    in_order = np.repeat(np.arange(10), 10)
    assert set(training.judged(in_order, in_order)[1]) == set(range(10))
    np.testing.assert_array_equal(training.judged(in_order[:25], in_order[:25])[0], in_order[:25])
    result = training.train(TINY)
    images, labels = training.judged(*training.parts(TINY)["validation"])
    assert len(images) == 30
    outputs = training.trained(TINY, result).predict(images, verbose=0)
    loss = -np.log(np.sum(outputs * labels, axis=1)).mean()
    assert result["history"]["validation_loss"].iloc[-1] == pytest.approx(loss, rel=1e-4)


def test_the_schedule_reaches_the_optimizer():
    still = trained(dataclasses.replace(TINY, schedule=(0.0, 0.0)))
    untrained = training.build(TINY, (28, 28, 1), 10)
    for variable in untrained.variables:
        np.testing.assert_array_equal(still["weights"][variable.path], variable)
    assert still["history"]["validation_loss"].nunique() == 1
    assert trained(TINY)["history"]["validation_loss"].nunique() == 2
    halved = trained(dataclasses.replace(TINY, learning_rate=0.2, schedule=(0.5, 0.5)))
    for name, weights in trained(TINY)["weights"].items():
        np.testing.assert_array_equal(halved["weights"][name], weights)


def test_settings_reach_the_optimizer():
    momentum = trained(dataclasses.replace(TINY, optimizer_settings={"momentum": 0.9}))
    assert content(trained(TINY))[-1] != content(momentum)[-1]


def test_one_step_of_sgd_is_the_gradient_times_the_learning_rate():
    config = dataclasses.replace(TINY, epochs=1, batch_size=64, learning_rate=0.5)
    weights = trained(config)["weights"]
    images, labels = training.parts(config)["training"]
    model = training.build(config, (28, 28, 1), 10)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.categorical_crossentropy(labels, model(images)))
    for variable, gradient in zip(
        model.trainable_variables,
        tape.gradient(loss, [v.value for v in model.trainable_variables]),
        strict=True,
    ):
        np.testing.assert_allclose(weights[variable.path], variable - 0.5 * gradient, atol=1e-6)


def test_a_run_begins_with_the_weights_of_its_start():
    first = trained(TINY)
    config = dataclasses.replace(TINY, epochs=1, schedule=(0.0,), seed=5, start=TINY)
    continued = config.compute(first)
    for name, array in first["weights"].items():
        np.testing.assert_array_equal(continued["weights"][name], array)
    assert continued["test_accuracy"] == first["test_accuracy"]


def test_a_run_begins_with_the_moving_averages_of_its_start_too():
    first = trained(DROPOUT)
    later = dataclasses.replace(DROPOUT, epochs=1, schedule=(0.0,), start=DROPOUT).compute(first)
    name = next(name for name in first["weights"] if name.endswith("moving_mean"))
    fresh = trained(dataclasses.replace(DROPOUT, epochs=1, schedule=(0.0,)))
    assert not np.array_equal(later["weights"][name], fresh["weights"][name])


def test_the_result_has_a_row_an_epoch():
    result = trained(TINY)
    assert list(result["history"]["epoch"]) == list(result["time"]["epoch"]) == [1, 2]
    assert list(result["history"].columns) == [
        "epoch",
        "training_loss",
        "training_accuracy",
        "validation_loss",
        "validation_accuracy",
        "rate",
    ]
    assert (result["time"]["seconds"] > 0).all()
    assert 0 <= result["test_accuracy"] <= 1


def test_longer_runs_cost_more():
    assert dataclasses.replace(TINY, epochs=9).cost > TINY.cost
    assert Training().cost > TINY.cost
