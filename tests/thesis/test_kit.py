"""The kit in a real LaTeX document: every figure, table and number of it, set without warnings."""

import re
import shutil
import subprocess

import pytest

from lib import thesis_kit
from lib.concordance import ROOT

LATEX = shutil.which("pdflatex")
needs_tex = pytest.mark.skipif(
    not LATEX, reason="pdflatex is not installed: Debian's texlive-latex-extra has it"
)
DOCUMENT = r"""\documentclass[a4paper,11pt]{report}
\usepackage[T1]{fontenc}
\usepackage[ngerman]{babel}
\usepackage[textwidth=16cm,textheight=24cm]{geometry}
\input{kit/results}
\begin{document}
\listoffigures
\listoftables
BODY
\end{document}
"""


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """The kit of the German results where they are built, else English figures and tables with German captions."""
    folder, german = tmp_path_factory.mktemp("thesis") / "kit", ROOT / "figures" / "de"
    thesis_kit.write(folder, german if (german / "manifest.json").exists() else ROOT / "figures")
    return folder


def names(kit, kind):
    lines = (kit / "numbers.csv" if kind == "number" else kit / "results.csv").read_text("utf-8").splitlines()
    return [line.split(",")[1] for line in lines[1:] if line.startswith(f"{kind},")]


def typeset(kit, name, body):
    """Set a document with the kit in its preamble, and return its file and what LaTeX did."""
    document = kit.parent / name
    document.write_text(DOCUMENT.replace("BODY", body), encoding="utf-8")
    command = [LATEX, "-interaction=nonstopmode", "-halt-on-error", name]
    called = subprocess.run(
        command, cwd=kit.parent, capture_output=True, text=True, errors="replace", check=False
    )
    return document, called


@pytest.fixture(scope="module")
def log(kit):
    figures = [rf"\resultfigure{{{name}}}See~\ref{{fig:{name}}}.\clearpage" for name in names(kit, "figure")]
    tables = [rf"\resulttable{{{name}}}See~\ref{{tab:{name}}}.\clearpage" for name in names(kit, "table")]
    numbers = [rf"\result{{{name}}}\space" for name in names(kit, "number")[::10]]  # of more than 40,000
    for _ in range(3):  # the lists, the references, and the columns of long tables need a run each
        document, called = typeset(
            kit, "sample.tex", "\n".join([*figures, *tables, r"\raggedright", *numbers])
        )
        assert called.returncode == 0, called.stdout[-2000:]
    return document.with_suffix(".log").read_text(encoding="latin-1")


@needs_tex
def test_a_document_with_all_of_it_has_no_warnings(log):
    assert re.findall(r"^(?:LaTeX|Package \w+) Warning.*", log, re.MULTILINE) == []


@needs_tex
def test_nothing_reaches_over_the_edge_of_the_text(log):
    too_wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide", log)]
    assert [points for points in too_wide if points > 1] == []


@needs_tex
def test_an_unknown_number_is_an_error_that_names_it(kit):
    _, failed = typeset(kit, "unknown.tex", r"\result{optimizers.sgd.speed}")
    assert failed.returncode != 0
    assert "There is no number 'optimizers.sgd.speed'" in failed.stdout.replace("\n", "")
