"""How figures look: sizes as fractions of the thesis's text width, fonts, and colours."""

from pathlib import Path

import font_lato
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager

TEXT_WIDTH = 16 / 2.54  # inches; A4 with 16 cm of text
TEXT_POINTS = (8, 10)  # smallest and largest text, at print size

BLUE, VERMILLION, GREEN, PINK, ORANGE, SKY, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#404040",
)  # Okabe and Ito's palette
LIGHT = "#E8E8E8"  # shading behind curves, cells that do not matter


def use():
    """Draw from now on in the thesis's style, whatever the user's own matplotlib settings are."""
    fonts = font_manager.fontManager
    fonts.ttflist = [font for font in fonts.ttflist if font.name != "Lato"]  # a system's own may differ
    for file in sorted(Path(font_lato.font_directory).glob("*.ttf")):
        fonts.addfont(file)
    backend = matplotlib.get_backend()
    matplotlib.rcdefaults()
    matplotlib.use(backend)
    plt.style.use(Path(__file__).with_name("thesis.mplstyle"))


def size(width=1.0, aspect=0.5):
    """Return a figure's (width, height) in inches.

    `width` is a fraction of the thesis's text width, `aspect` the height over the width.
    """
    return width * TEXT_WIDTH, width * TEXT_WIDTH * aspect


def bare(ax):
    """Take ticks and frame from an axes, as diagrams want it."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def picture(ax, pixels, title=None, reach=None):
    """Show an image in a thin frame without ticks.

    `pixels` is (H, W, 3) in colour, or (H, W) in grey: from 0, black, to `reach`, white, and with
    negative values from -`reach`, so that 0 is mid-grey. Without `reach` the largest size counts.
    """
    if np.ndim(pixels) == 2:
        reach = reach or np.abs(pixels).max()
        ax.imshow(pixels, cmap="gray", vmin=-reach if np.min(pixels) < 0 else 0, vmax=reach)
    else:
        ax.imshow(pixels)
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set(visible=True, linewidth=0.4)
