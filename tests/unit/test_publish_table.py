import json

import pandas as pd
import pytest

from lib import checksums, concordance, publish
from lib.concordance import ConcordanceError
from lib.latex import latex

ID = "tab_01_stride"
CAPTION = concordance.output(ID, "table").caption
SHORT = "Effect of stride, filter size and padding on the output of a (100, 100, 3) image"

pytestmark = pytest.mark.usefixtures("shown")


def published(folder, frame, **settings):
    """Publish a table and return the text of its files by their endings."""
    publish.table(frame, ID, **settings)
    return {path.suffix: path.read_bytes().decode() for path in folder.iterdir()}


@pytest.fixture
def frame():
    return pd.DataFrame({"filter": ["(3, 3)", "(5, 5)"], "probability": [0.25, 1 / 3], "year": [1998, 2012]})


def test_table_writes_numbers_latex_and_a_record(publishing_into, frame):
    assert set(published(publishing_into(), frame)) == {".csv", ".tex", ".json"}


def test_csv_has_english_names_and_six_significant_digits(publishing_into, frame):
    content = published(publishing_into(language="de"), frame)[".csv"]
    assert content == 'filter,probability,year\n"(3, 3)",0.25,1998\n"(5, 5)",0.333333,2012\n'


def test_latex_is_a_booktabs_table_with_caption_and_label(publishing_into, frame):
    assert published(publishing_into(), frame)[".tex"] == (
        "\\begin{table}\n\\centering\n"
        f"\\caption[{SHORT}]{{{CAPTION['en']}}}\n\\label{{tab:tab_01_stride}}\n"
        "\\begin{tabular}{lrr}\n\\toprule\n"
        "filter & probability & year \\\\\n\\midrule\n"
        "(3, 3) & 0.25 & 1998 \\\\\n(5, 5) & 0.333333 & 2012 \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("A & B", r"A \& B"),
        ("50 %", r"50 \%"),
        ("x_1", r"x\_1"),
        ("#1", r"\#1"),
        ("a$b$_{", r"a\$b\$\_\{"),
        (r"\input{secret}", r"{\textbackslash}input\{secret\}"),
    ],
)
def test_latex_escapes_entries_and_headers(publishing_into, text, escaped):
    content = published(publishing_into(), pd.DataFrame({text: [text]}))[".tex"]
    assert content.count(f"{escaped} \\\\\n") == 2


def test_german_latex_has_german_words_and_decimal_commas(publishing_into, frame):
    content = published(publishing_into(language="de"), frame)[".tex"]
    assert "Filter & Wahrscheinlichkeit & Jahr \\\\" in content
    assert "(3, 3) & 0,25 & 1998 \\\\" in content
    assert latex(CAPTION["de"]) in content
    assert content.isascii()


def test_table_is_shown_with_its_caption(publishing_into, frame, shown):
    published(publishing_into(), frame)
    assert "<td>0.333333</td>" in shown[0]["text/html"]
    assert shown[1]["text/plain"] == CAPTION["en"]


def test_an_entry_is_no_html(publishing_into, shown):
    published(publishing_into(), pd.DataFrame({"<b>": ["<script>alert(1)</script>"]}))
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in shown[0]["text/html"]
    assert "<th>&lt;b&gt;</th>" in shown[0]["text/html"]


def test_record_says_where_the_table_comes_from(publishing_into, frame):
    folder = publishing_into()
    record = json.loads(published(folder, frame, seeds=[1, 2])[".json"])
    assert record.pop("versions")["pandas"]
    assert record == {
        "notebook": "03_1_2_convolution",
        "cell": "tab-01-stride",
        "data": {"food": checksums.of_dataset(checksums.shipped("food"))},
        "seeds": [1, 2],
        "messages": ["filter", "probability", "year"],
        "files": {
            f"{ID}.{ending}": checksums.of_file(folder / f"{ID}.{ending}") for ending in ("csv", "tex")
        },
    }


def test_same_table_gives_the_same_bytes(publishing_into, frame):
    folder = publishing_into()
    assert published(folder, frame) == published(folder, frame)


def test_quick_table_says_so_in_the_caption(publishing_into, frame):
    content = published(publishing_into(scale="quick"), frame)[".tex"]
    assert "(Quick scale: not to be quoted.)}" in content


def test_the_id_of_a_figure_is_refused(publishing_into, frame):
    publishing_into()
    with pytest.raises(ConcordanceError, match="There is no table 'fig_02_stride'"):
        publish.table(frame, "fig_02_stride")


def test_a_table_of_another_chapter_is_refused(publishing_into, frame):
    folder = publishing_into(chapter="02_1_neuron")
    with pytest.raises(
        publish.PublishError, match="belongs to the chapter 03_1_2_convolution; 02_1_neuron may not"
    ):
        publish.table(frame, ID)
    assert not folder.exists()


def test_a_gap_is_a_dash_to_read_and_empty_in_the_csv(publishing_into):
    frame = pd.DataFrame({"filter": ["(3, 3)", "(5, 5)"], "probability": [0.25, None]})
    content = published(publishing_into(), frame)
    assert "(5, 5) & {\\textendash} \\\\" in content[".tex"]
    assert content[".csv"].endswith('"(5, 5)",\n')


def test_sentences_are_translated_as_far_as_the_catalogue_has_them(publishing_into):
    frame = pd.DataFrame({"year": [1998], "measured": ["nobody knows this one; probability"]})
    content = published(publishing_into(language="de"), frame, sentences=["measured"])
    assert "nobody knows this one; Wahrscheinlichkeit" in content[".tex"]
    assert json.loads(content[".json"])["messages"] == [
        "measured",
        "nobody knows this one;",
        "probability",
        "year",
    ]


def test_a_custom_table_says_so_and_keeps_names_that_no_catalogue_knows(publishing_into):
    frame = pd.DataFrame({"year": [1998], "filter": ["my own class"]})
    content = published(publishing_into(language="de", scale="custom"), frame)[".tex"]
    assert "Jahr & Filter" in content
    assert "my own class" in content
    assert "(Hier mit anderen Parametern oder Daten, als der Text sagt.)" in content


def test_a_spread_stands_behind_its_mean_with_as_many_decimals(publishing_into):
    frame = pd.DataFrame({"filter": ["a", "b"], "probability %": [54.7, 99.0], "probability ±": [6.0, 1.0]})
    content = published(publishing_into(), frame)
    assert "a & 54.7 \\ensuremath{\\pm} 6.0 \\\\" in content[".tex"]
    assert "b & 99.0 \\ensuremath{\\pm} 1.0 \\\\" in content[".tex"]
    assert content[".csv"].startswith("filter,probability %,probability ±\na,54.7,6\n")
