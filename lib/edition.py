"""How results are published just now: into which folder, in which language, formats and scale.

run_all.py hands an edition to each notebook through one environment variable. Without it
(JupyterLab, nbval) results go to build/lab/, so that trying something out never touches figures/.
"""

import json
import os
from dataclasses import asdict, dataclass

from lib.concordance import ROOT

VARIABLE = "THESIS_EDITION"


@dataclass(frozen=True)
class Edition:
    """Folder for results, language ("en", "de"), figure formats, scale ("default", "quick", "custom"), and more.

    `chapter` is the notebook that is being built, `data` {name: SHA-256} of what it reads, `parameters` {name: value}
    those that do not have their defaults, `scheduler` the address of the Dask scheduler for its runs, `runs` the
    store of their results in place of build/runs, and `runs_used` the file that notes which ones the chapter
    used. `results` is the folder where what is published ends up, once the chapter is accepted. What is None
    nobody said.
    """

    folder: str = str(ROOT / "build" / "lab")
    language: str = "en"
    formats: tuple[str, ...] = ("pdf", "png")
    scale: str = "default"
    chapter: str | None = None
    scheduler: str | None = None
    data: dict | None = None
    parameters: dict | None = None
    runs: str | None = None
    runs_used: str | None = None
    results: str | None = None

    def environment(self):
        """Return the environment variable that makes `current()` return this edition."""
        return {VARIABLE: json.dumps(asdict(self))}


def current():
    """Return the edition that the environment names, or the one for interactive work."""
    fields = json.loads(os.environ.get(VARIABLE, "{}"))
    if "formats" in fields:
        fields["formats"] = tuple(fields["formats"])
    return Edition(**fields)
