"""From what a chapter published to the results folder and its manifest, and back again: is it intact?"""

import json
import os
import shutil
import threading

from lib import checksums, concordance
from lib.build.execute import ChapterFailed

RECORD = ".record.json"
accepting = threading.Lock()  # one chapter at a time; who holds it at exit keeps the others out


def staging(folder, chapter):
    """Return the folder below the results `folder` in which a chapter publishes until it is accepted.

    Each build has its own: a kernel can outlive a killed one for a moment.
    """
    return folder / ".unfinished" / str(os.getpid()) / chapter.notebook


def read_manifest(folder):
    """Return {"outputs", "claims"} of a results folder; empty where there is none, or a damaged one."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return {"outputs": dict(manifest["outputs"]), "claims": dict(manifest["claims"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"outputs": {}, "claims": {}}


def accept(folder, chapter):
    """Move what a chapter published into the results folder and record it in the manifest.

    Raises ChapterFailed, before anything is moved, where the chapter did not publish what it owes.
    """
    staged = staging(folder, chapter)
    records = {
        path.name.removesuffix(RECORD): json.loads(path.read_text(encoding="utf-8"))
        for path in staged.glob(f"*{RECORD}")
    }
    if missing := sorted(chapter.owed - set(records)):
        raise ChapterFailed(
            chapter.notebook, f"It did not publish {', '.join(missing)}, which the concordance says it owes."
        )
    with accepting:
        before = read_manifest(folder)
        after = _merged(before, records)
        unfinished = staged / "manifest.json"
        unfinished.write_text(
            json.dumps(after, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
            encoding="utf-8",
            newline="\n",
        )
        for record in records.values():
            for name in record["files"]:
                (staged / name).replace(folder / name)
        unfinished.replace(folder / "manifest.json")
        for name in _files(before) - _files(after):
            (folder / name).unlink(missing_ok=True)
    shutil.rmtree(staged)


def _merged(manifest, records):
    """Return a manifest with new records, without what no chapter owes any more."""
    owed = set().union(*(chapter.owed for chapter in concordance.chapters()))
    entries = manifest["outputs"] | manifest["claims"] | records
    parts = {"outputs": {}, "claims": {}}
    for id in owed & entries.keys():
        parts["claims" if "verdict" in entries[id] else "outputs"][id] = entries[id]
    return parts


def _files(manifest):
    return {name for record in manifest["outputs"].values() for name in record["files"]}


def fingerprint(chapter, manifest):
    """Return a SHA-256 of all that a manifest records of a chapter, to tell its results from those of other code."""
    records = {id: manifest["outputs"].get(id) or manifest["claims"].get(id) for id in chapter.owed}
    return checksums.of_bytes(json.dumps(records, sort_keys=True).encode())


def damage(folder, chapter, manifest):
    """Return the first thing that is not as the manifest records it ("fig.pdf was changed"), or None."""
    for id in sorted(chapter.owed):
        record = manifest["outputs"].get(id) or manifest["claims"].get(id)
        if record is None:
            return f"{id} is missing"
        for name, checksum in record["files"].items():
            path = folder / name
            if not path.exists():
                return f"{name} is missing"
            if checksums.of_file(path) != checksum:
                return f"{name} was changed"
    return None
