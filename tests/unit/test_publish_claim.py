import json

import pytest

from lib import concordance, publish
from lib.concordance import ConcordanceError

ID = "claim_53_dense_is_convolution"
SENTENCES = {"stated": "Dense is <convolution> & more.", "measured": "Equal if x < 1 & y > 2."}


def test_claim_is_shown_as_a_box_with_its_section_and_verdict(publishing_into, shown):
    publishing_into()
    publish.claim(ID, **SENTENCES, verdict="holds")
    assert "<b>Claim, section 3.1.5</b>" in shown[0]["text/html"]
    assert "<b>Verdict: holds</b>" in shown[0]["text/html"]


def test_a_corrected_claim_shows_where_what_is_right_stands(publishing_into, shown):
    folder = publishing_into()
    publish.claim("claim_01_tanh", **SENTENCES, verdict="corrected")
    assert "<b>Verdict: corrected</b><br>Source: Goodfellow" in shown[0]["text/html"]
    record = json.loads((folder / "claim_01_tanh.record.json").read_text(encoding="utf-8"))
    assert record["source"].startswith("Goodfellow")


def test_claim_is_escaped_in_html_and_whole_in_plain_text(publishing_into, shown):
    publishing_into()
    publish.claim(ID, **SENTENCES, verdict="holds")
    assert "Dense is &lt;convolution&gt; &amp; more." in shown[0]["text/html"]
    assert "Equal if x &lt; 1 &amp; y &gt; 2." in shown[0]["text/html"]
    assert shown[0]["text/plain"] == (
        "Claim, section 3.1.5\nThe thesis: Dense is <convolution> & more.\n"
        "Measured: Equal if x < 1 & y > 2.\nVerdict: holds"
    )


def test_record_has_the_sentence_the_finding_and_the_verdict(publishing_into, shown):
    folder = publishing_into()
    publish.claim(ID, **SENTENCES, verdict="holds")
    record = json.loads((folder / f"{ID}.record.json").read_text(encoding="utf-8"))
    del record["versions"]
    assert record == SENTENCES | {
        "notebook": "03_1_5_fully_connected",
        "cell": "claim-53-dense-is-convolution",
        "section": "3.1.5",
        "data": {},
        "seeds": [],
        "verdict": "holds",
        "source": "",
        "files": {},
    }


def test_every_verdict_has_a_colour():
    assert set(publish.VERDICT_COLOURS) == set(concordance.VERDICTS)


def test_a_verdict_that_changed_is_refused_with_what_was_measured(publishing_into):
    folder = publishing_into(chapter="03_1_5_fully_connected")
    with pytest.raises(publish.PublishError) as error:
        publish.claim(ID, **SENTENCES, verdict="corrected")
    assert str(error.value) == (
        f"The verdict on {ID} is now 'corrected'; the concordance has 'holds'. "
        "Measured: Equal if x < 1 & y > 2."
    )
    assert not folder.exists()


def test_a_claim_of_another_chapter_is_refused(publishing_into):
    publishing_into(chapter="02_1_neuron")
    with pytest.raises(publish.PublishError, match="belongs to the chapter 03_1_5_fully_connected"):
        publish.claim(ID, **SENTENCES, verdict="holds")


def test_an_unknown_claim_is_refused_with_the_nearest_ones(publishing_into):
    publishing_into()
    with pytest.raises(ConcordanceError, match=f"There is no claim 'claim_53_dense'. Did you mean {ID}"):
        publish.claim("claim_53_dense", **SENTENCES, verdict="holds")


@pytest.mark.parametrize("edition", [{}, {"chapter": "03_1_5_fully_connected", "scale": "custom"}])
def test_somebody_who_tries_other_numbers_may_find_another_verdict(publishing_into, shown, edition):
    publishing_into(**edition)
    publish.claim(ID, **SENTENCES, verdict="corrected")
    assert "Verdict: corrected" in shown[0]["text/plain"]
