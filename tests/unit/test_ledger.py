"""The ledger: complete, or a sentence."""

import json

import pytest

from lib import concordance, ledger


@pytest.fixture
def results(tmp_path, publishing_into):
    """A results folder in which every claim of the concordance is recorded."""
    owed = [claim for chapter in concordance.chapters() for claim in chapter.claims]
    record = {"stated": "a", "measured": "b", "source": "", "notebook": "c", "cell": "d"}
    claims = {claim.id: record | {"section": claim.section, "verdict": claim.verdict} for claim in owed}
    (tmp_path / "manifest.json").write_text(json.dumps({"outputs": {}, "claims": claims}))
    publishing_into(results=str(tmp_path))
    return tmp_path


def test_every_claim_is_there_in_the_order_of_the_sections(results):
    sections = [[int(part) for part in section.split(".")] for section in ledger.claims()["section"]]
    assert sections == sorted(sections)
    assert len(sections) == sum(len(chapter.claims) for chapter in concordance.chapters())


def test_a_claim_that_no_chapter_recorded_is_named(results):
    manifest = json.loads((results / "manifest.json").read_text())
    del manifest["claims"]["claim_01_tanh"]
    (results / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ledger.LedgerError, match="No chapter has recorded claim_01_tanh: build"):
        ledger.claims()


def test_a_claim_that_an_older_build_recorded_without_its_source_is_named(results):
    manifest = json.loads((results / "manifest.json").read_text())
    del manifest["claims"]["claim_01_tanh"]["source"]
    (results / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ledger.LedgerError, match="No chapter has recorded claim_01_tanh: build"):
        ledger.claims()
