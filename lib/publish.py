"""The only doors through which results leave a notebook: figure(), table() and claim().

Each writes its files into the folder of the current edition, whole or not at all, with a record
(<id>.record.json) of where the result comes from, and shows the result in the notebook. The same
inputs give the same bytes: nothing written holds a time or a path.
"""

import html
import io
import json
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import SubFigure
from pandas.api.types import is_numeric_dtype

from lib import checksums, concordance, edition, labels, style
from lib.latex import latex
from lib.long_form import spread_column

PNG_IN_NOTEBOOK = 120  # dots per inch
FORMATS = ("pdf", "png", "svg")
LIBRARIES = {"sklearn": "scikit-learn", "PIL": "pillow"} | {
    name: name
    for name in ("numpy", "scipy", "pandas", "matplotlib", "tensorflow", "keras", "bitarray", "constriction")
}  # those whose modules are in use, by the modules' names
SIGNIFICANT_DIGITS = 6
SENTENCE = 60  # letters; longer entries of a table wrap
ROWS_OF_A_PAGE = 35
COLUMN_SEPARATION = 0.014  # LaTeX's 6 pt on each side of a column, as a share of the text width
CONTINUED = {"en": "continued on the next page", "de": "Fortsetzung auf der nächsten Seite"}
CONTINUATION = {"en": "(continued)", "de": "(Fortsetzung)"}
REMARKS = {
    "default": {"en": "", "de": ""},
    "quick": {"en": " (Quick scale: not to be quoted.)", "de": " (Schnelldurchlauf: nicht zitieren.)"},
    "custom": {
        "en": " (Here with other parameters or data than the text says.)",
        "de": " (Hier mit anderen Parametern oder Daten, als der Text sagt.)",
    },
}
VERDICT_COLOURS = {"holds": "#009E73", "holds with a condition": "#E69F00", "corrected": "#D55E00"}


class PublishError(Exception):
    """A result that may not leave the notebook as it is."""


def write_atomically(path, content):
    """Write bytes to `path` so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _check_owner(entry, publishing):
    if publishing.chapter not in (None, entry.notebook):
        raise PublishError(
            f"{entry.id} belongs to the chapter {entry.notebook}; {publishing.chapter} may not publish it."
        )


def _publishing_cell(entry):
    """Return the id of the cell that publishes `entry`: the one code cell that names it."""
    notebook = concordance.NOTEBOOKS / f"{entry.notebook}.ipynb"
    if notebook.exists():
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code" and f'"{entry.id}"' in "".join(cell["source"]):
                return cell.get("id")
    return None


def _provenance(entry, seeds, publishing):
    """Return what made a result: notebook, cell, data, seeds, library versions, and parameters without defaults."""
    chapter = next(c for c in concordance.chapters() if c.notebook == entry.notebook)
    return {
        "notebook": entry.notebook,
        "cell": _publishing_cell(entry),
        "data": publishing.data or {name: checksums.of_data(name) for name in chapter.data},
        "seeds": [int(seed) for seed in seeds],
        "versions": {name: version(name) for module, name in LIBRARIES.items() if module in sys.modules},
    } | ({"parameters": publishing.parameters} if publishing.parameters else {})


def _write(publishing, id, files, record):
    """Write {file name: bytes}, and the record with their checksums, into the edition's folder."""
    folder = Path(publishing.folder)
    for name, content in files.items():
        write_atomically(folder / name, content)
    record["files"] = {name: checksums.of_bytes(content) for name, content in files.items()}
    write_atomically(folder / f"{id}.record.json", json.dumps(record).encode())


def _csv(frame):
    return frame.to_csv(index=False, float_format=_number, lineterminator="\n").encode()


def _number(value):
    """Return a number for a file: whole ones in full, others with six digits."""
    return f"{value:.0f}" if value % 1 == 0 and abs(value) < 2**53 else f"{value:.{SIGNIFICANT_DIGITS}g}"


def _embedded(output, caption, provenance):
    """Return {"Title", "Subject", "Keywords"} that say in a file what it is and what made it."""
    data = "; ".join(f"{name} {digest[:16]}" for name, digest in provenance["data"].items())
    seeds = " ".join(map(str, provenance["seeds"]))
    parameters = "; ".join(f"{name} = {value!r}" for name, value in provenance.get("parameters", {}).items())
    return {
        "Title": caption,
        "Subject": f"{output.id}, {output.number or 'section ' + output.section}",
        "Keywords": f"notebook: {output.notebook}; data: {data or 'none'}; seeds: {seeds or 'none'}"
        + (f"; parameters: {parameters}" if parameters else ""),
    }


def _rendered(fig, output, format, embedded, dpi):
    """Return the figure as the bytes of one format."""
    metadata = {
        "pdf": embedded | {"CreationDate": None},
        "png": embedded,
        "svg": {"Title": embedded["Title"], "Description": embedded["Subject"], "Date": None},
    }[format]
    buffer = io.BytesIO()
    # The figure is laid out by now; no format needs to do it again.
    with plt.rc_context({"svg.hashsalt": output.id, "figure.constrained_layout.use": False}):
        fig.set_layout_engine(None)
        fig.savefig(buffer, format=format, metadata=metadata, dpi=dpi)
    return buffer.getvalue()


