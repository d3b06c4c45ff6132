"""Images with labels: MNIST, the food photos, any folder of class folders, IDX files. Thesis 5.5.2."""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lib import checksums
from lib.checksums import DATA, DatasetError

IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # Pillow starts Ghostscript for others
FEWEST_IMAGES = 3  # of a class: one each for training, validation and test
LARGEST_IDX = 2**30  # bytes; a header that declares more is not believed
LARGEST_PHOTO = 100_000_000  # pixels
LARGEST_LABEL = 9_999
MOST_DIMENSIONS = 4


@dataclass(frozen=True)
class Dataset:
    """Images (N, H, W, C) of uint8 with labels (N,), and a split into three lists of indices.

    `digest` is one SHA-256 over the names and contents of all files it was read from.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    digest: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def load(source, size=(64, 64), seed=0, validation=0.15, test=0.15):
    """Return the Dataset of "mnist", "food", a folder of class folders, or a folder of IDX files.

    Photos are turned as their EXIF data says, put on white where transparent, made RGB, and
    stretched to `size`, (rows, columns); IDX images keep theirs. `validation` and `test` are shares
    of each class, drawn with `seed`; a folder of IDX files that has a test set (t10k) keeps it.

    Raises DatasetError for a missing, empty or damaged source, a class of under three images, and
    shares that are not positive or leave nothing for training. Thesis 5.5.2.
    """
    if min(validation, test) <= 0 or validation + test >= 1:
        raise DatasetError(f"The shares {validation} and {test} have to be positive and below 1 in sum.")
    folder = _folder(source)
    sums = checksums.verified(source) if folder.parent == DATA else None
    read = _read_idx_folder if _idx_file(folder, "train", "images") else _read_class_folders
    images, labels, classes, files, published_test = read(folder, size)
    for label, name in enumerate(classes):
        if (count := np.sum(labels[:published_test] == label)) < FEWEST_IMAGES:
            raise DatasetError(
                f"The class '{name}' of {source} has too few images ({count}): a split into training, "
                f"validation and test needs at least {FEWEST_IMAGES}."
            )
    sums = sums or {path.relative_to(folder).as_posix(): checksums.of_file(path) for path in files}
    parts = _split(labels, published_test, seed, validation, test)
    return Dataset(images, labels, classes, checksums.of_dataset(sums), *parts)


def loaded(source, size, seed):
    """Return load(source, size, seed), kept for the next runs; a folder is read again when a file in it changed."""
    folder = _folder(source)
    return _loaded(source, size, seed, None if folder.parent == DATA else checksums.stamps(folder))


@lru_cache(maxsize=16)  # photos are split anew for each seed
def _loaded(source, size, seed, stamps):
    del stamps
    return load(source, size, seed=seed)


def _folder(source):
    folder = DATA / source if source in ("mnist", "food") else Path(source)
    if not folder.is_dir():
        raise DatasetError(f"There is no folder '{source}'; known by name are 'mnist' and 'food'.")
    return folder


def photo(path, size=None):
    """Return one photo (H, W, 3) of uint8, cut around its centre to `size` (rows, columns) if given.

    `path` is a file, or the name of a food photo, "fruits/E063". Raises DatasetError as load does.
    """
    shipped = DATA / "food" / f"{path}.jpeg"
    image = _read_image(shipped if shipped.exists() else Path(path))
    return np.asarray(image if size is None else ImageOps.fit(image, (size[1], size[0])))


def _read_image(path):
    """Return the picture as an upright RGB image of 8 bits a channel."""
    try:
        with Image.open(path, formats=FORMATS) as file:
            if math.prod(file.size) > LARGEST_PHOTO:
                raise ValueError(
                    f"it has {math.prod(file.size)} pixels, more than the {LARGEST_PHOTO} allowed"
                )
            image = ImageOps.exif_transpose(file)
            if image.mode in ("I", "F"):
                raise ValueError("it has 32 bits a pixel, and only 8 or 16 are read")
            if image.mode.startswith("I;16"):  # Pillow would clip 16 bits, not scale them
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            return image.convert("RGB")
    except FileNotFoundError:
        raise DatasetError(
            f"There is no image '{path}'; food photos have names such as 'fruits/E063'."
        ) from None
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        raise DatasetError(f"'{path}' cannot be read as an image: {error}.") from None


def class_files(source):
    """Return {class: its image files, sorted} of "food" or a folder of class folders, in the order of load.

    Hidden files, and those that are none of FORMATS by their name, are left out. Raises DatasetError for a folder
    that is missing or has no class folders. Thesis 5.5.2.
    """
    folder = _folder(source)
    Image.init()
    readable = {suffix for suffix, format in Image.EXTENSION.items() if format in FORMATS}
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    if not classes:
        raise DatasetError(
            f"'{folder}' has no folders in it: it should hold one folder of images for each class."
        )
    return {
        name: sorted(
            file
            for file in (folder / name).iterdir()
            if file.suffix.lower() in readable and file.name[0] != "." and not file.is_fifo()
        )
        for name in classes
    }


def _read_class_folders(folder, size):
    files = class_files(folder)
    paths = [path for of_class in files.values() for path in of_class]
    labels = np.repeat(np.arange(len(files)), [len(of_class) for of_class in files.values()])
    images = np.empty((len(paths), *size, 3), dtype=np.uint8)
    for image, path in zip(images, paths, strict=True):
        image[:] = _read_image(path).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return images, labels, tuple(files), paths, None


def _idx_file(folder, part, kind):
    """Return the file of images or labels ("train", "t10k"), plain or gzipped, or None."""
    dimensions = {"images": 3, "labels": 1}[kind]
    plain = folder / f"{part}-{kind}-idx{dimensions}-ubyte"
    return next((file for file in (plain, Path(f"{plain}.gz")) if file.is_file()), None)


def read_idx(path):
    """Return the array of an IDX file, plain or gzipped.

    Raises DatasetError where the file is not IDX, is truncated, too long, or declares more than 1 GiB.
    LeCun, Cortes, Burges: the MNIST database, "file formats".
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            magic = file.read(4)
            zeros, type_code, dimensions = struct.unpack(">HBB", magic)
            if zeros != 0 or type_code not in IDX_TYPES or dimensions > MOST_DIMENSIONS:
                raise DatasetError(f"'{path}' is not an IDX file: it starts with {magic.hex(' ')}.")
            shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
            dtype = np.dtype(IDX_TYPES[type_code])
            expected = math.prod(shape) * dtype.itemsize
            if expected > LARGEST_IDX:
                raise DatasetError(f"'{path}' declares {expected} bytes, more than the 1 GiB allowed.")
            content = file.read(expected + 1)
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise DatasetError(f"'{path}' is truncated or damaged: {error}.") from None
    if len(content) != expected:
        found = "more" if len(content) > expected else len(content)
        raise DatasetError(f"'{path}' is truncated or damaged: {expected} bytes declared, {found} found.")
    return np.frombuffer(content, dtype).reshape(shape)


