"""From what a chapter published to the results folder and its manifest, and back again: is it intact?"""

import csv
import json
import math
import os
import shutil
import threading

from lib import checksums, concordance
from lib.build.execute import ChapterFailed

RECORD = ".record.json"
SEEN = 0.01  # root mean square of the difference of two pictures, as a share of black to white
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

    "identical", "within tolerance ...", or "DIFFERENT: ..." with the first thing that differs. Other
    processors give other low bits: numbers may differ by the output's tolerance, and a picture by so
    little that nobody sees it.
    """
    records = [read_manifest(folder)["outputs"].get(output.id) for folder in (committed, rebuilt)]
    if None in records:
        return f"DIFFERENT: {output.id} is not in {(committed if records[0] is None else rebuilt).name}/"
    for name, checksum in records[0]["files"].items():
        if not (committed / name).exists() or checksums.of_file(committed / name) != checksum:
            return f"DIFFERENT: {committed.name}/{name} is not what its manifest records"
    if records[0]["files"] == records[1]["files"]:
        return "identical"
    numbers = f"{output.id}.csv"
    difference = largest_difference(committed / numbers, rebuilt / numbers, output.timed)
    if isinstance(difference, str):
        return f"DIFFERENT: {difference}"
    if difference > output.tolerance:
        return f"DIFFERENT: numbers differ by {difference:.1e}, more than {output.tolerance:.0e}"
    if output.timed:
        return f"within tolerance (numbers differ by {difference:.1e}, measured times not compared)"
    if output.kind == "figure" and (seen := seen_difference(committed, rebuilt, f"{output.id}.png")):
        return f"DIFFERENT: {seen}"
    if output.kind == "table" and difference == 0:
        return f"DIFFERENT: {output.id}.tex has other text around the same numbers"
    return f"within tolerance (numbers differ by {difference:.1e})"


def seen_difference(committed, rebuilt, name):
    """Return in words what a reader would see to differ between two PNG files, or None."""
    from PIL import Image, ImageChops, ImageStat

    with Image.open(committed / name) as first, Image.open(rebuilt / name) as second:
        if first.info.get("Title") != second.info.get("Title"):
            return f"{name} has another caption"
        if first.size != second.size:
            return f"{name} has another size"
        difference = ImageChops.difference(first.convert("RGB"), second.convert("RGB"))
    share = max(ImageStat.Stat(difference).rms) / 255
    return f"{name} looks different ({share:.1%} on average)" if share > SEEN else None


def compare_claim(claim, committed, rebuilt):
    """Return how the record of a claim compares: "identical", or the two measurements."""
    records = [read_manifest(folder)["claims"].get(claim.id) for folder in (committed, rebuilt)]
    if None in records:
        return f"DIFFERENT: {claim.id} is not in {(committed if records[0] is None else rebuilt).name}/"
    if records[0]["verdict"] != records[1]["verdict"]:
        return f"DIFFERENT: the verdict is '{records[1]['verdict']}'"
    if records[0]["measured"] != records[1]["measured"]:
        return f"same verdict, but measured now: {records[1]['measured']}"
    return "identical"


def largest_difference(first, second, timed=()):
    """Return the largest difference between numbers of two CSV files, relative to their column's largest.

    Columns in `timed` are left out. Returns a sentence instead where they differ in anything else.
    """
    (header, *rows), (other_header, *other_rows) = _read_csv(first), _read_csv(second)
    if header != other_header or len(rows) != len(other_rows):
        return f"{first.name} has other rows or columns"
    largest = 0.0
    for name, values, others in zip(
        header, zip(*rows, strict=True), zip(*other_rows, strict=True), strict=True
    ):
        if name in timed:
            continue
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
    """Return a finite number, or None for a text that is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
