"""Which chapters are out of date, and the graph that brings them up to date, on doit.

A chapter is stale when one of its ingredients is not as it was at the last build, or when its results are not
those of that build.
"""

import shutil
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from lib import checksums
from lib.build import bytecode, execute, ingredients, memory, notebooks, runs, verify, workers
from lib.concordance import ROOT
from lib.edition import Edition


@dataclass(frozen=True)
class Build:
    """What to build and how: one edition of some chapters.

    `folder` gets the results; `parameters` has {notebook: {name: value}} where values are given;
    `fresh` builds also what is up to date; `time_limit` is in seconds a cell; `keep_executed` asks for
    the executed notebooks too, which --update needs; `scheduler` is the address of a Dask cluster to
    use in place of a pool of its own.
    """

    chapters: tuple
    folder: Path
    edition: Edition
    parameters: dict
    fresh: bool = False
    workers: int = 1
    time_limit: int = 3600
    keep_executed: bool = False
    scheduler: str | None = None


def _task_name(chapter, build):
    return f"{build.folder.relative_to(ROOT).as_posix()}/{chapter.notebook}"


def executed(chapter, build):
    """Return where the executed copy of a chapter's notebook is kept, one for each edition."""
    return execute.BUILD / "executed" / f"{_task_name(chapter, build)}.ipynb"


def stale_because(chapter, build, now, before, manifest):
    """Return why a chapter has to be built, in words, or None where it is fresh.

    `now` are its ingredients at present, `before` is what its last build left ({} if there was none).
    """
    if "ingredients" not in before:
        return "not yet built on this machine"
    then = before["ingredients"]
    for name in sorted(now.keys() | then.keys()):
        if now.get(name) != then.get(name):
            return f"{name} changed"
    if build.keep_executed and before.get("executed") != _checksum(executed(chapter, build)):
        return "its executed notebook is not that of its last build"
    if damage := verify.damage(build.folder, chapter, manifest):
        return damage
    if before.get("results") != verify.fingerprint(chapter, manifest):
        return "its results are not those of its last build"
    return None


def _checksum(file):
    return checksums.of_file(file) if file.exists() else "none"


def remembered(build):
    """Return {notebook: what _build_chapter returned} of the last build of each chapter in this edition."""
    recalled = memory.recall()
    return {chapter.notebook: recalled(_task_name(chapter, build)) for chapter in build.chapters}


def states(build):
    """Return {notebook: why it is stale, or None} for the chapters of a build."""
    before, manifest = remembered(build), verify.read_manifest(build.folder)
    return {
        chapter.notebook: stale_because(
            chapter, build, ingredients.of_chapter(chapter, build), before[chapter.notebook], manifest
        )
        for chapter in build.chapters
    }


def _task(chapter, build, pool, seconds, manifest, report):
    """Return doit's task for one chapter; `pool` is None for one that needs none."""

    def up_to_date(task, values):
        try:
            now = ingredients.of_chapter(chapter, build)
        except (OSError, notebooks.NotebookError):  # to build it will tell
            return False
        return stale_because(chapter, build, now, values, manifest) is None

    return {
        "basename": _task_name(chapter, build),
        "actions": [partial(_build_chapter, chapter, build, pool, seconds, report)],
        "uptodate": [up_to_date],
        "task_dep": [_task_name(other, build) for other in build.chapters if chapter.last and not other.last],
        "io": {"capture": False},  # doit would redirect sys.stdout, which is shared by all threads
    }


def _build_chapter(chapter, build, pool, seconds, report):
    """Execute a chapter, accept its results; returns what to remember, or False for doit's "failed"."""
    started = time.monotonic()
    report.started(chapter, seconds)
    try:
        now = _execute(chapter, build, pool, report)
    except execute.ChapterFailed as failure:
        report.failed(chapter, failure)
        return False
    except (checksums.DatasetError, notebooks.NotebookError, workers.PoolFailed, OSError) as error:
        report.failed(chapter, execute.ChapterFailed(chapter.notebook, str(error)))
        return False
    runs.settle(build.folder, chapter)
    seconds = time.monotonic() - started
    report.finished(chapter, seconds)
    return {
        "ingredients": now,
        "results": verify.fingerprint(chapter, verify.read_manifest(build.folder)),
        "executed": _checksum(executed(chapter, build)),
        "seconds": seconds,
    }


def _execute(chapter, build, pool, report):
    """Execute a chapter and accept its results; returns the ingredients that they were made of.

    Raises ChapterFailed, DatasetError, NotebookError, PoolFailed or OSError; the old results are then untouched.
    """
    staged = verify.staging(build.folder, chapter)
    shutil.rmtree(staged, ignore_errors=True)
    try:
        written, now = ingredients.written(chapter, build), ingredients.of_chapter(chapter, build)
        for name in chapter.data:
            ingredients.verify_data(name)
        staged.mkdir(parents=True)
        edition = replace(
            build.edition,
            folder=str(staged),
            chapter=chapter.notebook,
            scheduler=pool.address() if pool else None,
            results=str(ingredients.ledger(build)),
            runs_used=str(runs.unsettled(build.folder, chapter)),
            data=ingredients.data_read(chapter, build),
            parameters=ingredients.recorded(chapter, build),
        )
        values, progress = ingredients.parameters(chapter, build), partial(report.cell, chapter)
        execute.execute(chapter, edition, values, build.time_limit, executed(chapter, build), progress)
        ingredients.refuse_edited(chapter, written, ingredients.written(chapter, build))
        verify.accept(build.folder, chapter)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return now


def run(build, report):
    """Bring all chapters of a build up to date; returns doit's exit status, 0 when all is well."""
    build.folder.mkdir(parents=True, exist_ok=True)
    memory.forget_damaged()
    bytecode.compile_lib()
    manifest = verify.read_manifest(build.folder)
    for chapter in build.chapters:
        ingredients.of_chapter(chapter, build)  # what cannot be read is told before anything is built
    seconds = {name: values.get("seconds", 0) for name, values in remembered(build).items()}
    # The longest chapters first: the last one to end then ends soon after the others.
    order = sorted(build.chapters, key=lambda chapter: -seconds[chapter.notebook])
    pool = workers.Pool(build.workers, build.scheduler)
    tasks = [
        _task(c, build, pool if ingredients.trains(c) else None, seconds[c.notebook], manifest, report)
        for c in order
    ]
    namespace = {
        "DOIT_CONFIG": {
            "dep_file": str(memory.STATE),
            "backend": "memory",
            "reporter": report,
            "continue": True,
            "always": build.fresh,
            "num_process": build.workers,
            "par_type": "thread",
        },
        "task_chapters": lambda: (task for task in tasks),
    }
    names = [task["basename"] for task in tasks]
    with pool:
        return DoitMain(
            ModuleTaskLoader(namespace),
            config_filenames=(),
            extra_config={"BACKEND": {"memory": "lib.build.memory:Memory"}},
        ).run(["run", *names])
