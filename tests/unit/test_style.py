import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import font_manager

from lib import style


@pytest.fixture
def ax():
    style.use()
    return plt.figure().subplots()


def test_use_finds_lato_in_the_installed_package():
    style.use()
    found = font_manager.findfont("Lato", fallback_to_default=False)
    assert str(style.font_lato.font_directory) in found


def test_use_forgets_the_settings_of_the_user():
    matplotlib.rcParams["lines.linestyle"] = ":"
    matplotlib.rcParams["font.size"] = 20
    style.use()
    assert (matplotlib.rcParams["lines.linestyle"], matplotlib.rcParams["font.size"]) == ("-", 9)


def test_use_keeps_the_backend():
    before = matplotlib.get_backend()
    style.use()
    assert matplotlib.get_backend() == before


@pytest.mark.parametrize(
    "name",
    ["font", "axes.title", "axes.label", "figure.title", "xtick.label", "ytick.label", "legend.font"],
)
def test_texts_of_the_style_may_be_published(name):
    style.use()
    points = matplotlib.rcParams[f"{name}size" if name != "font" else "font.size"]
    assert style.TEXT_POINTS[0] <= points <= style.TEXT_POINTS[1]


def test_curves_have_the_colours_of_the_palette():
    style.use()
    assert matplotlib.rcParams["axes.prop_cycle"].by_key()["color"] == [
        style.BLUE,
        style.VERMILLION,
        style.GREEN,
        style.PINK,
        style.ORANGE,
        style.SKY,
        style.GREY,
    ]


@pytest.mark.parametrize(("width", "aspect"), [(1, 0.5), (0.5, 1), (0.25, 2)])
def test_size_is_a_fraction_of_sixteen_centimetres(width, aspect):
    assert style.size(width, aspect) == pytest.approx((16 * width / 2.54, 16 * width * aspect / 2.54))


def test_bare_axes_have_neither_ticks_nor_frame(ax):
    style.bare(ax)
    assert (list(ax.get_xticks()), list(ax.get_yticks())) == ([], [])
    assert not any(spine.get_visible() for spine in ax.spines.values())


@pytest.mark.parametrize(
    ("pixels", "reach", "limits"),
    [
        ([[0, 2], [1, 3]], None, (0, 3)),
        ([[0, 2], [1, 3]], 9, (0, 9)),
        ([[-4, 2], [1, 3]], None, (-4, 4)),
        ([[-1, 2], [1, 3]], 9, (-9, 9)),
    ],
)
def test_grey_picture_is_black_at_zero_or_mid_grey_where_values_are_negative(ax, pixels, reach, limits):
    style.picture(ax, np.array(pixels), reach=reach)
    assert ax.images[0].get_clim() == limits


def test_colour_picture_is_shown_as_it_is(ax):
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    style.picture(ax, pixels, "photo")
    np.testing.assert_array_equal(ax.images[0].get_array(), pixels)
    assert ax.get_title(loc="left") == "photo"
