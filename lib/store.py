"""Results of runs as plain files, found by the SHA-256 of all that they depend on.

An entry is a folder build/runs/KEY with values.json, a CSV file for each frame, a safetensors file
for each set of arrays, and checksums.json over all of them. It is written under another name and
renamed, so it is there whole or not at all; one that is damaged counts as absent and is removed.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from functools import cache
from importlib.metadata import version
from pathlib import Path

import grimp
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from lib import checksums
from lib.concordance import ROOT

FOLDER = ROOT / "build" / "runs"
LIBRARIES = ("tensorflow", "keras", "numpy")


@cache
def _sources(module):
    """Return {module: SHA-256} of a module of lib and all that it imports of ours."""
    graph = grimp.build_graph("lib", cache_dir=str(ROOT / "build" / "imports"))
    modules = {module, *graph.find_upstream_modules(module)}
    files = {name: ROOT / Path(*name.split(".")) for name in modules}
    return {
        name: checksums.of_file(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
        for name, path in files.items()
    }


@cache
def _data(name):
    sums = checksums.shipped(name)
    if not sums:
        folder = Path(name)
        sums = {
            path.relative_to(folder).as_posix(): checksums.of_file(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    return checksums.of_dataset(sums)


def key(config):
    """Return the SHA-256 of all that a run's result depends on.

    That is its function (the config's class), its fields, the source of the modules behind it, its
    data (the field `data`), and the versions of TensorFlow, Keras and numpy.
    """
    fields = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        fields[field.name] = key(value) if dataclasses.is_dataclass(value) else value
    kind = type(config)
    content = {
        "function": f"{kind.__module__}.{kind.__qualname__}",
        "fields": fields,
        "sources": _sources(kind.__module__),
        "data": _data(config.data) if hasattr(config, "data") else None,
        "versions": {name: version(name) for name in LIBRARIES},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load(key):
    """Return the result stored under a key, or None where there is none, or a damaged one."""
    entry = FOLDER / key
    if not entry.exists():
        return None
    try:
        sums = json.loads((entry / "checksums.json").read_text(encoding="utf-8"))
        if sums.pop("key") != key or sums != _sums(entry):
            raise ValueError("the entry is not what was stored")
        result = json.loads((entry / "values.json").read_text(encoding="utf-8"))
        result |= {path.stem: pd.read_csv(path, float_precision="round_trip") for path in entry.glob("*.csv")}
        return result | {path.stem: load_file(path) for path in entry.glob("*.safetensors")}
    except (OSError, ValueError, KeyError, AttributeError, SafetensorError):
        shutil.rmtree(entry, ignore_errors=True)
        return None


def save(key, result):
    """Store a result: numbers and texts, pandas frames, and dictionaries of numpy arrays, by name."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    unfinished = FOLDER / f".{key}.{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        values = {}
        for name, part in result.items():
            if isinstance(part, pd.DataFrame):
                part.to_csv(unfinished / f"{name}.csv", index=False, lineterminator="\n")
            elif isinstance(part, dict):
                save_file(part, unfinished / f"{name}.safetensors")
            else:
                values[name] = part
        (unfinished / "values.json").write_text(json.dumps(values, sort_keys=True), encoding="utf-8")
        sums = _sums(unfinished) | {"key": key}
        (unfinished / "checksums.json").write_text(json.dumps(sums, sort_keys=True), encoding="utf-8")
        unfinished.rename(FOLDER / key)
    except OSError:
        if not (FOLDER / key).exists():  # where another process stored the same first, all is well
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _sums(entry):
    return {path.name: checksums.of_file(path) for path in entry.iterdir() if path.name != "checksums.json"}


def stored():
    """Return {key: bytes on disk} of all entries."""
    return {
        entry.name: sum(path.stat().st_size for path in entry.iterdir())
        for entry in FOLDER.glob("*")
        if not entry.name.startswith(".")
    }


def remove(key):
    """Remove an entry."""
    shutil.rmtree(FOLDER / key, ignore_errors=True)