def _check_legible(fig, output):
    """Raise PublishError where the figure is wider than the text or has text of the wrong size."""
    width = fig.get_figwidth()
    if width > style.TEXT_WIDTH + 1e-6:
        raise PublishError(
            f"{output.id} is {width * 2.54:.1f} cm wide; the text width is {style.TEXT_WIDTH * 2.54:.1f} cm."
        )
    smallest, largest = style.TEXT_POINTS
    for text in labels.texts(fig):
        if not smallest <= text.get_fontsize() <= largest:
            raise PublishError(
                f"{output.id} has the text {text.get_text()!r} in {text.get_fontsize():g} pt; "
                f"texts have {smallest} to {largest} pt at print size."
            )


def _watermark(fig):
    fig.text(
        0.5,
        0.5,
        "QUICK",
        fontsize=60,
        color="#D55E00",
        alpha=0.25,
        rotation=20,
        ha="center",
        va="center",
        in_layout=False,
    )


def _caption(output, publishing):
    return output.caption[publishing.language] + REMARKS[publishing.scale][publishing.language]


def _translate(publishing):
    """Return how labels are translated: own data, in a custom build, may have names that no catalogue knows."""
    return labels.translate_known if publishing.scale == "custom" else labels.translate


def figure(fig, id, *, data, seeds=()):
    """Publish a matplotlib figure as PDF and PNG (the edition may say otherwise), with its numbers as CSV.

    `id` is the figure's id in the concordance, `data` the pandas frame of the plotted numbers in
    long form, `seeds` the seeds of the runs behind it. Closes the figure and shows it with its
    caption. Raises ConcordanceError for an unknown id, and PublishError for a figure of another
    chapter, one wider than the text, or text that is not 8-10 pt.
    """
    output, publishing = concordance.output(id, "figure"), edition.current()
    _check_owner(output, publishing)
    fig.draw_without_rendering()
    _check_legible(fig, output)
    for part in fig.findobj(SubFigure):
        part.patch.set_visible(False)  # it is transparent, and where it ends the layout has 0 or -0 by chance
    provenance = _provenance(output, seeds, publishing)
    record = provenance | {"messages": labels.messages(fig)}
    if publishing.language != "en":
        labels.translate_figure(fig, publishing.language, _translate(publishing))
        fig.draw_without_rendering()
    if publishing.scale == "quick":
        _watermark(fig)
    caption = _caption(output, publishing)
    embedded = _embedded(output, caption, provenance)
    files = {
        f"{id}.{format}": _rendered(fig, output, format, embedded, "figure" if format == "svg" else 300)
        for format in publishing.formats
    }
    _write(publishing, id, files | {f"{id}.csv": _csv(data)}, record)
    picture = _rendered(fig, output, "png", embedded, PNG_IN_NOTEBOOK)
    plt.close(fig)
    display({"image/png": picture, "text/plain": id}, raw=True)
    display({"text/markdown": f"*{caption}*", "text/plain": caption}, raw=True)


def _localised(frame, publishing, sentences, verbatim):
    """Return the frame with translated headers and entries, numbers as text for reading."""

    translate, language = _translate(publishing), publishing.language

    def shown(value):
        if isinstance(value, float | np.floating) and np.isnan(value):
            return "–"
        if isinstance(value, float | np.floating):
            return translate(f"{value:.{SIGNIFICANT_DIGITS}g}", language)
        return translate(str(value), language)

    told = frame[list(sentences)].map(lambda text: labels.translate_sentences(text, language))
    merged = _with_spreads(frame)
    translated = merged.drop(columns=[*sentences, *verbatim]).map(shown)
    return merged.assign(**translated, **told).rename(columns=lambda name: translate(name, language))


def _with_spreads(frame):
    """Return a frame in which each spread stands behind what it is the spread of: "54.7 ± 6.7"."""
    for column in [
        column for column in frame if spread_column(column) in frame and spread_column(column) != column
    ]:
        pair = frame[[column, spread_column(column)]]
        texts = pair.map(lambda value: f"{value:.{SIGNIFICANT_DIGITS}g}")
        decimals = texts.map(lambda text: len(text.partition(".")[2])).to_numpy().max()
        both = pair.map(lambda value, decimals=decimals: f"{value:.{decimals}f}").agg(" ± ".join, axis=1)
        frame = frame.assign(**{column: both.where(pair.notna().all(axis=1), frame[column])})
        frame = frame.drop(columns=spread_column(column))
    return frame


def _longest(frame):
    return [frame[column].map(str).str.len().max() for column in frame]


def _longest_word(frame, column):
    return max(len(word) for text in (column, *frame[column]) for word in re.split(r"[\s-]", str(text)))


