import hashlib

import pytest

from lib import checksums


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Return a data folder with one shipped set, `tiny`, and a checksum file that says so."""
    monkeypatch.setattr(checksums, "DATA", tmp_path)
    contents = {"tiny/a/1.csv": b"one", "tiny/LICENSE": b"free", "tinier/2.csv": b"two"}
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
    (tmp_path / "SHA256SUMS").write_text("".join(lines), encoding="ascii")
    return tmp_path


def test_checksum_of_bytes_is_sha256():
    assert checksums.of_bytes(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_checksum_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert checksums.of_file(tmp_path / "file") == checksums.of_bytes(b"abc" * 100_000)


def test_shipped_lists_the_files_of_one_set(shipped):
    assert checksums.shipped("tiny") == {
        "a/1.csv": checksums.of_bytes(b"one"),
        "LICENSE": checksums.of_bytes(b"free"),
    }


def test_shipped_lists_nothing_of_a_set_that_is_not_shipped(shipped):
    assert checksums.shipped("tin") == {}


def test_verified_returns_what_is_shipped_when_all_is_well(shipped):
    assert checksums.verified("tiny") == checksums.shipped("tiny")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "data/tiny/a/1.csv is missing; "),
        (lambda file: file.write_bytes(b"onE"), "data/tiny/a/1.csv has a wrong checksum, it is damaged; "),
    ],
    ids=["missing", "damaged"],
)
def test_verified_names_the_file_and_the_remedy(shipped, damage, message):
    damage(shipped / "tiny" / "a" / "1.csv")
    with pytest.raises(checksums.DatasetError) as error:
        checksums.verified("tiny")
    assert (
        str(error.value)
        == message + "restore it with `git checkout data/tiny` or `python data/make_data.py`."
    )


def test_checksum_of_a_set_does_not_depend_on_the_order_of_its_files():
    assert checksums.of_dataset({"a": "1", "b": "2"}) == checksums.of_dataset({"b": "2", "a": "1"})


@pytest.mark.parametrize(
    "other", [{"a": "1", "b": "3"}, {"a": "1", "c": "2"}, {"a": "1"}, {"a": "2", "b": "1"}]
)
def test_checksum_of_a_set_depends_on_names_and_contents(other):
    assert checksums.of_dataset({"a": "1", "b": "2"}) != checksums.of_dataset(other)


@pytest.mark.parametrize("name", ["mnist", "food", "history"])
def test_every_shipped_file_is_as_its_checksum_says(name):
    assert checksums.verified(name)


@pytest.mark.parametrize("name", ["mnist", "food", "history"])
def test_no_shipped_file_is_unlisted(name):
    folder = checksums.DATA / name
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == set(checksums.shipped(name))