def _read_idx_folder(folder, size):
    del size  # IDX images have one already
    parts = [part for part in ("train", "t10k") if _idx_file(folder, part, "images")]
    images, labels, files = [], [], []
    for part in parts:
        pair = _idx_file(folder, part, "images"), _idx_file(folder, part, "labels")
        if pair[1] is None:
            raise DatasetError(f"'{folder}' has {pair[0].name} but no {part}-labels-idx1-ubyte beside it.")
        images.append(read_idx(pair[0]))
        labels.append(read_idx(pair[1]))
        if images[-1].ndim != 3 or labels[-1].shape != images[-1].shape[:1]:
            raise DatasetError(
                f"{pair[0].name} has the shape {images[-1].shape}, {pair[1].name} {labels[-1].shape}: "
                "a label is needed for every image."
            )
        files += pair
    if len({part.shape[1:] for part in images}) > 1:
        raise DatasetError(f"The training and test images of '{folder}' differ in size.")
    published_test = len(labels[0]) if len(parts) == 2 else None
    images, labels = np.concatenate(images)[..., np.newaxis], np.concatenate(labels).astype(int)
    if len(labels) == 0 or labels.min() < 0 or labels.max() > LARGEST_LABEL:
        raise DatasetError(
            f"The labels of '{folder}' have to be numbers from 0 to {LARGEST_LABEL}, at least one."
        )
    classes = tuple(str(label) for label in range(labels.max() + 1))
    return images, labels, classes, files, published_test


def _split(labels, published_test, seed, validation, test):
    """Return sorted indices (train, validation, test), every class with its share in each.

    From index `published_test` on, if given, the images are the test set.
    """
    generator = np.random.default_rng(seed)
    free = np.arange(len(labels) if published_test is None else published_test)
    parts = [[], [], [np.arange(len(free), len(labels))]]
    for label in np.unique(labels):
        members = generator.permutation(free[labels[free] == label])
        most = len(members) - 1  # at least one stays for training
        validated = min(max(1, int(validation * len(members))), most - (published_test is None))
        tested = min(max(1, int(test * len(members))), most - validated) if published_test is None else 0
        for part, indices in zip((2, 1, 0), np.split(members, [tested, tested + validated]), strict=True):
            parts[part].append(indices)
    return [np.sort(np.concatenate(part)) for part in parts]
