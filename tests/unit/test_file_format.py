"""The file of a compressed model: what is read is what was written, and hostile files are refused."""

import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from keras import layers

from lib.compression import architecture, codebooks, file_format, kernels
from lib.compression.entropy_coding import DecodingError
from lib.concordance import ROOT


def _network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, activation="relu", padding="same"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(6),
            layers.ReLU(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _quantised(model, values=3):
    weights = kernels.kernels(model)
    masks = {path: np.abs(array) > np.quantile(np.abs(array), 0.6) for path, array in weights.items()}
    books = codebooks.share(model, values, masks=masks)
    quantised = codebooks.decoded(model, books)
    return quantised, dict(zip(kernels.kernels(quantised), books.values(), strict=True))


@pytest.fixture(scope="module")
def quantised():
    return _quantised(_network())


@pytest.fixture(scope="module", params=file_format.CODINGS)
def content(request, quantised):
    return file_format.encode(*quantised, request.param)


def _resealed(body):
    return bytes(body) + file_format._checksum(bytes(body))


def test_the_decoded_model_predicts_bit_by_bit_the_same(quantised, content):
    images = np.random.default_rng(0).random((5, 8, 8, 2), np.float32)
    expected = quantised[0].predict_on_batch(images)
    np.testing.assert_array_equal(file_format.decode(content).predict_on_batch(images), expected)


def test_all_weights_come_back(quantised, content):
    for read, written in zip(
        file_format.decode(content).get_weights(), quantised[0].get_weights(), strict=True
    ):
        np.testing.assert_array_equal(read, written)


def test_a_functional_chain_is_stored_like_a_sequential_one():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(layers.Dense(3, activation="tanh")(inputs)))
    images = np.eye(4, dtype=np.float32)
    read = file_format.decode(file_format.encode(model))
    np.testing.assert_array_equal(read.predict_on_batch(images), model.predict_on_batch(images))


def test_a_fresh_process_needs_nothing_but_the_file(tmp_path, quantised, content):
    images = np.random.default_rng(0).random((3, 8, 8, 2), np.float32)
    (tmp_path / "model").write_bytes(content)
    np.save(tmp_path / "images.npy", images)
    script = (
        "import sys, numpy; from lib.compression import file_format\n"
        "model = file_format.decode(open('model', 'rb').read())\n"
        "numpy.save('out.npy', model.predict_on_batch(numpy.load('images.npy')))"
    )
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), quantised[0].predict_on_batch(images))


def test_inspect_accounts_for_every_byte(content):
    spent = sum(row["bytes"] for row in file_format.inspect(content))
    described = len(architecture.pack(architecture.describe(_network())))
    assert spent + 5 + len(file_format.varint(described)) + described + file_format.CHECKSUM == len(content)


def test_codebooks_that_half_precision_holds_are_shorter(quantised):
    model, books = quantised
    rounded = {
        path: book._replace(centroids=book.centroids.astype(np.float16).astype(np.float32))
        for path, book in books.items()
    }
    assert len(file_format.encode(model, rounded)) == len(file_format.encode(model, books)) - 2 * 3 * 4


def test_branches_are_refused():
    inputs = keras.Input((4,))
    hidden = layers.Dense(4)(inputs)
    model = keras.Model(inputs, layers.Add()([hidden, inputs]))
    with pytest.raises(ValueError, match="branches at 'add"):
        file_format.encode(model)


def test_unknown_layers_are_refused():
    model = keras.Sequential([keras.Input((4, 3)), layers.LSTM(2)])
    with pytest.raises(ValueError, match="is a LSTM"):
        file_format.encode(model)


def test_a_codebook_of_a_path_that_the_model_lacks_is_refused(quantised):
    with pytest.raises(ValueError, match="no weights 'other'"):
        file_format.encode(quantised[0], quantised[1] | {"other": next(iter(quantised[1].values()))})


def test_another_file_is_refused():
    with pytest.raises(DecodingError, match="no compressed model"):
        file_format.decode(b"PK\x03\x04" + bytes(100))


def test_an_unknown_version_is_named(content):
    with pytest.raises(DecodingError, match="has version 9"):
        file_format.decode(content[:4] + b"\x09" + content[5:])


def test_every_truncation_is_noticed(content):
    for end in range(len(content)):
        with pytest.raises(DecodingError):
            file_format._read(content[:end])


def test_every_flipped_bit_is_noticed(content):
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(DecodingError):
            file_format._read(flipped)


def test_huge_declared_sizes_cost_no_memory():
    layer = ["Dense", {"units": 2**20}]
    described = architecture.pack([[2**20], layer, layer])
    body = file_format.MAGIC + bytes([file_format.VERSION]) + file_format.varint(len(described)) + described
    start = time.perf_counter()
    with pytest.raises(DecodingError, match="too many"):
        file_format.decode(_resealed(body))
    assert time.perf_counter() - start < 1


def test_a_description_that_unpacks_to_too_much_is_refused():
    described = architecture.pack([[4], *[["Flatten", {}]] * 100_000])
    with pytest.raises(DecodingError, match="does not end"):
        architecture.unpack(described)


def test_thousands_of_forged_files_are_read_or_refused(content):
    """The checksum is right, so that what follows it is reached."""
    rng = np.random.default_rng(0)
    body, refused = content[: -file_format.CHECKSUM], 0
    for number in range(1000):
        forged = bytearray(body)
        place = int(rng.integers(5, len(forged)))
        match rng.integers(5):
            case 0:
                del forged[place:]
            case 1:
                forged[place] ^= 1 << int(rng.integers(8))
            case 2:
                forged[place] = int(rng.choice([0, 127, 128, 255]))
            case 3:
                forged[place:place] = rng.bytes(int(rng.integers(1, 6)))
            case 4:
                del forged[place : place + int(rng.integers(1, 6))]
        try:
            read = file_format.decode if number % 20 == 0 else file_format._read  # Keras takes its time
            read(_resealed(forged))
        except DecodingError:
            refused += 1
    assert refused > 500


@pytest.mark.parametrize(
    "setting",
    [
        {"activation": {"class_name": "Dense", "config": {"units": 9}}},
        {"activation": 3},
        {"units": {"class_name": "Lambda"}},
    ],
)
def test_a_setting_that_keras_would_build_is_refused(setting):
    forged = architecture.pack([[4], ["Dense", {"units": 2} | setting]])
    with pytest.raises(DecodingError, match="neither a number nor a name"):
        architecture.unpack(forged)
