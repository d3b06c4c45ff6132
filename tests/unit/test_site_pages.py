"""The pages of the website, as the files that Sphinx reads."""

import json

import pytest

from lib import concordance, site
from lib.concordance import Chapter, Claim, Output
from lib.site import pages

SCRIPT = "<script>alert(1)</script>"


def test_the_concordance_says_what_is_stale_and_why():
    chapters = concordance.chapters()
    manifest = {"outputs": {o.id: {"cell": "a-cell"} for chapter in chapters for o in chapter.outputs}}
    states = {chapter.notebook: None for chapter in chapters} | {"02_1_neuron": "its code changed"}
    rows = {row["output"]: row for row in pages.concordance_rows(chapters, manifest, states)}
    assert rows["fig_01_neuron"]["state"] == "stale: its code changed"
    assert rows["fig_02_stride"]["state"] == "fresh"


def test_no_text_or_name_becomes_html(tmp_path, monkeypatch):
    texts = {"en": SCRIPT, "de": SCRIPT}
    output = Output("fig_a", "figure", SCRIPT, "a", caption=texts, number=SCRIPT)
    chapter = Chapter("2.1", "a", texts, (), (output,), (Claim("claim_a", "2.1", "a", "holds"),), {})
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": []}))
    monkeypatch.setattr(concordance, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(concordance, "chapters", lambda: (chapter,))
    monkeypatch.setattr(pages, "FIGURES", tmp_path / "figures")
    for folder in ("figures", "site"):
        (tmp_path / folder).mkdir()
    record = {name: {SCRIPT: SCRIPT} for name in ("data", "versions")}
    record |= {"cell": SCRIPT, "seeds": [SCRIPT], "files": {f"{SCRIPT}.{SCRIPT}": ""}}
    claim = dict.fromkeys(("section", "stated", "measured", "verdict"), SCRIPT)
    manifest = {"outputs": {"fig_a": record}, "claims": {"claim_a": claim}}
    pages.write(tmp_path / "site", manifest, {"a": SCRIPT})
    written = "".join(path.read_text() for path in (tmp_path / "site").rglob("*.md"))
    assert "&lt;script&gt;alert(1)" in written
    assert "<script" not in written


@pytest.mark.parametrize("content", [None, "<<<<<<< HEAD\n"])
def test_a_manifest_that_cannot_be_read_is_told(tmp_path, monkeypatch, content):
    monkeypatch.setattr(site, "ROOT", tmp_path)
    (tmp_path / "figures").mkdir()
    if content:
        (tmp_path / "figures/manifest.json").write_text(content)
    with pytest.raises(site.SiteError, match=r"figures/manifest\.json cannot be read; .* makes it anew"):
        site.build(tmp_path / "site", {}, tmp_path / "work")
