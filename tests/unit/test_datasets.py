import gzip
import shutil
import struct
from functools import cache

import numpy as np
import pytest
from PIL import Image

from lib import checksums, datasets
from lib.datasets import DatasetError

RED, WHITE = (200, 0, 0), (255, 255, 255)
load_once = cache(datasets.load)  # of the sets that the project ships


def class_folders(folder, **counts):
    """Make class folders with so many PNG images each, all of different sizes and colours."""
    colours = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            colour = tuple(colours.integers(0, 256, 3).tolist())
            Image.new("RGB", (4 + number, 9), colour).save(folder / name / f"{number:02}.png")
    return folder


def idx(array):
    """Return an array of bytes as an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_folder(folder, *, gzipped=False, **counts):
    """Make a folder of IDX files with so many images in train and t10k, of the labels 0, 1, 2, 0, 1, 2 ..."""
    for part, count in counts.items():
        images = np.random.default_rng(count).integers(0, 256, (count, 5, 4), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 3
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = folder / f"{part}-{name}-ubyte{'.gz' if gzipped else ''}"
            path.write_bytes(gzip.compress(idx(array)) if gzipped else idx(array))
    return folder


def error_of(function, *arguments, **settings):
    with pytest.raises(DatasetError) as error:
        function(*arguments, **settings)
    return str(error.value)


def parts(dataset):
    return [dataset.train, dataset.validation, dataset.test]


# The sets that the project ships


def test_mnist_has_sixty_thousand_images_for_training_and_ten_thousand_for_testing():
    mnist = load_once("mnist")
    assert mnist.images.shape == (70_000, 28, 28, 1)
    np.testing.assert_array_equal(mnist.test, np.arange(60_000, 70_000))


def test_mnist_has_the_known_numbers_of_training_digits():
    mnist = load_once("mnist")
    known = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.labels[:60_000]).tolist() == known


def test_food_has_402_photos_in_eight_classes():
    food = load_once("food", size=(8, 6))
    assert food.images.shape == (402, 8, 6, 3)
    assert dict(zip(food.classes, np.bincount(food.labels).tolist(), strict=True)) == {
        "fish": 102,
        "fruits": 68,
        "grains_legumes": 49,
        "leafy_greens": 34,
        "nuts_oilseeds": 21,
        "roots_tubers": 19,
        "spices": 32,
        "vegetables": 77,
    }


def test_a_food_photo_is_known_by_its_name():
    assert datasets.photo("fruits/E063").shape[-1] == 3


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Return the folder of a small set `food` that stands in for the shipped one."""
    monkeypatch.setattr(checksums, "DATA", tmp_path)
    monkeypatch.setattr(datasets, "DATA", tmp_path)
    folder = class_folders(tmp_path / "food", fish=3, fruits=3)
    paths = sorted(path.relative_to(tmp_path) for path in folder.rglob("*.png"))
    lines = (f"{checksums.of_file(tmp_path / path)}  {path.as_posix()}\n" for path in paths)
    (tmp_path / "SHA256SUMS").write_text("".join(lines), encoding="ascii")
    return folder


def test_a_shipped_set_is_loaded_when_its_checksums_are_right(shipped):
    assert len(datasets.load("food").labels) == 6


def test_a_shipped_set_with_a_missing_file_is_refused(shipped):
    (shipped / "fish" / "01.png").unlink()
    assert error_of(datasets.load, "food").startswith("data/food/fish/01.png is missing; restore it")


def test_a_shipped_set_with_a_changed_file_is_refused(shipped):
    shutil.copy(shipped / "fish" / "00.png", shipped / "fish" / "01.png")
    assert error_of(datasets.load, "food").startswith("data/food/fish/01.png has a wrong checksum")


def test_a_shipped_set_with_a_file_too_many_is_refused(shipped):
    shutil.copy(shipped / "fish" / "00.png", shipped / "fish" / "99.png")
    assert "data/food/fish/99.png" in error_of(datasets.load, "food")


# Splits


@pytest.mark.parametrize("source", ["mnist", "food"])
def test_the_parts_are_disjoint_and_complete(source):
    dataset = load_once(source, size=(8, 6)) if source == "food" else load_once(source)
    together = np.sort(np.concatenate(parts(dataset)))
    np.testing.assert_array_equal(together, np.arange(len(dataset.labels)))


@pytest.mark.parametrize(("validation", "test"), [(0.15, 0.15), (0.3, 0.05)])
def test_every_class_has_its_share_in_each_part(validation, test):
    food = datasets.load("food", size=(1, 1), validation=validation, test=test)
    counts = np.bincount(food.labels)
    for part, share in ((food.validation, validation), (food.test, test)):
        assert np.abs(np.bincount(food.labels[part], minlength=8) - share * counts).max() <= 1


