import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lib import datasets, training
from lib.runs import examination
from lib.training import Training

IMAGES = np.arange(1.0, 10).reshape(1, 3, 3, 1)
shifts = st.integers(-3, 3)


def test_contents_move_and_the_edge_is_repeated():
    moved = examination.move(IMAGES, 1, -1)[0, :, :, 0]
    assert moved.tolist() == [[2, 3, 3], [2, 3, 3], [5, 6, 6]]


@given(shifts, shifts)
def test_a_photo_of_one_colour_stays_as_it_is(rows, columns):
    np.testing.assert_array_equal(
        examination.move(np.ones((2, 4, 5, 3)), rows, columns), np.ones((2, 4, 5, 3))
    )


def test_photos_in_place_are_the_answers_themselves(monkeypatch):
    images = np.random.default_rng(0).integers(256, size=(12, 6, 6, 3), dtype=np.uint8)
    everything = np.arange(12)
    photos = datasets.Dataset(images, everything % 2, ("a", "b"), "", everything, everything, everything)
    monkeypatch.setattr(training, "_dataset", lambda *_: photos)
    config = Training(network_settings={"filters": (2,), "dense": 4})
    model = training.build(config, (6, 6, 3), 2)
    start = {"weights": {variable.path: variable.numpy() for variable in model.variables}}
    result = examination.Examination(config, (0, 2)).compute(start)
    answers, moved = result["answers"], result["moved"]
    assert set(answers["part"]) == {"training", "test"}
    hit = (answers["label"] == answers["predicted"])[answers["part"] == "test"].mean()
    assert moved[(moved["part"] == "test") & (moved["distance"] == 0)]["accuracy"].item() == hit
