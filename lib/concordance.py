"""Typed access to concordance.toml: which chapter owes which figure, table and claim."""

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
FEW = 40  # names that a sentence can hold
VERDICTS = ("holds", "holds with a condition", "corrected")


class ConcordanceError(Exception):
    """A name that the concordance does not know, or an entry in it that cannot be right."""


@dataclass(frozen=True)
class Output:
    """A figure or a table: its id, thesis number, captions by language, and the chapter that owes it.

    `timed` names the columns that hold measured times, which no rebuild can repeat, `free` those of single runs,
    which another processor may change, and `chosen` those of settings that training chose: where another
    processor makes it choose otherwise, the row is of something else.
    """

    id: str
    kind: str
    section: str
    notebook: str
    caption: dict
    short: dict | None = None
    number: str | None = None
    tolerance: float = 1e-5
    timed: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()

    def short_caption(self, language):
        """Return the short caption for lists of figures: the one that is given, or how the caption begins."""
        if self.short:
            return self.short[language]
        return re.split(r"(?<!\d)[.:] |[.:] (?=\()|\.$", self.caption[language])[0]


@dataclass(frozen=True)
class Claim:
    """A checkable sentence of the thesis: where it stands, who checks it, and the verdict found so far.

    `source` says of a corrected one where the right statement stands.
    """

    id: str
    section: str
    notebook: str
    verdict: str
    source: str = ""


@dataclass(frozen=True)
class Chapter:
    """A notebook, the section of the thesis that it mirrors, and all that it owes.

    `quick` has the values that its parameters get at quick scale. One that is `last` is built when all
    others are, from what they recorded.
    """

    section: str
    notebook: str
    title: dict
    data: tuple[str, ...]
    outputs: tuple[Output, ...]
    claims: tuple[Claim, ...]
    quick: dict
    last: bool = False

    @property
    def path(self):
        """The notebook's file."""
        return NOTEBOOKS / f"{self.notebook}.ipynb"

    @property
    def owed(self):
        """Ids of everything that the notebook has to publish, as a set."""
        return {entry.id for entry in self.outputs + self.claims}


def _chapter(entry):
    of_chapter = {"section": entry["section"], "notebook": entry["notebook"]}
    outputs = tuple(
        Output(kind=kind, **of_chapter, **output)
        for kind in ("figure", "table")
        for output in entry.get(kind, ())
    )
    claims = tuple(Claim(**of_chapter | claim) for claim in entry.get("claim", ()))
    for claim in claims:
        if claim.verdict not in VERDICTS:
            raise ConcordanceError(
                f"The verdict of {claim.id} is '{claim.verdict}'; it has to be one of {', '.join(VERDICTS)}."
            )
        if claim.verdict == "corrected" and not claim.source:
            raise ConcordanceError(
                f"{claim.id} is corrected; its source is missing: where does what is right stand?"
            )
    return Chapter(
        title=entry["title"],
        data=tuple(entry.get("data", ())),
        outputs=outputs,
        claims=claims,
        quick=entry.get("quick", {}),
        last=entry.get("last", False),
        **of_chapter,
    )


@cache
def chapters():
    """Return all chapters in the order of the thesis.

    Raises ConcordanceError where concordance.toml cannot be read, an id is given twice, or a verdict
    is none of VERDICTS or corrects without a source.
    """
    try:
        text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
        found = tuple(_chapter(entry) for entry in tomllib.loads(text)["chapter"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConcordanceError(f"lib/concordance.toml cannot be read: {error}.") from None
    ids = [entry.id for chapter in found for entry in chapter.outputs + chapter.claims]
    for id in ids:
        if ids.count(id) > 1:
            raise ConcordanceError(f"The concordance has the id '{id}' {ids.count(id)} times.")
    return found


def unknown(kind, name, known):
    """Return the sentence for a name that is not among `known`, with the nearest ones."""
    begun = [candidate for candidate in known if candidate.startswith(name)]
    near = begun[:3] or difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known are: {', '.join(known[:FEW])}."
    if not near and len(known) > FEW:
        hint = "`python run_all.py --list` shows what there is."
    return f"There is no {kind} '{name}'. {hint}"


def _entry(kind, id, entries):
    by_id = {entry.id: entry for entry in entries}
    if id not in by_id:
        raise ConcordanceError(unknown(kind, id, list(by_id)))
    return by_id[id]


def output(id, kind):
    """Return the Output of this id and kind ('figure' or 'table'); ConcordanceError if there is none."""
    return _entry(kind, id, [o for chapter in chapters() for o in chapter.outputs if o.kind == kind])


def claim(id):
    """Return the Claim of this id; ConcordanceError if there is none."""
    return _entry("claim", id, [claim for chapter in chapters() for claim in chapter.claims])


def find_chapters(names):
    """Return the chapters that `names` mean, in the order of the thesis; all of them for no names.

    A name is a section ("3.1.2", or "3.1" for all in it), a notebook ("03_1_2_convolution") or the id of an output or claim.
    Raises ConcordanceError with the nearest names for any other.
    """
    means = {}
    for chapter in chapters():
        numbers = chapter.section.split(".")
        sections = {".".join(numbers[:depth]) for depth in range(1, len(numbers) + 1)}
        for name in {*sections, chapter.notebook, *chapter.owed}:
            means.setdefault(name, set()).add(chapter.notebook)
    for name in names:
        if name not in means:
            raise ConcordanceError(unknown("chapter or output", name, list(means)))
    wanted = set().union(*(means[name] for name in names))
    return [chapter for chapter in chapters() if not names or chapter.notebook in wanted]
