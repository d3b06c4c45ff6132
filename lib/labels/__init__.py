"""German for every label of a figure or table, from a gettext catalogue, with decimal commas.

Labels are written in English where they are used; nothing there marks them for translation. A
message of the catalogue is a label in which each number and each formula reads {}, so that
"rank 5" and "rank 10" are the one message "rank {}".
"""

import re
from functools import cache, partial
from pathlib import Path

from babel.messages.pofile import read_po
from matplotlib.text import Text
from matplotlib.ticker import Formatter

NUMBER_OR_FORMULA = re.compile(r"\$[^$]+\$|(?<![A-Za-z_\d])\d++(?:[.,]\d+)*+(?:e[+\-−]?\d+)?+(?![A-Za-z_])")
THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
EQUATION = re.compile(r"\([345]\.\d{1,2}\)")  # of the thesis
DECIMAL_POINT = re.compile(r"(?<![\d.])(\d+)\.(\d+)(?![\d.])")


SENTENCE_END = re.compile(r"(?<=[.;:]) ")


class MissingTranslation(Exception):
    """A label that the catalogue of the language does not have."""


@cache
def catalogue(language):
    """Return the Babel catalogue of a language, read from its .po file beside this module.

    Raises MissingTranslation for a language without one.
    """
    path = Path(__file__).with_name(f"{language}.po")
    if not path.exists():
        raise MissingTranslation(f"There is no lib/labels/{language}.po.")
    with open(path, "rb") as file:
        return read_po(file, locale=language)


def message(text):
    """Return the catalogue's message for a label, or None for one that holds no words."""
    template = NUMBER_OR_FORMULA.sub("{}", text)
    return template if re.search(r"[^\W\d_]", template) else None


def _decimal_comma(match):
    if EQUATION.fullmatch(match.string[max(match.start() - 1, 0) : match.end() + 1]):
        return match.group()
    if THOUSANDS.fullmatch(match.group()):
        return match.group().translate(str.maketrans(",.", ".,"))
    comma = "{,}" if match.group().startswith("$") else ","
    return DECIMAL_POINT.sub(rf"\1{comma}\2", match.group())


def translate(text, language):
    """Return a label in `language` ("en" leaves it as it is).

    Raises MissingTranslation, naming the message, where the catalogue lacks it.
    """
    if language == "en":
        return text
    values = [_decimal_comma(match) for match in NUMBER_OR_FORMULA.finditer(text)]
    template = message(text)
    if template is None:
        return NUMBER_OR_FORMULA.sub(_decimal_comma, text)
    entry = catalogue(language).get(template)
    if entry is None or not entry.string:
        raise MissingTranslation(f"lib/labels/{language}.po has no translation of {template!r}.")
    return entry.string.format(*values)


def sentences(text):
    """Return the sentences of a text; a semicolon or colon ends one, too."""
    return SENTENCE_END.split(text)


def translate_known(text, language):
    """Return a label in `language`, or as it is where the catalogue lacks it: the names of your own classes."""
    try:
        return translate(text, language)
    except MissingTranslation:
        return text


def translate_sentences(text, language):
    """Return a text, translated sentence by sentence; one that the catalogue lacks stays as it is.

    What was measured decides which sentences a claim is told in, so that new numbers may need new ones.
    """
    return " ".join(translate_known(sentence, language) for sentence in sentences(text))


class _Translated(Formatter):
    """A tick formatter in another language: what `formatter` says, `translated`."""

    def __init__(self, formatter, translated):
        self.formatter, self.translated = formatter, translated

    def __call__(self, value, position=None):
        return self.translated(str(self.formatter(value, position)))

    def format_ticks(self, values):
        return [self.translated(str(label)) for label in self.formatter.format_ticks(values)]

    def get_offset(self):
        return self.translated(self.formatter.get_offset())


def _axes_of(fig):
    return [axis for ax in fig.axes for axis in ax._axis_map.values()]


def _tick_labels(fig):
    return {
        label
        for axis in _axes_of(fig)
        for tick in axis.get_major_ticks() + axis.get_minor_ticks()
        for label in (tick.label1, tick.label2)
    }


def texts(fig):
    """Return the visible, non-empty matplotlib texts of a drawn figure, tick labels among them."""
    return [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]


def messages(fig):
    """Return the sorted messages that a figure needs from a catalogue."""
    return sorted({message(text.get_text()) for text in texts(fig)} - {None})


def translate_figure(fig, language, translate=translate):
    """Change every text of a figure, tick labels included, into `language`.

    Raises MissingTranslation for the first text that the catalogue lacks, unless `translate` is translate_known.
    """
    shown, tick_labels = texts(fig), _tick_labels(fig)
    for text in shown:
        if text not in tick_labels:
            text.set_text(translate(text.get_text(), language))
    for axis in _axes_of(fig):
        for formatter in (axis.major, axis.minor):
            formatter.formatter = _Translated(formatter.formatter, partial(translate, language=language))
