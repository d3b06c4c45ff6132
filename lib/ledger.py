"""The ledger of claims: what the chapters found out about the thesis's sentences. Thesis, all sections."""

import json
from pathlib import Path

import pandas as pd

from lib import concordance, edition
from lib.concordance import ROOT

KEYS = ("section", "stated", "measured", "verdict", "source", "notebook", "cell")


class LedgerError(Exception):
    """A claim that no chapter has recorded, or not with all that belongs to it."""


def claims():
    """Return a frame with a row a claim, in the order of the thesis's sections.

    Its columns are claim (the id), section, stated, measured, verdict, source, notebook and cell. It is read from the
    results that are being built, or from figures/ where none are. Raises LedgerError for a claim of the
    concordance that no chapter has recorded.
    """
    folder = Path(edition.current().results or ROOT / "figures")
    path = folder / "manifest.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))["claims"] if path.exists() else {}
    owed = [claim for chapter in concordance.chapters() for claim in chapter.claims]
    if missing := [claim.id for claim in owed if not recorded.get(claim.id, {}).keys() >= set(KEYS)]:
        raise LedgerError(
            f"No chapter has recorded {', '.join(missing)}: build the chapters that owe them first."
        )
    rows = [{"claim": claim.id} | {key: recorded[claim.id][key] for key in KEYS} for claim in owed]
    return pd.DataFrame(rows).sort_values("section", key=lambda numbers: numbers.map(_parts), kind="stable")


def _parts(section):
    return [int(part) for part in section.split(".")]
