"""Folders of photos from strangers: they are read as what they are, or refused in one sentence."""

import io
import os
import shutil
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from lib import checksums, datasets
from lib.datasets import DatasetError

EPS = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with one class of three photos."""
    return with_class(tmp_path / "photos", "plain")


def with_class(folder, name):
    (folder / name).mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (4 + number, 5)).save(folder / name / f"{number}.png")
    return folder


def png(width, height):
    """Return a PNG file of a few bytes that declares a size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg():
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(file, "JPEG")
    return file.getvalue()


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("../../outside", "content")
    return file.getvalue()


@pytest.mark.parametrize("name", ["a$b$_{", "<script>", "a..b", "-rf", "=1+1", "new\nline", "n" * 255])
def test_any_name_of_a_class_is_kept(folder, name):
    assert set(datasets.load(with_class(folder, name), (8, 8)).classes) == {"plain", name}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png(100_000, 100_000), r"Image size \(10000000000 pixels\) exceeds limit"),
        (png(10_001, 10_000), "it has 100010000 pixels, more than the 100000000 allowed"),
        (jpeg()[:-500], "image file is truncated"),
        (archive(), "cannot identify image file"),
    ],
    ids=["bomb", "too large", "truncated", "archive"],
)
def test_a_file_that_is_no_whole_image_is_refused(folder, content, reason):
    (folder / "plain" / "strange.jpg").write_bytes(content)
    with pytest.raises(DatasetError, match=f"strange.jpg' cannot be read as an image: .*{reason}"):
        datasets.load(folder, (8, 8))


def test_no_program_is_started_for_an_image(folder, tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (folder / "plain" / "strange.jpg").write_text(EPS)
    with pytest.raises(DatasetError, match="cannot identify image file"):
        datasets.load(folder, (8, 8))
    assert not (tmp_path / "started").exists()


def test_a_changed_photo_behind_a_link_changes_the_checksum(folder, tmp_path):
    (folder / "linked").symlink_to(with_class(tmp_path / "elsewhere", "a") / "a")
    before = checksums.of_folder(folder)
    Image.new("RGB", (9, 9)).save(tmp_path / "elsewhere" / "a" / "0.png")
    assert before.keys() == checksums.of_folder(folder).keys()
    assert before != checksums.of_folder(folder)


def test_a_pipe_is_left_out(folder):
    os.mkfifo(folder / "plain" / "pipe.png")
    os.mkfifo(folder / "train-images-idx3-ubyte")
    assert len(datasets.load(folder, (8, 8)).labels) == 3


@pytest.mark.filterwarnings("ignore:.*EXIF|Truncated|Tag data|Metadata|Possibly corrupt")
def test_a_photo_with_a_damaged_description_is_read_or_refused_in_a_sentence_that_names_it(folder):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72.0  # orientation, maker, resolution
    exif[0x8769] = {0x9286: b"a comment", 0x829A: 0.5}
    file = io.BytesIO()
    Image.effect_noise((16, 16), 50).save(file, "JPEG", exif=exif)
    description = 20, file.getvalue().index(b"\xff\xdb")  # where the pixels' own part begins
    random, refused = np.random.default_rng(0), 0
    for _ in range(2000):
        content = np.frombuffer(file.getvalue(), np.uint8).copy()
        places = random.integers(*description, size=random.integers(1, 5))
        content[places] = random.integers(256, size=len(places))
        (folder / "plain" / "0.png").write_bytes(content)
        try:
            datasets.photo(folder / "plain" / "0.png")
        except DatasetError as error:
            refused += "0.png' cannot be read as an image: " in str(error)
    assert refused > 20


def test_a_name_that_is_not_utf_8_is_taken_as_it_is(folder):
    (folder / "plain" / "0.png").rename(folder / "plain" / os.fsdecode(b"\xff.png"))
    assert len(datasets.load(folder, (8, 8)).labels) == 3


def test_a_link_to_a_file_that_is_no_image_tells_nothing_of_its_content(folder, tmp_path):
    (tmp_path / "secret").write_text("top secret")
    (folder / "plain" / "strange.png").symlink_to(tmp_path / "secret")
    with pytest.raises(DatasetError, match="cannot identify image file") as error:
        datasets.load(folder, (8, 8))
    assert "top secret" not in str(error.value)


def test_links_that_lead_in_a_circle_end(folder):
    (folder / "plain" / "up").symlink_to(folder)
    (folder / "itself").symlink_to(folder / "itself")
    for name, other in (("there", "back"), ("back", "there")):
        with_class(folder, name)
        for link in ("x", "y"):
            (folder / name / link).symlink_to(folder / other)
    assert len(checksums.of_folder(folder)) == 9
    for name in ("there", "back"):
        shutil.rmtree(folder / name)
    assert datasets.load(folder, (8, 8)).classes == ("plain",)
    (folder / "plain" / "itself.png").symlink_to(folder / "plain" / "itself.png")
    with pytest.raises(DatasetError, match=r"itself\.png' cannot be read as an image: .*symbolic links"):
        datasets.load(folder, (8, 8))


def test_nothing_is_written_beside_the_photos(folder, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    datasets.load(folder, (8, 8))
    assert sorted(tmp_path.rglob("*")) == before
