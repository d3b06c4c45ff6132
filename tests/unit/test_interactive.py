"""Sliders in JupyterLab, a picture elsewhere."""

import ipywidgets

from lib import interactive


def draw(k=3):
    drawn.append(k)


drawn = []


def test_a_build_sees_the_picture_of_the_defaults(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    drawn.clear()
    interactive.sliders(draw, k=(1, 9, 1))
    assert drawn == [3]


def test_jupyterlab_gets_a_slider_that_draws_anew(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda widget, **_: shown.append(widget))
    monkeypatch.setattr(ipywidgets.widgets.interaction, "display", lambda widget, **_: shown.append(widget))
    drawn.clear()
    interactive.sliders(draw, k=(1, 9, 1))
    slider = next(
        child for widget in shown for child in getattr(widget, "children", ()) if hasattr(child, "max")
    )
    assert (slider.min, slider.max, slider.value) == (1, 9, 3)
    slider.value = 7
    assert drawn[-1] == 7
