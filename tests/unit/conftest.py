import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before any test imports TensorFlow

import matplotlib.pyplot as plt
import pytest
from hypothesis import settings

from lib import edition, publish, style

settings.register_profile("unit", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def _as_outside_of_a_build(monkeypatch):
    monkeypatch.delenv(edition.VARIABLE, raising=False)


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
    """Return a function that draws a small figure in the thesis's style; all are closed afterwards."""

    def draw(*, width=0.5, **texts):
        style.use()
        fig, ax = plt.subplots(figsize=style.size(width))
        ax.plot([0, 1.5], [0, 0.5])
        ax.set(**texts)
        return fig

    yield draw
    plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    """Return the list of what is shown in the notebook from now on, as dictionaries of MIME types."""
    bundles = []
    monkeypatch.setattr(publish, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles
