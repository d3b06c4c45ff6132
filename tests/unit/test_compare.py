"""What `run_all.py --check` takes for the same numbers: means within the noise of their seeds."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lib import checksums, long_form
from lib.build import compare
from lib.concordance import ROOT, Claim, Output

RATES = (0.01, 0.1, 1.0)


def trained(shift=0.0, generator=None):
    """Return a frame as an experiment over five seeds publishes it; its accuracies scatter by 0.02."""
    generator = generator or np.random.default_rng(0)
    rows = [
        ("MNIST", rate, seed, 1000, 0.9 - 0.1 * rate + shift + generator.normal(scale=0.02))
        for rate in RATES
        for seed in range(5)
    ]
    columns = ["data", "rate", "seed", "parameters", "accuracy"]
    return pd.DataFrame(rows, columns=columns).map(str)


def test_the_noise_of_other_seeds_is_accepted():
    for again in range(1, 50):
        (_, relative), (_, errors) = compare.differences(
            trained(), trained(generator=np.random.default_rng(again))
        )
        assert relative == 0
        assert 0 < errors < compare.STANDARD_ERRORS


def many(generator):
    """Return a frame of two data sets with ten settings each; the accuracies of one scatter ten times as much."""
    rows = [
        (data, f"way {setting}", seed, 0.9 + generator.normal(scale=scale))
        for data, scale in (("MNIST", 0.005), ("photos", 0.05))
        for setting in range(10)
        for seed in range(5)
    ]
    return pd.DataFrame(rows, columns=["data", "way", "seed", "accuracy"]).map(str)


def test_one_setting_that_fails_is_found_among_many_that_do_not():
    first, second = many(np.random.default_rng(0)), many(np.random.default_rng(1))
    assert compare.differences(first, second)[1][1] < compare.STANDARD_ERRORS
    failed = second["data"].eq("MNIST") & second["way"].eq("way 3")
    second.loc[failed, "accuracy"] = (second["accuracy"].astype(float)[failed] - 0.1).map(str)
    assert compare.differences(first, second)[1][1] > compare.STANDARD_ERRORS


def test_a_shift_of_every_run_by_four_times_the_noise_is_not():
    _, (column, errors) = compare.differences(trained(), trained(shift=0.08))
    assert column == "accuracy"
    assert errors > compare.STANDARD_ERRORS


def test_what_does_not_depend_on_the_seed_has_to_be_the_same():
    other = trained().assign(parameters="1001")
    (column, relative), _ = compare.differences(trained(), other)
    assert column == "parameters"
    assert relative == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("columns", "row"),
    [(["way", "test %", "test ±"], ["a", "80", "5"]), (["way", "test %"], ["a", "80 ± 5"])],
)
def test_a_mean_beside_its_spread_is_compared_in_standard_errors(columns, row):
    first, second = (
        pd.DataFrame([row], columns=columns),
        pd.DataFrame([[*row[:1], row[1].replace("80", "85"), *row[2:]]], columns=columns),
    )
    relative, errors = compare.differences(first, second, seeds=8)
    assert relative[1] == 0
    assert errors == ("test %", pytest.approx(2.0))


def test_measured_times_are_left_out():
    first, second = trained().assign(seconds="1.5"), trained().assign(seconds="9.5")
    assert compare.differences(first, second, leaving_out=["seconds"])[0][1] == 0
    slower, faster = trained().assign(seconds="slower"), trained().assign(seconds="faster")
    assert compare.differences(slower, faster, leaving_out=["seconds"])[0][1] == 0
    with pytest.raises(compare.Differs, match="'faster' in place of 'slower'"):
        compare.differences(slower, faster)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda frame: frame[:-1], "there are other rows or columns"),
        (lambda frame: frame.rename(columns={"rate": "size"}), "there are other rows or columns"),
        (lambda frame: frame.replace("MNIST", "photos"), "the column data has 'photos' in place of 'MNIST'"),
        (lambda frame: frame.replace({"seed": {"1": "7"}}), "the column seed has '7' in place of '1'"),
        (lambda frame: frame.replace("1000", "nan"), "the column parameters has 'nan' in place of '1000'"),
    ],
)
def test_other_rows_settings_and_words_are_told(change, sentence):
    with pytest.raises(compare.Differs) as error:
        compare.differences(trained(), change(trained()))
    assert str(error.value) == sentence


def published():
    return sorted((ROOT / "figures").glob("*.csv"))


def nudged(frame, share):
    """Return a frame in which every number with a decimal point is larger by a share."""

    def nudge(text):
        return (
            f"{float(text) * (1 + share):.6g}"
            if long_form.is_number(text) and "." in text and "±" not in text
            else text
        )

    return frame.map(nudge)


@pytest.mark.parametrize("path", published(), ids=lambda path: path.stem)
def test_the_low_bits_of_another_processor_are_no_difference(path):
    frame = long_form.read(path)
    (_, relative), (_, errors) = compare.differences(frame, nudged(frame, 1e-5), seeds=3)
    assert relative < 3e-5
    assert errors < 0.1


def test_another_setting_is_a_difference():
    with pytest.raises(compare.Differs, match=r"the column rate has 0\.02 in place of 0\.01"):
        compare.differences(trained(), trained().replace("0.01", "0.02"))


@pytest.mark.parametrize(("share", "expected"), [(1.0, 0.8 / 1e6), (1e-4, 0.8 / 100), (1e-6, 0.8)])
def test_a_number_is_measured_by_itself_and_a_share_of_the_largest_of_its_column(share, expected):
    first = pd.DataFrame({"what": ["weights", "accuracy"], "value": ["1000000", "1"]})
    (column, relative), _ = compare.differences(first, first.replace("1", "0.2"), share=share)
    assert (column, relative) == ("value", pytest.approx(expected))


@pytest.mark.parametrize("swapped", [False, True])
def test_a_spread_that_is_lost_is_told(swapped):
    frame = trained()
    means = frame["accuracy"].astype(float).groupby(frame["rate"]).transform("mean").map(str)
    pair = frame, frame.assign(accuracy=means)
    with pytest.raises(compare.Differs, match="the column accuracy does not scatter as it did"):
        compare.differences(*(reversed(pair) if swapped else pair))


def test_a_value_where_there_was_none_is_told():
    frame = pd.DataFrame({"way": ["a", "b"], "loss": ["1.5", "2.5"], "accuracy": ["0.9", ""]})
    with pytest.raises(compare.Differs, match="the column accuracy is empty in other rows"):
        compare.differences(frame, frame.replace("", "0"))


def test_the_standard_errors_are_those_of_the_difference_of_two_means():
    """Three seeds of standard deviation 1 each: √(2/3); a half width of 1 with three: √2 / 4.30."""
    seeds = pd.DataFrame({"way": "a", "seed": ["0", "1", "2"], "loss": ["1.0", "2.0", "3.0"]})
    shifted = seeds.assign(loss=["2.0", "3.0", "4.0"])
    assert compare.differences(seeds, shifted)[1] == ("loss", pytest.approx(1.5**0.5))
    paired = pd.DataFrame({"way": ["a"], "difference": ["5.5"], "half width": ["1.5"]})
    expected = 4.3027 / (1.5 * 2**0.5)
    found = compare.differences(paired, paired.replace("5.5", "6.5"), seeds=3)[1]
    assert found == ("difference", pytest.approx(expected, rel=1e-4))


def publish(folder, numbers, **settings):
    """Write a figure into a results folder as a chapter does, with a number for each of two seeds."""
    folder.mkdir()
    settings = {"caption": "A line", "size": (40, 30), "seeds": [0, 1]} | settings
    title = PngInfo()
    title.add_text("Title", settings["caption"])
    Image.new("RGB", settings["size"], "white").save(folder / "fig.png", pnginfo=title)
    ways = {"a": 0.1, "b": settings.get("chosen", 0.1)}
    rows = [
        f"{way},{rate},{seed},{numbers[seed] + settings.get('worse', 0) * (way == 'b')}\n"
        for way, rate in ways.items()
        for seed in settings["seeds"]
    ]
    (folder / "fig.csv").write_text("way,rate,seed,loss\n" + "".join(rows))
    files = {name: checksums.of_file(folder / name) for name in ("fig.png", "fig.csv")}
    record = {"files": files, "seeds": settings["seeds"]}
    (folder / "manifest.json").write_text(json.dumps({"outputs": {"fig": record}, "claims": {}}))


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({}, "within tolerance (numbers differ by 0.0e+00, means over seeds by 0.1 standard errors)"),
        ({"caption": "A curve"}, "DIFFERENT: fig.png has another caption"),
        ({"size": (41, 30)}, "DIFFERENT: fig.png has another size"),
        ({"seeds": [1, 0]}, "DIFFERENT: the seeds are [1, 0] in place of [0, 1]"),
        ({"worse": 9}, "DIFFERENT: the column loss differs by 9.1 standard errors, more than 2.5"),
        ({"chosen": 0.3}, "DIFFERENT: the column rate differs by 2, more than 1e-05"),
    ],
)
def test_what_trains_keeps_its_seeds_and_the_frame_of_its_picture(tmp_path, changes, result):
    publish(tmp_path / "first", (1.0, 2.0))
    publish(tmp_path / "second", (1.1, 2.1), **changes)
    figure = Output("fig", "figure", "1.1", "one", {"en": "A line"})
    assert compare.output(figure, tmp_path / "first", tmp_path / "second") == result


def test_where_training_chose_something_else_the_rows_are_not_compared(tmp_path):
    publish(tmp_path / "first", (1.0, 2.0))
    publish(tmp_path / "second", (1.1, 2.1), chosen=0.3, worse=9)
    figure = Output("fig", "figure", "1.1", "one", {"en": "A line"}, chosen=("rate",))
    assert compare.output(figure, tmp_path / "first", tmp_path / "second") == (
        "within tolerance (numbers differ by 0.0e+00, means over seeds by 0.1 standard errors, "
        "another choice in 2 of 4 rows)"
    )


def test_another_choice_in_most_rows_is_a_difference(tmp_path):
    publish(tmp_path / "first", (1.0, 2.0))
    publish(tmp_path / "second", (1.1, 2.1))
    figure = Output("fig", "figure", "1.1", "one", {"en": "A line"}, chosen=("loss",))
    assert compare.output(figure, tmp_path / "first", tmp_path / "second") == (
        "DIFFERENT: training chose something else in 4 of 4 rows"
    )


def test_what_stands_beside_a_single_run_is_compared(tmp_path):
    publish(tmp_path / "first", (1.0, 2.0))
    publish(tmp_path / "second", (1.1, 2.1), chosen=0.3)
    publish(tmp_path / "third", (1.1, 2.1), chosen=0.3, worse=9)
    figure = Output("fig", "figure", "1.1", "one", {"en": "A line"}, free=("rate",))
    assert compare.output(figure, tmp_path / "first", tmp_path / "second") == (
        "within tolerance (numbers differ by 0.0e+00, means over seeds by 0.1 standard errors, "
        "single runs not compared: rate)"
    )
    assert compare.output(figure, tmp_path / "first", tmp_path / "third").startswith(
        "DIFFERENT: the column loss"
    )


@pytest.mark.parametrize("part", ["verdict", "stated", "source", "section", "seeds"])
def test_a_claim_is_the_same_only_with_all_that_belongs_to_it(tmp_path, part):
    record = dict.fromkeys(("verdict", "stated", "source", "section", "seeds", "measured"), "as it is")
    for name, changed in (("first", {}), ("second", {part: "something else"})):
        (tmp_path / name).mkdir()
        manifest = {"outputs": {}, "claims": {"claim": record | changed}}
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest))
    claim = Claim("claim", "1.1", "one", "holds")
    assert compare.claim(claim, tmp_path / "first", tmp_path / "first") == "identical"
    assert compare.claim(claim, tmp_path / "first", tmp_path / "second").startswith("DIFFERENT: ")


def of_seeds(losses):
    return pd.DataFrame({"network": "a", "seed": list("01234"), "loss": [f"{loss:g}" for loss in losses]})


def test_one_seed_that_runs_away_is_no_difference_and_all_of_them_are():
    committed = of_seeds([2.3, 2.4, 2.3, 2.4, 2.5])
    _, (_, errors) = compare.differences(committed, of_seeds([2.4, 7.5, 2.4, 2.5, 2.4]), seeds=5)
    assert errors < 1
    _, (_, errors) = compare.differences(committed, of_seeds([7.4, 7.5, 7.4, 7.5, 7.4]), seeds=5)
    assert errors > 50


def test_another_spread_is_a_difference():
    first = pd.DataFrame({"way": ["a"], "test %": ["80"], "test ±": ["4"]})
    _, (column, errors) = compare.differences(first, first.replace("4", "44"), seeds=5)
    assert column == "test ±"
    assert errors > compare.STANDARD_ERRORS
