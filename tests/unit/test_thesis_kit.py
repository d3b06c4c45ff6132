"""The kit for LaTeX: names of numbers, environments, errors."""

import io
import json

import pandas as pd
import pytest

from lib import concordance, thesis_kit
from lib.latex import latex


def frame(text):
    """Return a frame of texts, as a published CSV is read."""
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


def test_numbers_are_called_by_table_row_and_column():
    rows = "data,optimizer,rate,final %,best ±\nMNIST,Adam,0.004,95.7,0.4\nphotos,Adam,0.004,51.5,4.6\n"
    named = thesis_kit.numbers("tab_optimizers", frame(rows))
    assert named["tab_optimizers.mnist.adam.final-percent"] == "95.7"
    assert named["tab_optimizers.photos.adam.best-spread"] == "4.6"
    assert len(named) == 6


def test_rows_of_one_name_stay_apart():
    named = thesis_kit.numbers("tab_x", frame("a,n\nGröße,1\nGröße,2\n"))
    assert named == {"tab_x.grosse.n": "1", "tab_x.grosse.n.2": "2"}


def test_a_table_of_numbers_only_is_called_by_its_first_column():
    assert thesis_kit.numbers("tab_x", frame("k,error\n5,0.1\n")) == {"tab_x.k-5.error": "0.1"}


def test_a_negative_number_in_a_name_is_not_a_positive_one():
    named = thesis_kit.numbers("fig_x", frame("x,y\n-5,0.1\n5,0.2\n"))
    assert named == {"fig_x.x-minus-5.y": "0.1", "fig_x.x-5.y": "0.2"}


def test_words_are_no_numbers():
    assert thesis_kit.numbers("tab_x", frame("layer,size,kind\na,5,dense\n")) == {"tab_x.a.size": "5"}


def test_numbers_over_seeds_have_a_mean_and_a_spread_of_two_digits():
    named = thesis_kit.numbers("exp_x", frame("way,seed,accuracy\na,1,0.5\na,2,0.6\n"))
    assert named == {
        "exp_x.a.seed-1.accuracy": "0.5",
        "exp_x.a.seed-2.accuracy": "0.6",
        "exp_x.a.accuracy.mean": "0.550",
        "exp_x.a.accuracy.spread": "0.071",
    }


def test_seeds_that_agree_have_a_mean_too():
    named = thesis_kit.numbers("exp_x", frame("seed,bits\n1,4\n2,4\n"))
    assert named["exp_x.bits.mean"] == "4.0000"
    assert named["exp_x.bits.spread"] == "0.0000"


def test_greek_letters_are_spelled():
    assert thesis_kit.numbers("exp_x", frame("way,η\nα,1\n")) == {"exp_x.alpha.eta": "1"}


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("61.4", "61{,}4"),
        ("61.40", "61{,}40"),
        ("-1.2", r"\ensuremath{-}1{,}2"),
        ("0.574443", "0{,}5744"),
        ("60965224", "60.965.224"),
        ("1998", "1998"),
        ("1.23457e+06", "1.234.570"),
        ("2.45765e-05", r"\ensuremath{2{,}46\cdot10^{-5}}"),
        ("95.3 ± 2.0", r"95{,}3\ensuremath{\pm}2{,}0"),
        ("0", "0"),
    ],
)
def test_numbers_read_well_in_german(text, tex):
    assert thesis_kit.readable(text) == tex


def test_panels_with_columns_of_their_own_are_called_by_these():
    named = thesis_kit.numbers("exp_x", frame("panel,epoch,loss,k,error\na,1,0.5,,\na,2,0.4,,\nb,,,3,0.1\n"))
    assert named == {
        "exp_x.a.epoch-1.loss": "0.5",
        "exp_x.a.epoch-2.loss": "0.4",
        "exp_x.b.k": "3",
        "exp_x.b.error": "0.1",
    }


@pytest.mark.parametrize("text", ["50 % of η ≥ 0,5 × 3² − 1 ± 2", "a_b & #1 {x} ~ ^ \\", "Größe „groß“ – ja"])
def test_latex_is_ascii_and_escapes(text):
    written = latex(text)
    assert written.isascii()
    assert "%" not in written.replace("\\%", "")


def test_results_that_lack_an_output_are_named(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"outputs": {}}))
    with pytest.raises(concordance.ConcordanceError, match="lack fig_01_neuron, "):
        thesis_kit.write(tmp_path / "kit", tmp_path)
    assert not (tmp_path / "kit").exists()