def test_every_class_keeps_images_for_training_when_both_shares_are_large(tmp_path):
    dataset = datasets.load(class_folders(tmp_path, a=3, b=4, c=7), validation=0.4, test=0.5)
    assert set(dataset.labels[dataset.train]) == {0, 1, 2}


def test_validation_images_of_mnist_are_a_share_of_each_training_digit():
    mnist = load_once("mnist")
    shares = np.bincount(mnist.labels[mnist.validation]) / np.bincount(mnist.labels[:60_000])
    np.testing.assert_allclose(shares, 0.15, atol=1e-3)


def test_the_same_seed_gives_the_same_parts(tmp_path):
    folder = class_folders(tmp_path, a=12, b=9)
    for first, second in zip(*(parts(datasets.load(folder, seed=5)) for _ in range(2)), strict=True):
        np.testing.assert_array_equal(first, second)


def test_another_seed_gives_other_parts(tmp_path):
    folder = class_folders(tmp_path, a=12, b=9)
    assert datasets.load(folder, seed=0).test.tolist() != datasets.load(folder, seed=1).test.tolist()


def test_a_class_of_three_images_has_one_in_each_part(tmp_path):
    dataset = datasets.load(class_folders(tmp_path, a=3, b=30))
    assert [np.sum(dataset.labels[part] == 0) for part in parts(dataset)] == [1, 1, 1]


@pytest.mark.parametrize(("validation", "test"), [(0, 0.2), (0.2, -0.1), (0.5, 0.5), (0.9, 0.3)])
def test_shares_that_leave_a_part_empty_are_refused(tmp_path, validation, test):
    message = error_of(datasets.load, class_folders(tmp_path, a=9), validation=validation, test=test)
    assert message == f"The shares {validation} and {test} have to be positive and below 1 in sum."


# Folders of class folders


def test_classes_are_the_folders_in_alphabetical_order(tmp_path):
    dataset = datasets.load(class_folders(tmp_path, **{"pear": 3, "apple": 4, ".cache": 1}), size=(2, 2))
    assert dataset.classes == ("apple", "pear")
    assert dataset.labels.tolist() == [0] * 4 + [1] * 3


def test_images_of_all_sizes_come_in_the_size_asked_for(tmp_path):
    dataset = datasets.load(class_folders(tmp_path, a=5), size=(6, 7))
    assert (dataset.images.shape, dataset.images.dtype) == ((5, 6, 7, 3), np.uint8)


@pytest.mark.parametrize("name", ["notes.txt", "notes.pdf", "._00.png"])
def test_files_that_are_no_images_are_left_out(tmp_path, name):
    (class_folders(tmp_path, a=3) / "a" / name).write_text("Ripe.", encoding="utf-8")
    assert len(datasets.load(tmp_path).labels) == 3


@pytest.mark.parametrize("extension", ["png", "jpg", "JPEG", "gif", "webp", "bmp", "tiff"])
def test_a_format_is_read(tmp_path, extension):
    Image.new("RGB", (5, 4), RED).save(tmp_path / f"photo.{extension}")
    pixels = datasets.photo(tmp_path / f"photo.{extension}")
    assert pixels.shape == (4, 5, 3)
    np.testing.assert_allclose(pixels[2, 2], RED, atol=3)


