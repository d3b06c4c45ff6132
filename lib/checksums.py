"""SHA-256 of files, and what data/SHA256SUMS says of the data sets that the project ships."""

import hashlib
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"


class DatasetError(Exception):
    """Data that is missing, damaged, or not what was asked for; the message says which and what to do."""


def of_bytes(content):
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def of_file(path):
    """Return the SHA-256 of the file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shipped(name):
    """Return {path below data/NAME: SHA-256} of a shipped data set; empty for one that is not shipped.

    Raises DatasetError where data/SHA256SUMS itself is missing.
    """
    try:
        lines = (DATA / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    except OSError:
        raise DatasetError("data/SHA256SUMS cannot be read; restore it with `git checkout data`.") from None
    listed = (line.split("  ", 1) for line in lines)
    return {path.removeprefix(f"{name}/"): sum for sum, path in listed if path.startswith(f"{name}/")}


def verified(name):
    """Return `shipped(name)` after comparing every file with it.

    Raises DatasetError, naming the file and the remedy, for one that is missing, damaged or not listed,
    and for a data set that is not shipped at all.
    """
    sums, folder = shipped(name), DATA / name
    if not sums:
        raise DatasetError(f"data/SHA256SUMS lists no data set '{name}'.")
    remedy = f"restore it with `git checkout data/{name}` or `python data/make_data.py`"
    for path, expected in sums.items():
        if not (folder / path).exists():
            raise DatasetError(f"data/{name}/{path} is missing; {remedy}.")
        if of_file(folder / path) != expected:
            raise DatasetError(f"data/{name}/{path} has a wrong checksum, it is damaged; {remedy}.")
    for file in folder.rglob("[!.]*"):
        if file.is_file() and (path := file.relative_to(folder).as_posix()) not in sums:
            raise DatasetError(f"data/{name}/{path} does not belong to the data set; take it out of data/.")
    return sums


def of_folder(folder):
    """Return {path below a folder: SHA-256} of its files and of those in its folders, as `shipped` has it.

    That is all that datasets.load reads; folders may be links. Hidden files and folders do not count.
    """
    return {path.relative_to(folder).as_posix(): of_file(path) for path in _files(Path(folder))}


def of_data(name):
    """Return one SHA-256 of a shipped data set as it should be, or of a folder as it is now."""
    return of_dataset(shipped(name)) if shipped(name) else _of_folder(str(name), stamps(name))


def stamps(folder):
    """Return what changes when a file that of_folder() would read is written, added or removed."""
    status = {str(path): path.stat() for path in _files(Path(folder))}
    return tuple((path, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path, s in status.items())


@lru_cache(maxsize=16)
def _of_folder(folder, stamps):
    del stamps  # as long as they are the same, so are the files
    return of_dataset(of_folder(folder))


def _files(folder):
    places = [folder, *(path for path in _shown(folder) if path.is_dir())]
    return sorted(path for place in places for path in _shown(place) if path.is_file())


def _shown(folder):
    return [path for path in folder.iterdir() if path.name[0] != "."]


def of_dataset(sums):
    """Return one SHA-256 for a whole data set, given {path: SHA-256} of its files."""
    return of_bytes(
        "".join(f"{sums[path]}  {path}\n" for path in sorted(sums)).encode(errors="surrogateescape")
    )
