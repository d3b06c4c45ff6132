import json

import matplotlib.pyplot as plt
import pytest
from babel.messages.catalog import Catalog

from lib import labels
from lib.concordance import ROOT

GERMAN = {
    "rank {}": "Rang {}",
    "from {} to {}": "{} bis {}",
    "year": "Jahr",
    "accuracy": "Genauigkeit",
    "results": "Ergebnisse",
    "first": "erste",
    "best": "beste",
    "apple": "Apfel",
    "pear": "Birne",
}


@pytest.fixture
def german(monkeypatch):
    """Put a small catalogue in place of the real one."""
    catalogue = Catalog(locale="de")
    for message, translation in GERMAN.items():
        catalogue.add(message, translation)
    monkeypatch.setattr(labels, "catalogue", {"de": catalogue}.__getitem__)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rank 5", "rank {}"),
        ("rank 10", "rank {}"),
        ("0.25 of 100 images", "{} of {} images"),
        ("section 3.1.2", "section {}"),
        (r"softmax of $x_1 = 0.5$", "softmax of {}"),
        ("Conv2D", "Conv2D"),
        ("12", None),
        ("−0.5 %", None),
        (r"$\alpha = 0.5$", None),
        ("(3, 3)", None),
    ],
)
def test_message_has_braces_for_numbers_and_formulas(text, message):
    assert labels.message(text) == message


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("rank 5", "Rang 5"),
        ("rank 0.5", "Rang 0,5"),
        ("from 0.5 to $x = 1.25$", "0,5 bis $x = 1{,}25$"),
        ("rank 3.1.2", "Rang 3.1.2"),
        ("(3.2)", "(3.2)"),
        ("(0.5)", "(0,5)"),
        ("2.50", "2,50"),
        ("−0.5", "−0,5"),
        ("3.1.2", "3.1.2"),
        ("$0.5$", "$0{,}5$"),
        (r"$\mathdefault{10^{0.5}}$", r"$\mathdefault{10^{0{,}5}}$"),
        ("1945", "1945"),
        ("60,000", "60.000"),
        ("1,234.5", "1.234,5"),
        ("1.5e-05", "1,5e-05"),
        ("3e7", "3e7"),
    ],
)
def test_translation_has_decimal_commas(german, text, translation):
    assert labels.translate(text, "de") == translation


def test_english_stays_as_it_is():
    assert labels.translate("no such message, 0.5", "en") == "no such message, 0.5"


@pytest.mark.parametrize("translation", [None, ""])
def test_a_missing_translation_is_an_error_that_names_the_message(german, translation):
    if translation is not None:
        labels.catalogue("de").add("loss at {}", translation)
    with pytest.raises(labels.MissingTranslation) as error:
        labels.translate("loss at 0.5", "de")
    assert str(error.value) == "lib/labels/de.po has no translation of 'loss at {}'."


def test_sentences_are_translated_one_by_one_and_an_unknown_one_stays(german):
    assert (
        labels.translate_sentences("rank 0.5. nobody knows 0.5; year", "de")
        == "rank 0.5. nobody knows 0.5; Jahr"
    )
    labels.catalogue("de").add("rank {}.", "Rang {}.")
    assert (
        labels.translate_sentences("rank 0.5. nobody knows 0.5; year", "de")
        == "Rang 0,5. nobody knows 0.5; Jahr"
    )


# Figures


@pytest.fixture
def fig():
    figure, (left, right) = plt.subplots(1, 2)
    figure.suptitle("results")
    left.plot([0, 1], [0, 0.5], label="rank 5")
    left.set(title="from 0.5 to 1", xlabel="year", ylabel="accuracy", xticks=[0, 0.5], yticks=[0, 0.25])
    left.legend(title="first")
    left.annotate("best", (0.5, 0.25))
    right.bar(["apple", "pear"], [0.5, 1.5])
    figure.draw_without_rendering()
    return figure


ENGLISH = ["accuracy", "apple", "best", "first", "from {} to {}", "pear", "rank {}", "results", "year"]


def test_messages_of_a_figure_are_those_of_all_its_texts(fig):
    assert labels.messages(fig) == ENGLISH


def test_hidden_texts_need_no_message(fig):
    fig.axes[0].title.set_visible(False)
    assert "from {} to {}" not in labels.messages(fig)


@pytest.mark.parametrize(
    ("find", "expected"),
    [
        (lambda fig: fig.get_suptitle(), "Ergebnisse"),
        (lambda fig: fig.axes[0].get_title(), "0,5 bis 1"),
        (lambda fig: fig.axes[0].get_xlabel(), "Jahr"),
        (lambda fig: fig.axes[0].get_ylabel(), "Genauigkeit"),
        (lambda fig: fig.axes[0].get_legend().get_title().get_text(), "erste"),
        (lambda fig: fig.axes[0].get_legend().get_texts()[0].get_text(), "Rang 5"),
        (lambda fig: fig.axes[0].texts[0].get_text(), "beste"),
        (lambda fig: [tick.get_text() for tick in fig.axes[0].get_xticklabels()], ["0,0", "0,5"]),
        (lambda fig: [tick.get_text() for tick in fig.axes[0].get_yticklabels()], ["0,00", "0,25"]),
        (lambda fig: [tick.get_text() for tick in fig.axes[1].get_xticklabels()], ["Apfel", "Birne"]),
    ],
    ids=[
        "suptitle",
        "title",
        "xlabel",
        "ylabel",
        "legend title",
        "legend",
        "annotation",
        "xticks",
        "yticks",
        "names",
    ],
)
def test_translate_figure_changes_every_text(german, fig, find, expected):
    labels.translate_figure(fig, "de")
    fig.draw_without_rendering()
    assert find(fig) == expected


def test_translate_figure_refuses_a_label_without_translation(german, fig):
    fig.axes[0].set_xlabel("epoch")
    with pytest.raises(labels.MissingTranslation, match="'epoch'"):
        labels.translate_figure(fig, "de")


def test_own_names_may_stay_as_they_are(german, fig):
    fig.axes[0].set(xlabel="my own class", ylabel="accuracy")
    labels.translate_figure(fig, "de", labels.translate_known)
    assert fig.axes[0].get_xlabel() == "my own class"
    assert fig.axes[0].get_ylabel() == "Genauigkeit"


# The German catalogue


def needed():
    manifest = json.loads((ROOT / "figures" / "manifest.json").read_text(encoding="utf-8"))
    return {message for output in manifest["outputs"].values() for message in output["messages"]}


def entries():
    return [entry for entry in labels.catalogue("de") if entry.id]


def test_every_label_of_the_committed_results_has_a_translation():
    assert needed() - {entry.id for entry in entries() if entry.string} == set()


def test_no_translation_is_unused():
    assert {entry.id for entry in entries()} - needed() == set()


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_a_translation_has_the_placeholders_of_its_message(entry):
    assert entry.string.count("{}") == entry.id.count("{}")
