"""Each transformation changes what it says and nothing else, and only while training.

Two channels of the test images hold the coordinates of their pixels, row and column: what a
transformation has done to the pixels can be read from them.
"""

import dataclasses

import keras
import numpy as np
import pytest

from lib import augmentation, training

SIZE, BATCH = 33, 24
INSIDE = slice(12, 21)  # pixels of the middle, which come from within the image under all amounts used here
AMOUNTS = {"flip": "horizontal", "rotation": 20, "scaling": 0.2, "crop": 0.3, "shift": 0.15, "noise": 0.05}
EACH = pytest.mark.parametrize("name", AMOUNTS)


@pytest.fixture
def coordinates():
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    return np.tile(np.stack([rows, columns], axis=-1), (BATCH, 1, 1, 1))


def transformed(images, transformations, seed=0, training_step=True):
    model = training.seeded(augmentation.augmenter(transformations, images.shape[1:]), seed)
    return np.asarray(model(images, training=training_step))


def slopes(images):
    """Return the (N, 2, 2) changes of (row, column) for a step down and a step right, and how much they vary."""
    down, right = (np.diff(images[:, INSIDE, INSIDE], axis=axis) for axis in (1, 2))
    matrices = np.stack([down.mean(axis=(1, 2)), right.mean(axis=(1, 2))], axis=-1)
    return matrices, max(down.std(axis=(1, 2)).max(), right.std(axis=(1, 2)).max())


