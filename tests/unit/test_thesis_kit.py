"""The kit for LaTeX: names of numbers, environments, errors."""

import json

import pytest

from lib import concordance, thesis_kit
from lib.latex import latex

ROWS = [
    ["data", "optimizer", "rate", "final %", "best ±"],
    ["MNIST", "Adam", "0.004", "95.7", "0.4"],
    ["photos", "Adam", "0.004", "51.5", "4.6"],
]


def test_numbers_are_called_by_table_row_and_column():
    named = thesis_kit.numbers("tab_optimizers", ROWS)
    assert named["optimizers.mnist.adam.final-percent"] == "95.7"
    assert named["optimizers.photos.adam.best-spread"] == "4.6"
    assert len(named) == 6


def test_rows_of_one_name_stay_apart():
    named = thesis_kit.numbers("tab_x", [["a", "n"], ["Größe", "1"], ["Größe", "2"]])
    assert named == {"x.groe.n": "1", "x.groe.n.2": "2"} or named == {"x.grosse.n": "1", "x.grosse.n.2": "2"}


def test_a_table_of_numbers_only_is_called_by_its_first_column():
    assert thesis_kit.numbers("tab_x", [["k", "error"], ["5", "0.1"]]) == {"x.5.error": "0.1"}


def test_words_are_no_numbers():
    assert thesis_kit.numbers("tab_x", [["layer", "size", "kind"], ["a", "5", "dense"]]) == {"x.a.size": "5"}


@pytest.mark.parametrize("text", ["50 % of η ≥ 0,5 × 3² − 1 ± 2", "a_b & #1 {x} ~ ^ \\", "Größe „groß“ – ja"])
def test_latex_is_ascii_and_escapes(text):
    written = latex(text)
    assert written.isascii()
    assert "%" not in written.replace("\\%", "")


def test_results_that_lack_an_output_are_named(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"outputs": {}}))
    with pytest.raises(concordance.ConcordanceError, match="lacks fig_01_neuron, "):
        thesis_kit.write(tmp_path / "kit", tmp_path)
    assert not (tmp_path / "kit").exists()
