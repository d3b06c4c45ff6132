"""The thesis kit: published results as a folder that is dropped into a LaTeX project.

figures/ has the PDFs, tables/ the booktabs tables, results.tex an environment with caption and label
for each of them and a macro for each number, and README.md says how to use them.
"""

import csv
import json
import re
import shutil
import unicodedata

from lib import concordance, labels
from lib.latex import latex

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

`results.csv` lists all names. Figures are made for a text width of 16 cm: do not scale them. The packages graphicx,
array, booktabs, longtable and adjustbox are loaded by `results.tex`. Every figure and table says in `results.csv` which notebook made it.
"""


def _slug(text):
    """Return a text as a name of small ASCII letters, digits and hyphens: "best ±" as "best-spread"."""
    spelled = text.replace("±", "spread").replace("%", "percent").replace("ß", "ss")
    letters = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", letters).strip("-")


def numbers(id, rows):
    """Return {name: text} for the numbers in a table, a list of rows of texts with the header first.

    A name is the table's id without "tab_", what the row is called, that is its leading entries that are no
    numbers (or the first entry), and the column: "optimizers.mnist.adam.final-percent".
    """
    (header, *entries), named = rows, {}
    words = next(
        (n for n in range(len(header)) if any(_is_number(entry[n]) for entry in entries)), len(header)
    )
    for entry in entries:
        called = ".".join(map(_slug, entry[: max(words, 1)]))
        for column, text in list(zip(header, entry, strict=True))[max(words, 1) :]:
            if labels.message(text) is not None:  # words
                continue
            name = base = f"{id.removeprefix('tab_')}.{called}.{_slug(column)}"
            again = 2
            while name in named:
                name, again = f"{base}.{again}", again + 1
            named[name] = text
    return named


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


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
    listed, tex = [], [PREAMBLE.replace("FOLDER", folder.name)]
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
            named = _translated(numbers(output.id, _rows(results / f"{output.id}.csv")), language)
            tex += [f"\\thesisresult@define{{number}}{{{name}}}{{{latex(text)}}}\n" for name, text in named]
            listed += [("number", name, text, output.number or "", output.notebook) for name, text in named]
    (unfinished / "results.tex").write_text("".join(tex) + "\\makeatother\n", encoding="ascii")
    with open(unfinished / "results.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("kind", "name", "value", "thesis number", "notebook"), *listed])
    (unfinished / "README.md").write_text(_readme(folder, listed), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def _rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _translated(named, language):
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
    )
