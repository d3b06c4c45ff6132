"""python -m lib.compression."""

import zipfile

import keras
import numpy as np
import pytest

from lib.compression import __main__
from lib.compression.__main__ import main


@pytest.fixture
def model_file(tmp_path):
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(30), keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_there_and_back(model_file, tmp_path, capsys):
    main(["compress", str(model_file), str(tmp_path / "small"), "--keep", "0.5", "--values", "4"])
    main(["inspect", str(tmp_path / "small")])
    main(["decompress", str(tmp_path / "small"), str(tmp_path / "back.keras")])
    back = keras.models.load_model(tmp_path / "back.keras")
    kernel = back.layers[0].kernel.numpy()
    assert len(np.unique(kernel)) <= 5
    assert 0.4 < np.mean(kernel != 0) < 0.6
    assert "times fewer" in capsys.readouterr().out


def test_a_wrong_file_is_one_sentence(tmp_path):
    (tmp_path / "wrong").write_bytes(b"something else")
    with pytest.raises(SystemExit, match="no compressed model"):
        main(["inspect", str(tmp_path / "wrong")])


@pytest.mark.parametrize("format", ["keras", "h5"])
def test_code_that_comes_with_a_model_is_refused(tmp_path, monkeypatch, format):
    monkeypatch.chdir(tmp_path)
    layer = keras.layers.Lambda(lambda values: (open("trace", "w").close(), values)[1])
    keras.Sequential([keras.Input((2,)), layer]).save(f"strange.{format}")
    (tmp_path / "trace").unlink()
    with pytest.raises(SystemExit, match="Lambda"):
        main(["compress", f"strange.{format}", "small"])
    assert not (tmp_path / "trace").exists()


def test_a_model_that_unpacks_to_too_much_is_refused(model_file, tmp_path, monkeypatch):
    monkeypatch.setattr(__main__, "LARGEST_MODEL", 2**20)
    with zipfile.ZipFile(model_file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2**20))
    with pytest.raises(
        SystemExit, match=r"model.keras: it unpacks to .* bytes, more than the 1,048,576 allowed"
    ):
        main(["compress", str(model_file), str(tmp_path / "small")])


def test_a_share_above_one_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["compress", "a", "b", "--keep", "2"])
    assert "at most 1" in capsys.readouterr().err


def test_a_share_that_empties_a_layer_is_refused_before_anything_is_written(model_file, tmp_path):
    with pytest.raises(SystemExit, match="would keep no weight; choose a larger --keep"):
        main(["compress", str(model_file), str(tmp_path / "small"), "--keep", "0.000001"])
    assert not (tmp_path / "small").exists()
