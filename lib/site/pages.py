"""What the website's pages say, as the files that Sphinx reads."""

import csv
import json
import re
import shutil
from importlib.resources import files

from jinja2 import Environment, PackageLoader

from lib import concordance
from lib.concordance import ROOT

PARTS = {
    "2": "Foundations",
    "3": "Convolutional neural networks",
    "4": "Compression",
    "5": "Experiments",
    "6": "The claims",
}
FIGURES = ROOT / "figures"
COLUMNS = (
    "thesis number",
    "section",
    "kind",
    "output",
    "notebook",
    "cell",
    "state",
    "caption",
    "caption (de)",
)


def write(folder, manifest, states):
    """Write all pages into a folder, with the notebooks, the results and the bibliography beside them.

    `manifest` is that of figures/, `states` has {notebook: why it is stale, or None}. Raises SiteError
    where something that the concordance owes has not been published.
    """
    templates = Environment(
        loader=PackageLoader("lib.site"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    chapters = concordance.chapters()
    _check_complete(chapters, manifest)
    shutil.copy(files("lib.site") / "references.bib", folder)
    shutil.copy(ROOT / "LICENSE", folder)
    shutil.copy(ROOT / "data" / "README.md", folder / "data.md")
    shutil.copytree(FIGURES, folder / "_static" / "figures", ignore=shutil.ignore_patterns("de", ".*"))
    for chapter in chapters:
        notebook = with_anchors(chapter, with_alternatives(chapter, _read_json(chapter.path)))
        _write_json(folder / "chapters" / chapter.path.name, with_links(chapters, notebook))
    rows = concordance_rows(chapters, manifest, states)
    with open(folder / "_static" / "concordance.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *(row.values() for row in rows)])
    parts = [
        (title, [chapter for chapter in chapters if chapter.section.split(".")[0] == number])
        for number, title in PARTS.items()
    ]
    known = {
        "parts": [(title, listed) for title, listed in parts if listed],
        "outputs": [output for chapter in chapters for output in chapter.outputs],
        "chapters": {chapter.notebook: chapter for chapter in chapters},
        "records": manifest["outputs"],
        "claims": [(claim, manifest["claims"][claim.id]) for chapter in chapters for claim in chapter.claims],
        "rows": rows,
    }
    for name in ("index", "gallery", "claims", "concordance", "bibliography", "copyright"):
        text = templates.get_template(f"{name}.md").render(known)
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    page = templates.get_template("output.md")
    (folder / "outputs").mkdir()
    for output in known["outputs"]:
        text = page.render(known, output=output, record=manifest["outputs"][output.id])
        (folder / "outputs" / f"{output.id}.md").write_text(text, encoding="utf-8")


class SiteError(Exception):
    """A website that could not be made."""


def _check_complete(chapters, manifest):
    published = manifest["outputs"].keys() | manifest["claims"].keys()
    if missing := sorted(set().union(*(chapter.owed for chapter in chapters)) - published):
        raise SiteError(f"figures/ lacks {', '.join(missing)}: build them first, with run_all.py.")


def concordance_rows(chapters, manifest, states):
    """Return a dictionary with COLUMNS for each output, in the order of the thesis."""
    return [
        dict(
            zip(
                COLUMNS,
                (
                    output.number or "",
                    output.section,
                    output.kind,
                    output.id,
                    output.notebook,
                    manifest["outputs"][output.id]["cell"],
                    f"stale: {states[output.notebook]}" if states[output.notebook] else "fresh",
                    output.caption["en"],
                    output.caption["de"],
                ),
                strict=True,
            )
        )
        for chapter in chapters
        for output in chapter.outputs
    ]


def with_alternatives(chapter, notebook):
    """Return a notebook whose pictures have alternative texts: their short caption, or the heading above them."""
    cells, heading = [], chapter.title["en"]
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            shown = (output.short_caption("en") for output in chapter.outputs if f'"{output.id}"' in source)
            image = {"alt": next(shown, f"Picture: {heading}")}
            cell = cell | {"metadata": cell["metadata"] | {"mystnb": {"image": image}}}
        else:
            heading = (re.findall(r"^#+ (.+)", source, re.MULTILINE) or [heading])[-1]
            heading = re.sub(r"[`*]", "", heading)
        cells.append(cell)
    return notebook | {"cells": cells}


def with_anchors(chapter, notebook):
    """Return a notebook with a target before each cell that publishes something, to be linked to."""
    cells = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        for id in sorted(chapter.owed) if cell["cell_type"] == "code" else ():
            if f'"{id}"' in source:
                cells.append(_markdown(f"anchor-{id}", f'<span id="{id}"></span>'))
        cells.append(cell)
    return notebook | {"cells": cells}


def with_links(chapters, notebook):
    """Return a notebook whose texts link every `output` and `claim` they name, by its number in the thesis."""
    outputs = {output.id: output for chapter in chapters for output in chapter.outputs}
    claims = {claim.id: claim for chapter in chapters for claim in chapter.claims}

    def link(match):
        id = match[1]
        if id in outputs:
            number = outputs[id].number
            return f"[`{id}`](../outputs/{id}.md)" + (f" ({number})" if number else "")
        if id in claims:
            return f'<a href="{claims[id].notebook}.html#{id}"><code>{id}</code></a>'
        return match[0]

    cells = [
        cell | {"source": [re.sub(r"(?<!\[)`(\w+)`", link, "".join(cell["source"]))]}
        if cell["cell_type"] == "markdown"
        else cell
        for cell in notebook["cells"]
    ]
    return notebook | {"cells": cells}


def _markdown(id, text):
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": [text]}


def _read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