def centres(images):
    return images[:, SIZE // 2, SIZE // 2]


@EACH
def test_shape_and_type_stay(name, coordinates):
    changed = transformed(coordinates, {name: AMOUNTS[name]})
    assert changed.shape == coordinates.shape
    assert changed.dtype == np.float32


@EACH
def test_images_that_are_not_trained_on_stay_as_they_are(name, coordinates):
    np.testing.assert_array_equal(
        transformed(coordinates, {name: AMOUNTS[name]}, training_step=False), coordinates
    )


@EACH
def test_the_seed_decides_the_transformation(name, coordinates):
    first, again, other = (transformed(coordinates, {name: AMOUNTS[name]}, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@EACH
def test_images_differ_among_each_other_and_from_step_to_step(name, coordinates):
    model = training.seeded(augmentation.augmenter({name: AMOUNTS[name]}, coordinates.shape[1:]), 0)
    first, second = (np.asarray(model(coordinates, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)
    assert len(np.unique(first.reshape(BATCH, -1).round(3), axis=0)) > 1


@pytest.mark.parametrize(("direction", "axes"), [("horizontal", [2]), ("vertical", [1])])
def test_a_flip_mirrors_an_image_or_leaves_it(direction, axes, coordinates):
    changed = transformed(coordinates, {"flip": direction})
    mirrored = np.flip(coordinates, axes)
    kinds = {
        (np.array_equal(one, image), np.array_equal(one, mirror))
        for one, image, mirror in zip(changed, coordinates, mirrored, strict=True)
    }
    assert kinds == {(True, False), (False, True)}


def test_a_flip_in_both_directions_gives_four_images(coordinates):
    changed = transformed(coordinates, {"flip": "horizontal_and_vertical"})
    assert len(np.unique(changed.reshape(BATCH, -1), axis=0)) == 4


def test_a_rotation_turns_about_the_centre_up_to_its_angle(coordinates):
    changed = transformed(coordinates, {"rotation": 20})
    matrices, varying = slopes(changed)
    np.testing.assert_allclose(
        matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(2), (BATCH, 1, 1)), atol=0.02
    )
    angles = np.degrees(np.arctan2(matrices[:, 0, 1], matrices[:, 0, 0]))
    assert 10 < np.abs(angles).max() <= 20.1
    assert angles.min() < 0 < angles.max()
    np.testing.assert_allclose(centres(changed), centres(coordinates), atol=0.02)
    assert varying < 0.05


def test_scaling_changes_both_directions_alike_about_the_centre(coordinates):
    changed = transformed(coordinates, {"scaling": 0.2})
    matrices, _ = slopes(changed)
    factors = matrices[:, 0, 0]
    np.testing.assert_allclose(matrices, factors[:, None, None] * np.eye(2), atol=0.02)
    assert 0.79 < factors.min() < 0.9
    assert 1.1 < factors.max() < 1.21
    np.testing.assert_allclose(centres(changed), centres(coordinates), atol=0.02)


def test_a_shift_moves_all_pixels_alike_up_to_its_share(coordinates):
    changed = transformed(coordinates, {"shift": 0.15})
    moved = (changed - coordinates)[:, INSIDE, INSIDE]
    assert moved.std(axis=(1, 2)).max() < 1e-3
    distances = moved.mean(axis=(1, 2))
    assert 0.08 * SIZE < np.abs(distances).max() <= 0.15 * SIZE + 1e-3
    assert np.abs(distances[:, 0] - distances[:, 1]).max() > 1  # rows and columns on their own


def test_a_crop_enlarges_a_frame_of_its_share_at_different_places(coordinates):
    changed = transformed(coordinates, {"crop": 0.3})
    matrices, _ = slopes(changed)
    np.testing.assert_allclose(matrices, np.tile(0.7 * np.eye(2), (BATCH, 1, 1)), atol=0.02)
    assert np.ptp(centres(changed), axis=0).min() > 0.15 * SIZE


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3, 0.5])
def test_a_crop_never_shows_an_edge(share, coordinates):
    """A reflection at the edge would turn the order of the coordinates round."""
    changed = transformed(np.tile(coordinates, (10, 1, 1, 1)), {"crop": share})
    rows, columns = changed[..., 0], changed[..., 1]
    assert np.diff(rows, axis=1).min() > -0.02
    assert np.diff(columns, axis=2).min() > -0.02


def test_noise_has_its_deviation_and_no_mean(coordinates):
    noise = transformed(coordinates, {"noise": 0.05}) - coordinates
    assert noise.mean() == pytest.approx(0, abs=1e-3)
    assert noise.std() == pytest.approx(0.05, rel=0.02)
    neighbours = np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.02


def test_transformations_are_applied_in_their_order(coordinates):
    names = ["shift", "rotation", "noise"]
    for order in (names, names[::-1]):
        model = augmentation.augmenter({name: AMOUNTS[name] for name in order}, coordinates.shape[1:])
        kinds = {"RandomTranslation": "shift", "RandomRotation": "rotation", "GaussianNoise": "noise"}
        assert [kinds[type(layer).__name__] for layer in model.layers] == order


def test_an_unknown_transformation_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="no transformation 'mirror'; there are flip, rotation, scaling"):
        augmentation.augmenter({"mirror": 1}, (8, 8, 3))


def test_training_sees_changed_images_and_validation_the_originals():
    """The network is a sum of all pixels, whose loss is known for the originals."""
    config = training.Training(augmentation={"noise": 0.5}, network_settings={})
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)]
    )
    learner = training._augmented(config, model)
    images = np.ones((6, 4, 4, 1), np.float32)
    np.testing.assert_allclose(
        learner.predict(images, verbose=0), model.predict(images, verbose=0), rtol=1e-6
    )
    assert not np.allclose(learner(images, training=True), model(images, training=True))


def test_without_augmentation_the_model_itself_is_trained():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert training._augmented(training.Training(), model) is model


def test_another_seed_of_the_run_augments_differently():
    config = training.Training(augmentation={"noise": 0.5})
    images = np.ones((2, 4, 4, 1), np.float32)

    def first_step(seed):
        _, learner = training._untrained(dataclasses.replace(config, seed=seed), (4, 4, 1), 2)
        return np.asarray(learner.layers[0](images, training=True))

    np.testing.assert_array_equal(first_step(0), first_step(0))
    assert not np.array_equal(first_step(0), first_step(1))
