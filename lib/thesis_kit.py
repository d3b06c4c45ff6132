"""The thesis kit: published results as a folder that is dropped into a LaTeX project.

figures/ has the PDFs, tables/ the booktabs tables, results.tex an environment with caption and label
for each of them, numbers.tex a macro for each number behind them, and README.md says how to use them.
"""

import csv
import itertools
import json
import math
import re
import shutil
import unicodedata

import pandas as pd

from lib import concordance, long_form
from lib.latex import latex

MOST_ROWS = 2500  # more are pixels or paths, which no text quotes
DIGITS = 4  # of numbers that no chapter has rounded
GREEK = {chr(code): unicodedata.name(chr(code)).split()[-1].lower() for code in range(0x3B1, 0x3CA)}
SPELLED = {"±": "spread", "%": "percent", "ß": "ss", "×": "x"} | GREEK
PREAMBLE = r"""% Made by `python run_all.py --thesis`; changes here are lost.
\usepackage{graphicx,array,booktabs,longtable,adjustbox}
\makeatletter
\newcommand{\thesisresult@find}[2]{%
  \ifcsname thesisresult@#1@#2\endcsname\csname thesisresult@#1@#2\endcsname
  \else\PackageError{results}{There is no #1 '#2'}{Its names are listed in results.csv.}\fi}
\newcommand{\resultfigure}[1]{\thesisresult@find{figure}{#1}}
\newcommand{\resulttable}[1]{\thesisresult@find{table}{#1}}
\newcommand{\result}[1]{\thesisresult@find{number}{#1}}
\newcommand{\thesisresult@define}[2]{\expandafter\def\csname thesisresult@#1@#2\endcsname}
\newcommand{\resultfolder}{FOLDER}
"""
FIGURE = r"""\thesisresult@define{figure}{%(id)s}{\begin{figure}[htbp]\centering
  \includegraphics{\resultfolder/figures/%(id)s.pdf}
  \caption[%(short)s]{%(caption)s}\label{fig:%(id)s}\end{figure}}
"""
TABLE = r"""\thesisresult@define{table}{%(id)s}{\begin{table}[htbp]\centering
  \caption[%(short)s]{%(caption)s}\label{tab:%(id)s}
  \small\setlength{\tabcolsep}{4pt}\begin{adjustbox}{max width=\textwidth}\input{\resultfolder/tables/%(id)s.tex}\end{adjustbox}\end{table}}
"""
LONG_TABLE = r"""\thesisresult@define{table}{%(id)s}{{\footnotesize\input{\resultfolder/tables/%(id)s.tex}}}
"""
README = """# Results for the thesis

Copy this folder beside the main file, as `{name}/`, and write once, in the preamble: `\\input{{{name}/results}}`.

| write | get |
|---|---|
| `\\resultfigure{{{figure}}}` | the figure with its caption; `\\ref{{fig:{figure}}}` refers to it |
| `\\resulttable{{{table}}}` | the table with its caption; `\\ref{{tab:{table}}}` refers to it |
| `\\result{{{number}}}` | the number {value}, as it was computed, in a text or in a formula |

A number is called by its table or figure, its row and its column; results of several seeds also have
`.mean` and `.spread`, rounded to two digits of the spread. Numbers of tables are as the table has them, others have
four digits. Figures of more than {rows} rows (pixels, paths) have none.

`results.csv` lists figures, tables, the numbers of tables, means and spreads, with captions and the notebooks that made
them; `numbers.csv` lists every number. Figures are made for a text width of 16 cm: do not scale them. The packages
graphicx, array, booktabs, longtable and adjustbox are loaded by `results.tex`.
"""


def _slug(text):
    """Return a text as a name of small ASCII letters, digits and hyphens: "best ±" as "best-spread", "η" as "eta"."""
    spelled = "".join(SPELLED.get(letter, letter) for letter in text)
    letters = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", letters).strip("-")


def numbers(id, frame):
    """Return {name: text} for the numbers behind a result, a frame of texts (see long_form).

    A name is the result's id, what the row is called, and the column: "tab_optimizers.mnist.adam.final-percent".
    A row is called by its leading entries that are no numbers, or by the first entry, and by as many further
    entries as tell it from the others ("seed-3", "epoch-10"). Where a row has a seed, there are also mean and
    spread (standard deviation) over seeds.
    """
    named = {}
    for part, keys, values in long_form.panels(frame):
        for row in part.to_dict("records"):
            called = ".".join([id, *(_called(column, row[column]) for column in keys)])
            for column in values:
                if long_form.is_number(row[column]):
                    named[_free(f"{called}.{_slug(column)}", named)] = row[column]
        if "seed" in keys:
            named |= _over_seeds(id, part, [column for column in keys if column != "seed"], values)
    return named


def _called(column, entry):
    """Return an entry that calls a row: words as they are, a number behind its column."""
    if not long_form.is_number(entry):
        return _slug(entry)
    return _slug(f"{column} minus {entry[1:]}" if entry.startswith("-") else f"{column} {entry}")


def _free(name, named):
    """Return a name, or with ".2", ".3" … behind it where it is taken."""
    numbered = itertools.chain([name], (f"{name}.{again}" for again in itertools.count(2)))
    return next(name for name in numbered if name not in named)


