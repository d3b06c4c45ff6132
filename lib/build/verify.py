"""From what a chapter published to the results folder and its manifest, and back again: is it intact?"""

import csv
import json
import shutil
import threading

from lib import checksums, concordance
from lib.build.execute import ChapterFailed

RECORD = ".record.json"
_manifest_lock = threading.Lock()


def staging(folder, chapter):
    """Return the folder below the results `folder` in which a chapter publishes until it is accepted."""
    return folder / ".unfinished" / chapter.notebook


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
    with _manifest_lock:
        manifest = read_manifest(folder)
        for id, record in records.items():
            part = "claims" if "verdict" in record else "outputs"
            previous = manifest[part].get(id, {}).get("files", {})
            for name in record["files"]:
                (staged / name).replace(folder / name)
            for name in set(previous) - set(record["files"]):
                (folder / name).unlink(missing_ok=True)
            manifest[part][id] = record
        _write_manifest(folder, manifest)
    shutil.rmtree(staged)


def _write_manifest(folder, manifest):
    """Replace the manifest; what no chapter owes any more leaves it, and its files leave the folder."""
    owed = set().union(*(chapter.owed for chapter in concordance.chapters()))
    kept = {part: {id: entries[id] for id in entries if id in owed} for part, entries in manifest.items()}
    for id in manifest["outputs"].keys() - kept["outputs"].keys():
        for name in manifest["outputs"][id]["files"]:
            (folder / name).unlink(missing_ok=True)
    unfinished = folder / ".unfinished" / "manifest.json"
    unfinished.write_text(
        json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
    )
    unfinished.replace(folder / "manifest.json")


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


def compare(output, committed, rebuilt):
    """Return how an output in one results folder compares with the same in another, in words.

    "identical", "within tolerance ...", or "DIFFERENT: ..." with the first thing that differs.
    """
    records = [read_manifest(folder)["outputs"].get(output.id) for folder in (committed, rebuilt)]
    if None in records:
        return f"DIFFERENT: {output.id} is not in {(committed if records[0] is None else rebuilt).name}/"
    for name, checksum in records[0]["files"].items():
        if not (committed / name).exists() or checksums.of_file(committed / name) != checksum:
            return f"DIFFERENT: {committed.name}/{name} is not what its manifest records"
    if records[0]["files"] == records[1]["files"]:
        return "identical"
    name = f"{output.id}.csv"
    difference = largest_difference(committed / name, rebuilt / name)
    if isinstance(difference, str):
        return f"DIFFERENT: {difference}"
    if difference > output.tolerance:
        return f"DIFFERENT: numbers differ by {difference:.1e}, more than {output.tolerance:.0e}"
    return f"within tolerance (numbers differ by {difference:.1e}, drawn with other bytes)"


def largest_difference(first, second):
    """Return the largest difference between numbers of two CSV files, relative to their column's largest.

    Returns a sentence instead where they differ in anything else.
    """
    (header, *rows), (other_header, *other_rows) = _read_csv(first), _read_csv(second)
    if header != other_header or len(rows) != len(other_rows):
        return f"{first.name} has other rows or columns"
    largest = 0.0
    for name, values, others in zip(
        header, zip(*rows, strict=True), zip(*other_rows, strict=True), strict=True
    ):
        scale = max((abs(number) for number in map(_number, values) if number is not None), default=0) or 1.0
        for value, other in zip(values, others, strict=True):
            if value == other:
                continue
            if _number(value) is None or _number(other) is None:
                return f"the column {name} has {other!r} in place of {value!r}"
            largest = max(largest, abs(_number(value) - _number(other)) / scale)
    return largest


def _read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _number(text):
    try:
        return float(text)
    except ValueError:
        return None
