"""Pictures with sliders where somebody can move them, and plain pictures everywhere else."""

import os

import ipywidgets


def sliders(draw, **ranges):
    """Show what `draw` draws, with a slider for each of its arguments in JupyterLab.

    `ranges` are {argument: (lowest, highest, step)}, or a list of choices; the sliders start at the defaults of
    `draw`. A build and a test of a notebook, where nobody watches, see the picture of the defaults.
    """
    if "JPY_SESSION_NAME" in os.environ:  # set by JupyterLab
        ipywidgets.interact(draw, **ranges)
    else:
        draw()
