"""Which columns of a published frame tell its rows apart."""

import io

import pandas as pd

from lib import long_form


def panels(text):
    frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    return [(list(part), keys, values) for part, keys, values in long_form.panels(frame)]


def test_words_and_seed_come_before_numbers():
    (found,) = panels("way,accuracy,seed\na,0.5,1\na,0.5,2\nb,0.5,1\n")
    assert found[1:] == (["way", "seed"], ["accuracy"])


def test_a_setting_tells_rows_apart_before_a_measurement_does():
    rows = "loss,rate,accuracy\n" + "".join(f"{n / 7:.3f},{n % 3 / 4},{n / 9:.3f}\n" for n in range(9))
    assert panels("way," + rows.replace("\n", "\na,", 9)[:-2])[0][1][:2] == ["way", "rate"]


def test_a_column_that_tells_nothing_apart_is_a_value():
    (found,) = panels("layer,weights,epoch,kept\na,100,1,50\na,100,2,40\nb,200,1,50\nb,200,2,40\n")
    assert found[1:] == (["layer", "epoch"], ["weights", "kept"])


def test_panels_have_the_columns_that_they_fill():
    found = panels("panel,epoch,loss,k,error\na,1,0.5,,\na,2,0.4,,\nb,,,3,0.1\n")
    assert [columns for columns, _, _ in found] == [["panel", "epoch", "loss"], ["panel", "k", "error"]]


def test_a_number_may_have_its_spread():
    assert [long_form.is_number(text) for text in ("95.3 ± 2.0", "-1e-5", "7", "", "7x", "nan")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
