import importlib.util
import shutil

import pytest

from lib import concordance
from lib.concordance import ConcordanceError

ENTRIES = [entry for chapter in concordance.chapters() for entry in chapter.outputs + chapter.claims]
OUTPUTS = [output for chapter in concordance.chapters() for output in chapter.outputs]


def error_of(function, *arguments):
    with pytest.raises(ConcordanceError) as error:
        function(*arguments)
    return str(error.value)


@pytest.mark.parametrize("chapter", concordance.chapters(), ids=lambda chapter: chapter.notebook)
def test_the_notebook_of_a_chapter_exists(chapter):
    assert chapter.path.is_file()


def test_every_notebook_belongs_to_one_chapter():
    owned = sorted(chapter.path.name for chapter in concordance.chapters())
    assert owned == sorted(path.name for path in concordance.NOTEBOOKS.glob("*.ipynb"))


def test_no_notebook_has_two_chapters():
    notebooks = [chapter.notebook for chapter in concordance.chapters()]
    assert len(notebooks) == len(set(notebooks))


def test_no_number_of_the_thesis_is_given_twice():
    numbers = [output.number for output in OUTPUTS if output.number]
    assert len(numbers) == len(set(numbers))


def test_chapters_are_in_the_order_of_the_thesis():
    sections = [list(map(int, chapter.section.split("."))) for chapter in concordance.chapters()]
    assert sections == sorted(sections)


def test_ids_are_unique():
    ids = [entry.id for entry in ENTRIES]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("chapter", concordance.chapters(), ids=lambda chapter: chapter.notebook)
def test_a_chapter_owes_its_outputs_and_claims(chapter):
    assert chapter.owed == {entry.id for entry in ENTRIES if entry.notebook == chapter.notebook}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.id)
def test_an_output_has_a_caption(output, language):
    assert output.caption[language].strip().endswith(".")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("chapter", concordance.chapters(), ids=lambda chapter: chapter.notebook)
def test_a_chapter_has_a_title(chapter, language):
    assert chapter.title[language].strip()


@pytest.mark.parametrize("chapter", concordance.chapters(), ids=lambda chapter: chapter.notebook)
def test_the_data_of_a_chapter_is_a_folder_that_is_shipped(chapter):
    assert all((concordance.ROOT / "data" / name).is_dir() for name in chapter.data)


# Names


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.id)
def test_an_output_is_found_by_its_id_and_kind(output):
    assert concordance.output(output.id, output.kind) is output


def test_a_claim_is_found_by_its_id():
    assert concordance.claim("claim_01_tanh").verdict == "corrected"


def test_a_claim_stands_where_it_says_else_in_its_chapter():
    sections = [concordance.claim(id).section for id in ("claim_06_output_size", "claim_07_stride_order")]
    assert sections == ["5.2", "3.1.2"]


def test_a_table_is_no_figure():
    assert error_of(concordance.output, "tab_01_stride", "figure").startswith(
        "There is no figure 'tab_01_stride'. "
    )


def test_an_unknown_id_gives_the_nearest_one():
    message = error_of(concordance.output, "fig_1_neuron", "figure")
    assert message.startswith("There is no figure 'fig_1_neuron'. Did you mean fig_01_neuron")


def test_an_unknown_claim_gives_the_nearest_one():
    message = error_of(concordance.claim, "claim_tanh")
    assert message.startswith("There is no claim 'claim_tanh'. Did you mean claim_01_tanh")


def test_of_more_names_than_a_sentence_can_hold_none_is_given():
    assert concordance.unknown("chapter", "§", [f"x{number}" for number in range(99)]) == (
        "There is no chapter '§'. `python run_all.py --list` shows what there is."
    )


def test_a_name_that_is_near_to_none_gives_all():
    assert concordance.unknown("format", "xyz", ["pdf", "png"]) == (
        "There is no format 'xyz'. Known are: pdf, png."
    )


@pytest.mark.parametrize(
    "name", ["3.1.2", "03_1_2_convolution", "fig_02_stride", "tab_01_stride", "claim_06_output_size"]
)
def test_a_chapter_is_found_by_section_notebook_or_what_it_owes(name):
    assert [chapter.notebook for chapter in concordance.find_chapters([name])] == ["03_1_2_convolution"]


def test_found_chapters_are_in_the_order_of_the_thesis_and_come_once():
    found = concordance.find_chapters(["5.1", "fig_01_neuron", "02_1_neuron"])
    assert [chapter.section for chapter in found] == ["2.1", "5.1"]


def test_a_section_means_all_its_notebooks():
    found = concordance.find_chapters(["5.2"])
    assert [chapter.notebook for chapter in found] == ["05_2_convolution_kinds", "05_2_convolution_cost"]


def test_no_names_mean_all_chapters():
    assert concordance.find_chapters([]) == list(concordance.chapters())


def test_an_unknown_chapter_gives_the_nearest_one():
    message = error_of(concordance.find_chapters, ["03_1_2_convolutions"])
    assert message.startswith(
        "There is no chapter or output '03_1_2_convolutions'. Did you mean 03_1_2_convolution"
    )


# A concordance that cannot be right


CHAPTER = """
[[chapter]]
section = "9.9"
notebook = "09_9_nothing"
title = {en = "Nothing", de = "Nichts"}
"""
FIGURE = '[[chapter.figure]]\nid = "fig_99"\ncaption = {en = "None.", de = "Keine."}\n'


@pytest.fixture
def concordance_of(tmp_path):
    """Return a function that returns the module lib.concordance as it is with another toml file."""

    def load(text):
        copy = shutil.copy(concordance.__file__, tmp_path / "other_concordance.py")
        (tmp_path / "other_concordance.toml").write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("other_concordance", copy)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize(("line", "expected"), [("", 1e-5), ("tolerance = 0.02", 0.02)])
def test_tolerance_is_small_where_none_is_given(concordance_of, line, expected):
    other = concordance_of(CHAPTER + FIGURE + line)
    assert other.output("fig_99", "figure").tolerance == expected


def test_an_id_given_twice_is_refused(concordance_of):
    other = concordance_of(CHAPTER + FIGURE + FIGURE)
    with pytest.raises(other.ConcordanceError, match="The concordance has the id 'fig_99' 2 times"):
        other.chapters()


def test_an_unknown_verdict_is_refused(concordance_of):
    other = concordance_of(CHAPTER + '[[chapter.claim]]\nid = "claim_99"\nverdict = "true"\n')
    with pytest.raises(
        other.ConcordanceError,
        match="The verdict of claim_99 is 'true'; it has to be one of holds, holds with a condition, corrected",
    ):
        other.chapters()
