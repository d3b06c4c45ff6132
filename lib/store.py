"""Results of runs as plain files, found by the SHA-256 of all that they depend on.

An entry is a folder build/runs/KEY with values.json, a CSV file for each frame (its column types are
in types.json), a safetensors file for each set of arrays, and checksums.json over all of them. It is
written under another name and renamed, so it is there whole or not at all; one that is damaged counts
as absent and is removed. build/runs may be a link to a folder that several checkouts share; a mark in it says so.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

import grimp
import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from lib import checksums, edition, versions
from lib.concordance import ROOT

FOLDER = Path(edition.current().runs or ROOT / "build" / "runs")
SHARED = ".shared"
MISSING = FileNotFoundError, NotADirectoryError, IsADirectoryError
GRAPH = grimp.build_graph("lib", cache_dir=None)  # a cache would go by the times of files


class SourceChanged(Exception):
    """A module of lib is not what it was when this process began, so what is in its memory may be either."""


def _digest(module):
    path = ROOT / Path(*module.split("."))
    return checksums.of_file(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))


DIGESTS = {module: _digest(module) for module in GRAPH.modules}


@cache
def _behind(module):
    """Return the names of a module of lib and of all that it imports of ours."""
    if module not in GRAPH.modules:
        raise SourceChanged(f"{module} is newer than this process; start it anew.")
    return sorted({module, *GRAPH.find_upstream_modules(module)})


def _sources(module):
    """Return {module: SHA-256} of a module of lib and all that it imports of ours."""
    for name in _behind(module):
        if _digest(name) != DIGESTS[name]:
            raise SourceChanged(f"{name} was edited after this process had begun; start it anew.")
    return {name: DIGESTS[name] for name in _behind(module)}


def function(config):
    """Return the name of what a run computes, that of its class: "lib.training.Training"."""
    return f"{type(config).__module__}.{type(config).__qualname__}"


def _plain(value):
    """Return a numpy number as one that JSON has; raises TypeError for anything else."""
    if not isinstance(value, np.generic):
        raise TypeError(f"{value!r} cannot be stored; numbers, texts, lists and dictionaries can.")
    return value.item()


def key(config):
    """Return the SHA-256 of all that a run's result depends on.

    That is its function (the config's class), its fields, the source of the modules behind it (its own,
    those that `modules` of the config names, and all that they import of ours), its data (the field
    `data`), and the versions of the libraries. Raises TypeError where the class is not in a
    module of lib, since other code, a notebook's for instance, can change unnoticed, and SourceChanged.
    """
    if not type(config).__module__.startswith("lib."):
        raise TypeError(f"{function(config)} has to be in a module of lib/ for its runs to be stored.")
    modules = (type(config).__module__, *getattr(config, "modules", ()))
    fields = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        fields[field.name] = key(value) if dataclasses.is_dataclass(value) else value
    content = {
        "function": function(config),
        "fields": fields,
        "sources": {name: digest for module in modules for name, digest in _sources(module).items()},
        "data": checksums.of_data(config.data) if hasattr(config, "data") else None,
        "versions": versions.installed(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


def load(key, function=""):
    """Return the result of a function stored under a key, or None where there is none, or a damaged one.

    Raises OSError where one is there but cannot be read, which is no reason to remove it.
    """
    entry = FOLDER / key
    _mark_shared()
    if not entry.exists():
        return None
    try:
        if _read_json(entry / "checksums.json") != _label(key, function, entry):
            raise ValueError("the entry is not what was stored")
        types = _read_json(entry / "types.json")
        return (
            _read_json(entry / "values.json")
            | {name: _read_frame(entry / f"{name}.csv", types[name]) for name in types}
            | {path.stem: load_file(path) for path in entry.glob("*.safetensors")}
        )
    except (*MISSING, ValueError, KeyError, TypeError, SafetensorError):
        remove(key)
        return None


def _read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path, content):
    path.write_text(json.dumps(content, sort_keys=True, default=_plain), encoding="utf-8")


def _read_frame(path, types):
    """Return the frame of a CSV file with these {column: type}; only columns of fractions may have gaps."""
    gaps = {name: [""] for name, type in types.items() if type.startswith("float")}
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=gaps)


def _write_frame(path, frame):
    """Write a frame and return its types; raises ValueError for one that would not come back the same."""
    types = {name: str(type) for name, type in frame.dtypes.items()}
    frame.to_csv(path, index=False, lineterminator="\n")
    try:
        same = _read_frame(path, types).equals(frame)
    except (TypeError, ValueError):
        same = False
    if not same:
        raise ValueError(
            f"The frame '{path.stem}' does not survive as CSV; it may have numbers and texts, and a plain index."
        )
    return types


def save(key, result, function=""):
    """Store a result of a function: numbers and texts, pandas frames, and dictionaries of numpy arrays, by name.

    Raises TypeError or ValueError for what would not come back the same.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    _mark_shared()
    unfinished = _aside(key)
    unfinished.mkdir()
    try:
        values, types = {}, {}
        for name, part in result.items():
            if isinstance(part, pd.DataFrame):
                types[name] = _write_frame(unfinished / f"{name}.csv", part)
            elif isinstance(part, dict):
                # safetensors writes the memory as it lies, which is not the array for a transposed one.
                rows = {part_name: np.asarray(array, order="C") for part_name, array in part.items()}
                save_file(rows, unfinished / f"{name}.safetensors")
            else:
                values[name] = part
        _write_json(unfinished / "values.json", values)
        _write_json(unfinished / "types.json", types)
        _write_json(unfinished / "checksums.json", _label(key, function, unfinished))
        unfinished.rename(FOLDER / key)
    except OSError:
        if not (FOLDER / key).exists():  # where another process stored the same first, all is well
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _mark_shared():
    """Leave a mark for the owner of a store that is linked here, who would not know that others use it."""
    if FOLDER.is_symlink():
        with suppress(OSError):
            (FOLDER / SHARED).touch()


def _label(key, function, entry):
    """Return what checksums.json has to say of an entry."""
    files = {path.name: checksums.of_file(path) for path in entry.iterdir() if path.name != "checksums.json"}
    return {"key": key, "function": function, "files": files}


def stored():
    """Return {key: (function, bytes on disk)} of all entries, and of what killed processes left unfinished.

    The function is "damaged" or "unfinished" where that cannot be told.
    """
    found = {}
    for entry in sorted(FOLDER.glob("*")):
        if entry.name == SHARED:
            continue
        try:
            function = _read_json(entry / "checksums.json")["function"]
        except (OSError, ValueError, KeyError, TypeError):
            function = "damaged"
        if entry.name.startswith("."):
            function = "unfinished"
        found[entry.name] = function, sum(path.stat().st_size for path in entry.rglob("*"))
    return found


def remove(key):
    """Remove an entry, or a file that is in its place; another process may be at it, too."""
    removed = _aside(key)
    with suppress(FileNotFoundError):
        (FOLDER / key).rename(removed)
        (shutil.rmtree if removed.is_dir() and not removed.is_symlink() else os.unlink)(removed)


def _aside(key):
    """Return a name that nobody else uses; processes of other machines, which share numbers, may share the folder."""
    return FOLDER / f".{key.lstrip('.')}.{uuid4().hex}"
