"""Which stored runs each chapter used, so that the others can be removed.

build/used/RESULTS FOLDER/NOTEBOOK.json has the keys of the runs of a chapter's last complete build.
While it is built, and when that fails, those it has asked for since lie beside it, in NOTEBOOK.new.json.
"""

import json

from lib.build.execute import BUILD
from lib.concordance import ROOT

USED = BUILD / "used"


def unsettled(folder, chapter):
    """Return the file in which a chapter notes its runs while it is built into a results `folder`."""
    path = USED / folder.relative_to(ROOT) / f"{chapter.notebook}.new.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def settle(folder, chapter):
    """Forget the runs of a chapter's earlier builds: its last one, which has just succeeded, counts."""
    noted = unsettled(folder, chapter)
    complete = noted.with_name(f"{chapter.notebook}.json")
    if noted.exists():
        noted.replace(complete)
    else:
        complete.unlink(missing_ok=True)


class NoteDamaged(Exception):
    """A note of which runs a chapter used that cannot be read."""


def used():
    """Return {key: notebooks} of the stored runs that the last builds used, also those that failed.

    Raises NoteDamaged where that cannot be told.
    """
    keys = {}
    for path in sorted(USED.rglob("*.json")):
        try:
            noted = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            name = path.relative_to(ROOT).as_posix()
            raise NoteDamaged(
                f"{name} is damaged; build its chapter with --fresh, or remove the file."
            ) from None
        for key in noted:
            keys.setdefault(key, {})[path.name.partition(".")[0]] = None
    return {key: list(notebooks) for key, notebooks in keys.items()}
