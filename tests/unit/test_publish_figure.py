import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from PIL import Image

from lib import checksums, concordance, publish, style
from lib.concordance import ConcordanceError
from lib.edition import Edition

ID = "fig_02_stride"  # of a chapter that uses the food photos
CAPTION = concordance.output(ID, "figure").caption
NUMBERS = pd.DataFrame({"x": [0, 1.5], "y": [0, 1 / 3]})

pytestmark = pytest.mark.usefixtures("shown")


def published(folder, fig, **settings):
    """Publish a figure and return its files by their endings."""
    publish.figure(fig, ID, data=NUMBERS, **settings)
    return {path.name.removeprefix(f"{ID}."): path for path in folder.iterdir()}


def error_of(kind, fig, id):
    with pytest.raises(kind) as error:
        publish.figure(fig, id, data=NUMBERS)
    return str(error.value)


# Files


def test_figure_writes_pdf_png_numbers_and_a_record(publishing_into, figure):
    assert set(published(publishing_into(), figure())) == {"pdf", "png", "csv", "record.json"}


@pytest.mark.parametrize("name", [r"\$\frac\$", r"a\$b\$_{", "<script>", "new\nline", "n" * 255])
def test_any_name_can_be_a_label(publishing_into, figure, name):
    """A dollar begins a formula unless it has a backslash, which the notebooks give to names of photos."""
    files = published(publishing_into(formats=("svg",)), figure(xlabel=name))
    assert "<script>" not in files["svg"].read_text(encoding="utf-8")


@pytest.mark.parametrize(("format", "beginning"), [("pdf", b"%PDF-"), ("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_figure_has_the_format_that_the_edition_asks_for(publishing_into, figure, format, beginning):
    files = published(publishing_into(formats=(format,)), figure())
    assert set(files) == {format, "csv", "record.json"}
    assert files[format].read_bytes().startswith(beginning)


def test_numbers_have_six_significant_digits(publishing_into, figure):
    numbers = published(publishing_into(formats=()), figure())["csv"]
    assert numbers.read_bytes() == b"x,y\n0,0\n1.5,0.333333\n"


def test_png_has_300_dots_per_inch(publishing_into, figure):
    files = published(publishing_into(formats=("png",)), figure(width=0.5))
    with Image.open(files["png"]) as picture:
        assert picture.width == pytest.approx(0.5 * style.TEXT_WIDTH * 300, abs=1)


DRAW_AND_PUBLISH = """
import matplotlib.pyplot as plt, pandas as pd
from lib import publish, style
style.use()
fig, ax = plt.subplots(figsize=style.size(0.5))
for name in ("input", "output", "sum"):
    ax.plot([0, 1], [0, len(name)], label=name)
ax.legend()
ax.fill_between([0, 1], [0, 2], hatch="/")
publish.figure(fig, "fig_02_stride", data=pd.DataFrame({"x": [1.5]}), seeds=[0, 1])
"""


def test_same_inputs_give_the_same_bytes_in_every_process(tmp_path):
    folders = {hash_seed: tmp_path / hash_seed for hash_seed in "12"}
    processes = []
    for hash_seed, folder in folders.items():
        edition = Edition(folder=str(folder), formats=publish.FORMATS).environment()
        environment = os.environ | edition | {"PYTHONHASHSEED": hash_seed}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", DRAW_AND_PUBLISH],
                env=environment,
                cwd=concordance.ROOT,
                stdout=subprocess.DEVNULL,
            )
        )
    assert [process.wait() for process in processes] == [0, 0]
    first, second = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders.values()
    )
    assert len(first) == len(publish.FORMATS) + 2
    assert first == second


# What is embedded


def test_a_part_of_a_figure_that_ends_at_zero_or_just_below_gives_the_same_bytes(publishing_into):
    folder, written = publishing_into(formats=("pdf",)), []
    for bottom in (1e-17, -1e-17):
        fig = plt.figure(figsize=style.size(0.5), layout="none")
        part = fig.subfigures()
        part.subplots()
        part.bbox_relative.p0 = 0, bottom
        written.append(published(folder, fig)["pdf"].read_bytes())
    assert written[0] == written[1]


def test_png_says_what_it_is_and_what_made_it(publishing_into, figure):
    files = published(publishing_into(formats=("png",)), figure(), seeds=[3, 4])
    with Image.open(files["png"]) as picture:
        embedded = picture.info
    digest = checksums.of_dataset(checksums.shipped("food"))
    assert embedded["Title"] == CAPTION["en"]
    assert embedded["Subject"] == "fig_02_stride, Abb. 2"
    assert embedded["Keywords"] == f"notebook: 03_1_2_convolution; data: food {digest[:16]}; seeds: 3 4"


def test_pdf_says_what_it_is(publishing_into, figure):
    content = published(publishing_into(formats=("pdf",)), figure())["pdf"].read_bytes()
    assert b"/Subject (fig_02_stride, Abb. 2)" in content


@pytest.mark.parametrize("format", publish.FORMATS)
def test_no_file_holds_a_date_or_a_path(publishing_into, figure, format):
    folder = publishing_into(formats=(format,))
    content = published(folder, figure())[format].read_bytes()
    unwanted = [b"CreationDate", b"ModDate", b"Creation Time", b"dc:date"]
    unwanted += [str(path).encode() for path in (folder, concordance.ROOT)]
    assert [word for word in unwanted if word in content] == []


