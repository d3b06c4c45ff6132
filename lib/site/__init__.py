"""The website: chapters with their outputs, gallery, claims, concordance, as static pages that need no network.

`build` renders the committed notebooks, which are not executed again, and the published results
beside them, with Sphinx and MyST-NB.
"""

import json
import shutil
from importlib.resources import files
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.console import nocolor

from lib.concordance import ROOT
from lib.site import pages
from lib.site.pages import SiteError


def build(site, states, work=ROOT / "build" / "site-source"):
    """Write the website into the folder `site`, in place of what was there.

    `states` has, for each notebook, why it is stale, or None. `work` is a folder for what Sphinx
    reads. Raises SiteError where there is no manifest, and where Sphinx warns of anything, a link that leads nowhere
    for instance.
    """
    try:
        manifest = json.loads((ROOT / "figures" / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise SiteError("figures/manifest.json cannot be read; `python run_all.py` makes it anew.") from None
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(files("lib.site") / "static", work / "_static")
    pages.write(work, manifest, states)
    unfinished = site.with_name(f".{site.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    warnings = work / "warnings.txt"
    nocolor()
    with open(warnings, "w", encoding="utf-8") as log, open(work / "log.txt", "w", encoding="utf-8") as quiet:
        app = Sphinx(
            srcdir=work,
            confdir=files("lib.site"),
            outdir=unfinished,
            doctreedir=work / "_build",
            buildername="html",
            status=quiet,
            warning=log,
            confoverrides={"html_static_path": [str(work / "_static")]},
        )
        app.build()
    if found := warnings.read_text(encoding="utf-8").strip():
        raise SiteError(
            f"Sphinx warns of {len(found.splitlines())} things, first of all: {found.splitlines()[0]}"
        )
    shutil.rmtree(site, ignore_errors=True)
    Path(unfinished).rename(site)