def _over_seeds(id, frame, keys, values):
    """Return {name: text} of mean and spread over seeds, rounded to two digits of the spread."""
    named = {}
    for row, group in frame.groupby(keys, sort=False) if keys else [((), frame)]:
        called = ".".join([id, *map(_called, keys, row)])
        for column in values:
            measured = pd.to_numeric(group[column], errors="coerce")
            if measured.count() > 1:
                spread = measured.std()
                decimals = max(1 - math.floor(math.log10(spread)), 0) if spread else DIGITS
                named[f"{called}.{_slug(column)}.mean"] = f"{measured.mean():.{decimals}f}"
                named[f"{called}.{_slug(column)}.spread"] = f"{spread:.{decimals}f}"
    return named


def readable(text):
    """Return a number as TeX that reads well in a German text, in formulas too: 42.362, 0{,}5744, 2{,}5·10⁻⁵."""
    parts = [_one_readable(part) for part in text.split(" ± ")]
    return r"\ensuremath{\pm}".join(parts)


def _one_readable(text):
    value = float(text)
    sign, size = r"\ensuremath{-}" if value < 0 else "", abs(value)
    if size % 1 and "e" in f"{size:.{DIGITS}g}":
        mantissa, exponent = f"{size:.{DIGITS - 1}g}".split("e")
        return rf"{sign}\ensuremath{{{mantissa.replace('.', '{,}')}\cdot10^{{{int(exponent)}}}}}"
    if size % 1 == 0 and ("." not in text or "e" in text):
        grouped = f"{size:,.0f}" if size >= 10_000 else f"{size:.0f}"
        return sign + grouped.replace(",", ".")
    digits = text.lstrip("-") if len(text.lstrip("-0.").replace(".", "")) <= DIGITS else f"{size:.{DIGITS}g}"
    return sign + digits.replace(".", "{,}")


def _tabular(text):
    """Return the tabular environment of a published table without the float around it; None for a longtable."""
    found = re.search(r"\\begin\{tabular\}.*\\end\{tabular\}", text, re.DOTALL)
    return found and found[0] + "\n"


def write(folder, results, language="de"):
    """Write the kit into `folder` from a results folder of that language, in place of what was there.

    Raises ConcordanceError where the results folder lacks an output that the concordance has.
    """
    outputs = [output for chapter in concordance.chapters() for output in chapter.outputs]
    _check_complete(outputs, results, language)
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in ("figures", "tables"):
        (unfinished / part).mkdir(parents=True)
    environments = [_environment(output, results, unfinished, language) for output in outputs]
    loading = "\\input{\\resultfolder/numbers}\\makeatother\n"
    tex = [PREAMBLE.replace("FOLDER", folder.name), *environments, loading]
    (unfinished / "results.tex").write_text("".join(tex), encoding="ascii")
    named = [(name, readable(text), output) for output in outputs for name, text in _numbers(output, results)]
    lines = [f"\\thesisresult@define{{number}}{{{name}}}{{{text}}}\n" for name, text, _ in named]
    (unfinished / "numbers.tex").write_text("".join(lines), encoding="ascii")
    _write_lists(unfinished, outputs, named, language)
    (unfinished / "README.md").write_text(_readme(folder, outputs, named), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def _check_complete(outputs, results, language):
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))["outputs"]
    if missing := [output.id for output in outputs if output.id not in manifest]:
        raise concordance.ConcordanceError(
            f"The results in '{language}' lack {', '.join(missing)}: build them first (run_all.py --lang {language})."
        )


def _environment(output, results, kit, language):
    """Copy an output's files into the kit, and return the macro with its environment, caption and label."""
    fields = {
        "id": output.id,
        "caption": latex(output.caption[language]),
        "short": latex(output.short_caption(language)),
    }
    if output.kind == "figure":
        shutil.copy(results / f"{output.id}.pdf", kit / "figures")
        return FIGURE % fields
    published = (results / f"{output.id}.tex").read_text(encoding="utf-8")
    table = _tabular(published)
    (kit / "tables" / f"{output.id}.tex").write_text(table or published, encoding="utf-8")
    return (TABLE if table else LONG_TABLE) % fields


def _numbers(output, results):
    """Return [(name, text)] for the numbers behind an output; none where it has too many rows."""
    frame = long_form.read(results / f"{output.id}.csv")
    return numbers(output.id, frame).items() if len(frame) <= MOST_ROWS else ()


def _write_lists(kit, outputs, named, language):
    """Write results.csv, what a text mostly quotes, and numbers.csv, every number."""
    listed = [(o.kind, o.id, "", o.number or "", o.short_caption(language), o.notebook) for o in outputs]
    rows = [
        ("number", name, text, o.number or "", o.short_caption(language), o.notebook)
        for name, text, o in named
    ]
    quoted = [row for row in rows if row[1].startswith("tab_") or row[1].endswith((".mean", ".spread"))]
    for name, content in (("results.csv", listed + sorted(quoted, key=_tables_first)), ("numbers.csv", rows)):
        with open(kit / name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                [("kind", "name", "TeX", "thesis number", "caption", "notebook"), *content]
            )


def _tables_first(row):
    return not row[1].startswith("tab_")


def _readme(folder, outputs, named):
    first = {kind: next((o.id for o in outputs if o.kind == kind), "ID") for kind in ("figure", "table")}
    name, value, _ = next((row for row in named if row[0].startswith("tab_")), ("NAME", "", None))
    return README.format(name=folder.name, **first, number=name, value=value, rows=MOST_ROWS)
