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

from lib import concordance, labels, long_form
from lib.latex import latex

MOST_ROWS = 2000  # more are pixels or paths, which no text quotes
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
  \begin{adjustbox}{max width=\textwidth}\input{\resultfolder/tables/%(id)s.tex}\end{adjustbox}\end{table}}
"""
LONG_TABLE = r"""\thesisresult@define{table}{%(id)s}{{\footnotesize\input{\resultfolder/tables/%(id)s.tex}}}
"""
README = """# Results for the thesis

Copy this folder beside the main file, as `{name}/`, and write once, in the preamble: `\\input{{{name}/results}}`.

| write | get |
|---|---|
| `\\resultfigure{{{figure}}}` | the figure with its caption; `\\ref{{fig:{figure}}}` refers to it |
| `\\resulttable{{{table}}}` | the table with its caption; `\\ref{{tab:{table}}}` refers to it |
| `\\result{{{number}}}` | the number {value}, as it was computed |

A number is called by its table or figure, its row and its column; results of several seeds also have
`.mean` and `.spread`, rounded to two digits of the spread. Figures of more than {rows} rows have none.

`results.csv` lists all names. Figures are made for a text width of 16 cm: do not scale them. The packages graphicx,
array, booktabs, longtable and adjustbox are loaded by `results.tex`. Every figure and table says in `results.csv` which notebook made it.
"""


def _slug(text):
    """Return a text as a name of small ASCII letters, digits and hyphens: "best ±" as "best-spread"."""
    spelled = text.replace("±", "spread").replace("%", "percent").replace("ß", "ss").replace("×", "x")
    letters = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", letters).strip("-")


def numbers(id, frame):
    """Return {name: text} for the numbers behind a result, a frame of texts, as `pandas.read_csv` with dtype=str.

    A name is the result's id (a table's without "tab_"), what the row is called, and the column:
    "optimizers.mnist.adam.final-percent". A row is called by its leading entries that are no numbers, or by the
    first entry, and by as many further entries as tell it from the others ("seed-3", "epoch-10"). Where a row has
    a seed, there are also mean and spread (standard deviation) over seeds.
    """
    base, named = id.removeprefix("tab_"), {}
    for part, keys, values in long_form.panels(frame):
        for row in part.to_dict("records"):
            called = ".".join([base, *(_called(column, row[column]) for column in keys)])
            for column in values:
                if long_form.is_number(row[column]):
                    named[_free(f"{called}.{_slug(column)}", named)] = row[column]
        if "seed" in keys[1:]:
            named |= _over_seeds(base, part, [column for column in keys if column != "seed"], values)
    return named


def _called(column, entry):
    """Return an entry that calls a row: words as they are, a number behind its column."""
    return _slug(f"{column} {entry.replace('-', 'minus ')}" if long_form.is_number(entry) else entry)


def _free(name, named):
    """Return a name, or with ".2", ".3" … behind it where it is taken."""
    numbered = itertools.chain([name], (f"{name}.{again}" for again in itertools.count(2)))
    return next(name for name in numbered if name not in named)


def _over_seeds(base, frame, keys, values):
    """Return {name: text} of mean and spread over seeds, rounded to two digits of the spread."""
    named = {}
    for row, group in frame.groupby(keys, sort=False):
        called = ".".join([base, *map(_called, keys, row)])
        for column in values:
            measured = pd.to_numeric(group[column], errors="coerce")
            if (spread := measured.std()) > 0:
                decimals = max(1 - math.floor(math.log10(spread)), 0)
                named[f"{called}.{_slug(column)}.mean"] = f"{measured.mean():.{decimals}f}"
                named[f"{called}.{_slug(column)}.spread"] = f"{spread:.{decimals}f}"
    return named


def _tabular(text):
    """Return the tabular environment of a published table without the float around it; None for a longtable."""
    found = re.search(r"\\begin\{tabular\}.*\\end\{tabular\}", text, re.DOTALL)
    return found and found[0] + "\n"


def write(folder, results, language="de"):
    """Write the kit into `folder` from a results folder of that language, in place of what was there.

    Raises ConcordanceError where the results folder lacks an output that the concordance has.
    """
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))["outputs"]
    outputs = [output for chapter in concordance.chapters() for output in chapter.outputs]
    if missing := [output.id for output in outputs if output.id not in manifest]:
        raise concordance.ConcordanceError(
            f"{results.name}/ lacks {', '.join(missing)}: build them first (run_all.py --lang {language})."
        )
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in ("figures", "tables"):
        (unfinished / part).mkdir(parents=True)
    listed, defined, tex = [], [], [PREAMBLE.replace("FOLDER", folder.name)]
    for output in outputs:
        caption = output.caption[language]
        fields = {"id": output.id, "caption": latex(caption), "short": latex(output.short_caption(language))}
        listed.append((output.kind, output.id, "", output.number or "", output.notebook))
        if output.kind == "figure":
            shutil.copy(results / f"{output.id}.pdf", unfinished / "figures")
            tex.append(FIGURE % fields)
        else:
            published = (results / f"{output.id}.tex").read_text(encoding="utf-8")
            table = _tabular(published)
            (unfinished / "tables" / f"{output.id}.tex").write_text(table or published, encoding="utf-8")
            tex.append((TABLE if table else LONG_TABLE) % fields)
        for name, text in _numbers(output.id, results, language):
            defined.append(f"\\thesisresult@define{{number}}{{{name}}}{{{latex(text)}}}\n")
            listed.append(("number", name, text, output.number or "", output.notebook))
    tex += [r"\input{\resultfolder/numbers}\makeatother", "\n"]
    (unfinished / "results.tex").write_text("".join(tex), encoding="ascii")
    (unfinished / "numbers.tex").write_text("".join(defined), encoding="ascii")
    with open(unfinished / "results.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("kind", "name", "value", "thesis number", "notebook"), *listed])
    (unfinished / "README.md").write_text(_readme(folder, listed), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def _numbers(id, results, language):
    """Return [(name, text)] for the numbers behind an output, in the language; none where it has too many rows."""
    frame = long_form.read(results / f"{id}.csv")
    named = numbers(id, frame) if len(frame) <= MOST_ROWS else {}
    return [(name, labels.translate(text, language)) for name, text in named.items()]


def _readme(folder, listed):
    first = {
        kind: next((row for row in listed if row[0] == kind), ("", "ID", ""))
        for kind in ("figure", "table", "number")
    }
    return README.format(
        name=folder.name,
        figure=first["figure"][1],
        table=first["table"][1],
        number=first["number"][1],
        value=first["number"][2],
        rows=MOST_ROWS,
    )