@pytest.mark.parametrize(
    ("image", "name", "colour"),
    [
        (Image.new("RGBA", (5, 4), (*RED, 0)), "clear.png", WHITE),
        (Image.new("RGBA", (5, 4), (*RED, 255)), "opaque.png", RED),
        (Image.new("RGBA", (5, 4), (0, 0, 0, 51)), "mostly clear.webp", (204, 204, 204)),
        (Image.new("LA", (5, 4), (90, 0)), "clear grey.png", WHITE),
        (Image.new("RGB", (5, 4), RED).quantize(4), "palette.png", RED),
        (Image.new("L", (5, 4), 90), "grey.png", (90, 90, 90)),
        (Image.new("1", (5, 4), 1), "one bit.png", WHITE),
        (Image.new("CMYK", (5, 4), (0, 255, 255, 55)), "print.jpg", RED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mode_becomes_rgb_on_white(tmp_path, image, name, colour):
    image.save(tmp_path / name)
    np.testing.assert_allclose(datasets.photo(tmp_path / name)[2, 2], colour, atol=3)


def test_a_transparent_colour_of_a_palette_becomes_white(tmp_path):
    Image.new("P", (5, 4), 0).save(tmp_path / "logo.gif", transparency=0)
    assert (datasets.photo(tmp_path / "logo.gif") == 255).all()


def test_sixteen_bit_grey_is_scaled_to_eight_bits_not_clipped(tmp_path):
    Image.fromarray(np.array([[0, 32768, 65535]], np.uint16)).save(tmp_path / "scan.png")
    np.testing.assert_allclose(datasets.photo(tmp_path / "scan.png")[0, :, 0], [0, 128, 255], atol=1)


def test_a_photo_is_turned_as_its_exif_data_says(tmp_path):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :8] = 255  # the left of the file is the top of the picture
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    upright = datasets.photo(tmp_path / "turned.jpg")
    assert upright.shape == (32, 16, 3)
    assert upright[:7].min() > 240
    assert upright[9:].max() < 15


def test_a_photo_is_cut_around_its_centre(tmp_path):
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    cut = datasets.photo(tmp_path / "wide.png", size=(10, 10))
    assert cut.shape == (10, 10, 3)
    assert cut.min() == 255


def test_a_dark_scan_stays_dark_beside_a_bright_one(tmp_path):
    for level in (10, 200):
        Image.fromarray(np.full((4, 5), 257 * level, np.uint16)).save(tmp_path / f"{level}.png")
    assert [int(datasets.photo(tmp_path / f"{level}.png")[0, 0, 0]) for level in (10, 200)] == [10, 200]


# The digest


@pytest.fixture(params=[class_folders, idx_folder])
def folder(request, tmp_path):
    counts = {"a": 4, "b": 3} if request.param is class_folders else {"train": 12}
    (tmp_path / "here").mkdir()
    return request.param(tmp_path / "here", **counts)


def some_file(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())[0]


def test_digest_does_not_depend_on_where_the_folder_lies(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "there")
    assert datasets.load(folder).digest == datasets.load(tmp_path / "there").digest


def test_digest_changes_with_a_byte(folder):
    before = datasets.load(folder).digest
    content = bytearray(some_file(folder).read_bytes())
    if some_file(folder).suffix == ".png":
        content += b"\0"  # behind the picture
    else:
        content[-1] ^= 1
    some_file(folder).write_bytes(content)
    assert datasets.load(folder).digest != before


def test_digest_changes_with_the_name_of_a_file(tmp_path):
    before = datasets.load(class_folders(tmp_path, a=4)).digest
    (tmp_path / "a" / "00.png").rename(tmp_path / "a" / "renamed.png")
    assert datasets.load(tmp_path).digest != before


# Folders of IDX files


@pytest.mark.parametrize("gzipped", [False, True])
def test_idx_images_and_labels_are_read_as_they_are(tmp_path, gzipped):
    dataset = datasets.load(idx_folder(tmp_path, train=12, gzipped=gzipped))
    expected = np.random.default_rng(12).integers(0, 256, (12, 5, 4), dtype=np.uint8)
    np.testing.assert_array_equal(dataset.images[..., 0], expected)
    assert dataset.labels.tolist() == [0, 1, 2] * 4
    assert dataset.classes == ("0", "1", "2")


def test_idx_test_set_is_kept(tmp_path):
    assert datasets.load(idx_folder(tmp_path, train=12, t10k=5)).test.tolist() == list(range(12, 17))


def test_idx_without_a_test_set_gives_a_share_of_the_images(tmp_path):
    assert len(datasets.load(idx_folder(tmp_path, train=30), test=0.3).test) == 9


@pytest.mark.parametrize(
    ("code", "kind"), [(0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]
)
def test_every_type_of_idx_is_read(tmp_path, code, kind):
    values = np.array([[1, 2, 3], [4, 5, 6]], kind)
    (tmp_path / "file").write_bytes(struct.pack(">HBBII", 0, code, 2, 2, 3) + values.tobytes())
    np.testing.assert_array_equal(datasets.read_idx(tmp_path / "file"), values)


GOOD = idx(np.arange(6, dtype=np.uint8))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD[:-1], "is truncated or damaged: 6 bytes declared, 5 found."),
        (GOOD + b"\0", "is truncated or damaged: 6 bytes declared, more found."),
        (GOOD[:6], "is truncated or damaged: "),
        (b"", "is truncated or damaged: "),
        (b"\x89PNG" + bytes(400), "is not an IDX file: it starts with 89 50 4e 47."),
        (b"\0\0\x07\1" + GOOD[4:], "is not an IDX file: it starts with 00 00 07 01."),
        (b"\0\0\x08\2" + b"\xff" * 8, "bytes, more than the 1 GiB allowed."),
    ],
    ids=["truncated", "too long", "truncated header", "empty", "other file", "unknown type", "huge"],
)
@pytest.mark.parametrize("name", ["labels", "labels.gz"])
def test_a_bad_idx_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    error = error_of(datasets.read_idx, tmp_path / name)
    assert error.startswith(f"'{tmp_path / name}'")
    assert message in error


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-10],
        lambda packed: packed[:-8] + bytes(8),
        lambda packed: packed[:10] + b"\xff" * 8 + packed[18:],
        lambda packed: b"no gzip" + packed,
    ],
    ids=["truncated", "checksum", "compressed data", "magic"],
)
def test_a_damaged_gzip_file_is_refused(tmp_path, damage):
    (tmp_path / "labels.gz").write_bytes(damage(gzip.compress(GOOD)))
    assert f"'{tmp_path / 'labels.gz'}' is truncated or damaged: " in error_of(
        datasets.read_idx, tmp_path / "labels.gz"
    )