def test_record_says_where_the_figure_comes_from(publishing_into, figure):
    files = published(publishing_into(formats=("png",)), figure(title="photo", xlabel="stride 2"), seeds=[7])
    record = json.loads(files["record.json"].read_text(encoding="utf-8"))
    assert record.pop("versions")["matplotlib"]
    assert record == {
        "notebook": "03_1_2_convolution",
        "cell": "fig-02-stride",
        "data": {"food": checksums.of_dataset(checksums.shipped("food"))},
        "seeds": [7],
        "messages": ["photo", "stride {}"],
        "files": {path.name: checksums.of_file(path) for path in (files["png"], files["csv"])},
    }


def test_figure_is_shown_with_its_caption(publishing_into, figure, shown):
    published(publishing_into(), figure())
    assert shown[0]["image/png"].startswith(b"\x89PNG")
    assert shown[1]["text/markdown"] == f"*{CAPTION['en']}*"


def test_figure_is_closed_afterwards(publishing_into, figure):
    fig = figure()
    published(publishing_into(), fig)
    assert not plt.fignum_exists(fig.number)


# What is refused


def test_an_unknown_id_is_refused_with_the_nearest_ones(publishing_into, figure):
    publishing_into()
    message = error_of(ConcordanceError, figure(), "fig_2_stride")
    assert message.startswith("There is no figure 'fig_2_stride'. Did you mean fig_02_stride")


def test_the_id_of_a_table_is_refused(publishing_into, figure):
    publishing_into()
    assert error_of(ConcordanceError, figure(), "tab_01_stride").startswith(
        "There is no figure 'tab_01_stride'."
    )


def test_a_figure_of_another_chapter_is_refused(publishing_into, figure):
    publishing_into(chapter="03_1_4_pooling")
    assert error_of(publish.PublishError, figure(), ID) == (
        "fig_02_stride belongs to the chapter 03_1_2_convolution; 03_1_4_pooling may not publish it."
    )


def test_a_figure_of_the_chapter_itself_is_accepted(publishing_into, figure):
    assert published(publishing_into(chapter="03_1_2_convolution"), figure())


def test_a_figure_as_wide_as_the_text_is_accepted(publishing_into, figure):
    assert published(publishing_into(formats=()), figure(width=1))


def test_a_figure_wider_than_the_text_is_refused(publishing_into, figure):
    publishing_into()
    assert error_of(publish.PublishError, figure(width=1.1), ID) == (
        "fig_02_stride is 17.6 cm wide; the text width is 16.0 cm."
    )


@pytest.mark.parametrize("points", [6, 7.9, 10.1])
def test_text_that_is_too_small_or_too_large_is_refused(publishing_into, figure, points):
    publishing_into()
    fig = figure()
    fig.axes[0].text(0, 0, "photo", fontsize=points)
    assert error_of(publish.PublishError, fig, ID) == (
        f"fig_02_stride has the text 'photo' in {points} pt; texts have 8 to 10 pt at print size."
    )


def test_small_tick_labels_are_refused(publishing_into, figure):
    publishing_into()
    fig = figure()
    fig.axes[0].tick_params(labelsize=6)
    assert " in 6 pt; " in error_of(publish.PublishError, fig, ID)


def test_a_refused_figure_leaves_no_file(publishing_into, figure):
    folder = publishing_into()
    error_of(publish.PublishError, figure(width=1.1), ID)
    assert not folder.exists()


# Editions


def texts_of(svg):
    return svg.read_text(encoding="utf-8")


@pytest.mark.parametrize(("scale", "marked"), [("default", False), ("quick", True)])
def test_only_quick_results_have_a_watermark(publishing_into, figure, scale, marked):
    files = published(publishing_into(formats=("svg",), scale=scale), figure())
    assert (">QUICK</text>" in texts_of(files["svg"])) == marked


@pytest.mark.parametrize(
    ("language", "addition"),
    [("en", " (Quick scale: not to be quoted.)"), ("de", " (Schnelldurchlauf: nicht zitieren.)")],
)
def test_quick_results_say_so_in_the_caption(publishing_into, figure, shown, language, addition):
    published(publishing_into(formats=(), scale="quick", language=language), figure())
    assert shown[1]["text/plain"] == CAPTION[language] + addition


def test_german_edition_has_german_labels_and_decimal_commas(publishing_into, figure):
    fig = figure(title="photo", xticks=[0, 0.5])
    svg = texts_of(published(publishing_into(formats=("svg",), language="de"), fig)["svg"])
    assert [text for text in ("Foto", "photo", "0,5", "0.5") if f">{text}</text>" in svg] == ["Foto", "0,5"]


def test_german_edition_has_the_german_caption(publishing_into, figure):
    files = published(publishing_into(formats=("png",), language="de"), figure())
    with Image.open(files["png"]) as picture:
        assert picture.info["Title"] == CAPTION["de"]


# Whole or not at all


def full_disk(path, content):
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    raise OSError("No space left on device")


def no_rename(path, target):
    raise OSError("Permission denied")


@pytest.mark.parametrize(("method", "failing"), [("write_bytes", full_disk), ("replace", no_rename)])
def test_a_failing_write_leaves_the_old_file_whole_and_nothing_else(tmp_path, monkeypatch, method, failing):
    path = tmp_path / "figure.pdf"
    publish.write_atomically(path, b"old and whole")
    monkeypatch.setattr(Path, method, failing)
    with pytest.raises(OSError, match=r"No space|Permission"):
        publish.write_atomically(path, b"new and longer than before")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"figure.pdf": b"old and whole"}


def test_a_figure_that_cannot_be_written_leaves_no_record(publishing_into, figure, monkeypatch):
    folder = publishing_into()
    monkeypatch.setattr(Path, "replace", no_rename)
    with pytest.raises(OSError, match="Permission"):
        published(folder, figure())
    assert list(folder.iterdir()) == []