def _alignments(frame):
    """Return LaTeX's column types: numbers right, texts left; texts wrap where there are sentences.

    LaTeX hyphenates the first word of a text only behind some space, of 0 pt.
    """
    frame = frame.drop(columns={spread_column(column) for column in frame} & set(frame))
    kinds = ["r" if is_numeric_dtype(frame[column]) else "l" for column in frame]
    longest = _longest(frame)
    if max(longest) <= SENTENCE:
        return "".join(kinds)
    needs = [
        max(2.1 * _longest_word(frame, column), 2.2 * longest[n] ** 0.5) for n, column in enumerate(frame)
    ]
    total = sum(need for need, kind in zip(needs, kinds, strict=True) if kind == "l")
    room = 1 - 2 * COLUMN_SEPARATION * len(kinds)
    return "".join(
        f">{{\\raggedright\\arraybackslash\\hspace{{0pt}}}}p{{{room * need / total:.3f}\\textwidth}}"
        if kind == "l"
        else "r"
        for need, kind in zip(needs, kinds, strict=True)
    )


def _booktabs(frame, alignments, output, language, caption):
    """Return a LaTeX table; one with many rows, or with sentences in them, may break across pages."""
    long = len(frame) > ROWS_OF_A_PAGE or max(_longest(frame)) > SENTENCE
    text = (
        frame.map(latex)
        .rename(columns=latex)
        .style.hide(axis="index")
        .to_latex(
            hrules=True,
            caption=(latex(caption), latex(output.short_caption(language))),
            label=f"tab:{output.id}",
            environment="longtable" if long else None,
            position_float=None if long else "centering",
            column_format=alignments,
        )
    )
    text = text.replace(f"\\caption[]{{{latex(caption)}}}", f"\\caption[]{{{CONTINUATION[language]}}}")
    return text.replace("Continued on next page", latex(CONTINUED[language]))


def table(frame, id, *, seeds=(), sentences=(), verbatim=()):
    """Publish a pandas frame as CSV and as a booktabs LaTeX table with caption and label.

    `id` is the table's id in the concordance; the frame's index is not printed. `sentences` names columns
    that are translated sentence by sentence, `verbatim` those that are not translated. Shows the frame. Raises ConcordanceError for an unknown id,
    PublishError for a table of another chapter.
    """
    output, publishing = concordance.output(id, "table"), edition.current()
    _check_owner(output, publishing)
    caption = _caption(output, publishing)
    entries = frame.drop(columns=[*sentences, *verbatim]).map(str).stack()
    told = frame[list(sentences)].map(labels.sentences).stack().explode()
    words = [*frame.columns, *entries, *told]
    record = _provenance(output, seeds, publishing) | {
        "messages": sorted({labels.message(word) for word in words} - {None})
    }
    localised = _localised(frame, publishing, sentences, verbatim)
    booktabs = _booktabs(localised, _alignments(frame), output, publishing.language, caption)
    _write(publishing, id, {f"{id}.csv": _csv(frame), f"{id}.tex": booktabs.encode()}, record)
    html_table = localised.to_html(index=False, border=0)
    display({"text/html": html_table, "text/plain": localised.to_string(index=False)}, raw=True)
    display({"text/markdown": f"*{caption}*", "text/plain": caption}, raw=True)


def claim(id, *, stated, measured, verdict, seeds=()):
    """Record what became of a claim of the thesis, and show it as a box.

    `stated` is what the thesis says, `measured` what the code found, `verdict` one of "holds",
    "holds with a condition" and "corrected", `seeds` those of the runs behind it. Raises ConcordanceError for an unknown id, and
    PublishError for a claim of another chapter or a verdict other than the concordance's, which is judged
    in builds at default scale only: other numbers or photos may find another one.
    """
    entry, publishing = concordance.claim(id), edition.current()
    _check_owner(entry, publishing)
    judged = publishing.chapter is not None and publishing.scale == "default"
    if judged and verdict != entry.verdict:
        raise PublishError(
            f"The verdict on {id} is now '{verdict}'; the concordance has '{entry.verdict}'. Measured: {measured}"
        )
    lines = {"The thesis": stated, "Measured": measured, "Verdict": verdict}
    lines |= {"Source": entry.source} if entry.source else {}
    text = "\n".join(
        [f"Claim, section {entry.section}", *(f"{name}: {line}" for name, line in lines.items())]
    )
    record = {"section": entry.section, "stated": stated, "measured": measured, "verdict": verdict}
    record["source"] = entry.source
    _write(publishing, id, {}, _provenance(entry, seeds, publishing) | record)
    display({"text/html": _claim_box(text, VERDICT_COLOURS[verdict]), "text/plain": text}, raw=True)


def _claim_box(text, colour):
    """Return a claim as HTML, its lines below each other beside a bar of a colour."""
    lines = [
        f"<b>{line}</b>" if line.startswith(("Claim", "Verdict")) else line
        for line in html.escape(text).splitlines()
    ]
    return f'<div style="border-left: 4px solid {colour}; padding: 0.2em 1em">{"<br>".join(lines)}</div>'