@pytest.mark.parametrize("part", ["train", "t10k"])
def test_idx_images_without_labels_are_refused(tmp_path, part):
    (idx_folder(tmp_path, train=12, t10k=5) / f"{part}-labels-idx1-ubyte").unlink()
    assert error_of(datasets.load, tmp_path) == (
        f"'{tmp_path}' has {part}-images-idx3-ubyte but no {part}-labels-idx1-ubyte beside it."
    )


def test_idx_images_with_another_number_of_labels_are_refused(tmp_path):
    idx_folder(tmp_path, train=12)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(11, np.uint8)))
    assert error_of(datasets.load, tmp_path) == (
        "train-images-idx3-ubyte has the shape (12, 5, 4), train-labels-idx1-ubyte (11,): "
        "a label is needed for every image."
    )


def test_idx_test_images_of_another_size_are_refused(tmp_path):
    idx_folder(tmp_path, train=12, t10k=5)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((5, 4, 5), np.uint8)))
    assert error_of(datasets.load, tmp_path) == (
        f"The training and test images of '{tmp_path}' differ in size."
    )


@pytest.mark.parametrize("labels", [np.zeros(0), np.full(12, 255)], ids=["none", "negative"])
def test_idx_labels_that_name_no_class_are_refused(tmp_path, labels):
    idx_folder(tmp_path, train=12)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((len(labels), 5, 4), np.uint8)))
    header = struct.pack(">HBBI", 0, 9, 1, len(labels))  # of signed bytes
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(header + labels.astype(np.uint8).tobytes())
    assert f"'{tmp_path}'" in error_of(datasets.load, tmp_path)


# Other sources that cannot be loaded


def test_an_unknown_name_is_refused_with_the_known_ones():
    assert error_of(datasets.load, "minst") == (
        "There is no folder 'minst'; known by name are 'mnist' and 'food'."
    )


def test_an_empty_folder_is_refused(tmp_path):
    assert error_of(datasets.load, tmp_path) == (
        f"'{tmp_path}' has no folders in it: it should hold one folder of images for each class."
    )


def test_the_files_of_the_classes_are_in_the_order_of_the_images(tmp_path):
    folder = class_folders(tmp_path, b=3, a=4)
    (folder / "a" / ".hidden.png").write_bytes(b"")
    (folder / "a" / "notes.txt").write_text("not an image")
    files = datasets.class_files(folder)
    assert [path.name for path in files["a"]] == ["00.png", "01.png", "02.png", "03.png"]
    images = datasets.load(folder, size=(2, 2)).images
    paths = [path for of_class in files.values() for path in of_class]
    assert list(files) == ["a", "b"]
    for image, path in zip(images, paths, strict=True):
        np.testing.assert_array_equal(image[0, 0], datasets.photo(path)[0, 0])


@pytest.mark.parametrize("count", [0, 2])
def test_a_class_with_too_few_images_is_named(tmp_path, count):
    assert error_of(datasets.load, class_folders(tmp_path, apple=3, pear=count)) == (
        f"The class 'pear' of {tmp_path} has too few images ({count}): a split into training, validation "
        "and test needs at least 3."
    )


@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: b"no image", lambda content: content[: len(content) // 2]]
)
def test_an_unreadable_image_is_named(tmp_path, damage):
    broken = class_folders(tmp_path, apple=3) / "apple" / "01.png"
    broken.write_bytes(damage(broken.read_bytes()))
    assert error_of(datasets.load, tmp_path).startswith(f"'{broken}' cannot be read as an image: ")


def test_a_photo_that_is_not_there_is_named():
    assert error_of(datasets.photo, "fruits/E999").startswith("There is no image 'fruits/E999'")
