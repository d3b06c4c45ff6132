import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before any test imports TensorFlow

import keras
import matplotlib
import matplotlib.pyplot as plt
import pytest
from hypothesis import settings

from lib import edition, publish, style, training

training.one_thread()  # before any test lets TensorFlow compute

settings.register_profile("unit", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def _each_test_for_itself(monkeypatch):
    """Take away the edition of a build around the tests, and afterwards the style and the open figures."""
    monkeypatch.delenv(edition.VARIABLE, raising=False)
    with matplotlib.rc_context():
        yield
    plt.close("all")


@pytest.fixture
def publishing_into(tmp_path, monkeypatch):
    """Return a function that makes an edition, in a temporary folder, the current one; it returns the folder."""

    def choose(**fields):
        folder = tmp_path / "results"
        chosen = edition.Edition(folder=str(folder), **fields)
        for name, value in chosen.environment().items():
            monkeypatch.setenv(name, value)
        return folder

    return choose


@pytest.fixture
def figure():
    """Return a function that draws a small figure in the thesis's style."""

    def draw(*, width=0.5, **texts):
        style.use()
        fig, ax = plt.subplots(figsize=style.size(width))
        ax.plot([0, 1.5], [0, 0.5])
        ax.set(**texts)
        return fig

    return draw


@pytest.fixture
def shown(monkeypatch):
    """Return the list of what is shown in the notebook from now on, as dictionaries of MIME types."""
    bundles = []
    monkeypatch.setattr(publish, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


@pytest.fixture
def small_cnn():
    """Return an untrained network for images of 8×8, with weights from a seed."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
