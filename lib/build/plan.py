"""Which chapters are out of date, and the graph that brings them up to date, on doit.

A chapter's ingredients are all that its results depend on, each with a checksum: its code cells,
the values given for its parameters, its entry in the concordance, the modules of lib it imports
(transitively), its data, the lock file, and the edition. A chapter is stale when one of them is not
as it was at the last build, or when its results are not those of that build. Prose is no ingredient.
"""

import ast
import json
import shutil
import time
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import grimp
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from lib import checksums, concordance
from lib.build import bytecode, execute, memory, notebooks, runs, verify, workers
from lib.concordance import ROOT
from lib.edition import Edition

LIBRARIES = ("numpy", "scipy", "pandas", "matplotlib", "pillow", "seaborn", "tensorflow", "keras")


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


class SourceError(Exception):
    """A module of lib that is no Python."""


@cache
def _import_graph():
    try:
        return grimp.build_graph("lib", cache_dir=None)  # a cache would go by the times of files
    except grimp.exceptions.SourceSyntaxError as error:
        raise SourceError(f"{_shown(Path(error.filename))} is no Python in line {error.lineno}.") from None


@cache
def _imported(code):
    """Return the modules of lib that notebook code imports, directly and transitively.

    All of them, to be safe, for code that is not plain Python: a magic, or a slip that running it will show.
    """
    graph, names = _import_graph(), set()
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return frozenset(module for module in graph.modules if not module.startswith("lib.build"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    direct = names & graph.modules
    imported = direct.union(*(graph.find_upstream_modules(module) for module in direct))
    if "lib.networks" in imported:  # which finds its families by name
        imported |= graph.find_descendants("lib.networks")
    return frozenset(imported)


def _module_files(module, language):
    """Return the files that a module of lib consists of."""
    path = ROOT / Path(*module.split("."))
    if module == "lib.style":
        return [path.with_suffix(".py"), ROOT / "lib" / "thesis.mplstyle"]
    if module == "lib.labels":
        return [path / "__init__.py"] + ([path / f"{language}.po"] if language != "en" else [])
    return [path / "__init__.py" if path.is_dir() else path.with_suffix(".py")]


@cache
def _version(library):
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


@cache
def _data(name):
    """Return (checksum, None) of a data set or of a user's own folder, or (None, what is wrong with it)."""
    try:
        own = not checksums.shipped(name) and Path(name).is_absolute()
        sums = checksums.of_folder(name) if own else checksums.verified(name)
        return checksums.of_dataset(sums), None
    except checksums.DatasetError as error:
        return None, str(error)


def _verify_data(name):
    if problem := _data(name)[1]:
        raise checksums.DatasetError(problem)


def ingredients(chapter, build):
    """Return {what: checksum} of everything that the results of a chapter depend on."""
    cells = notebooks.code_cells(notebooks.read(chapter.path))
    edition = replace(build.edition, folder="", chapter=None, scheduler=None)
    given = parameters(chapter, build)
    texts = {
        "its code": json.dumps([[cell["id"], notebooks.source(cell)] for cell in cells]),
        "its parameters": json.dumps(given, sort_keys=True),
        "its entry in the concordance": repr(chapter),
        "the edition": repr(edition),
    }
    if chapter.last:
        recorded = verify.read_manifest(_ledger(build))["claims"]
        texts["the claims of the other chapters"] = json.dumps(recorded, sort_keys=True)
    return (
        {name: checksums.of_bytes(text.encode()) for name, text in texts.items()}
        | {_shown(file): checksums.of_file(file) for file in _files(chapter, build)}
        | {f"data/{name}": _data(name)[0] for name in (*chapter.data, *_given_data(given))}
        | {f"the installed {library}": _version(library) for library in LIBRARIES}
    )


def _ledger(build):
    """Return the folder that has the claims of all chapters: that of the build, or figures/ if some are not in it."""
    owed = {claim.id for chapter in concordance.chapters() if not chapter.last for claim in chapter.claims}
    return build.folder if owed <= verify.read_manifest(build.folder)["claims"].keys() else ROOT / "figures"


def _code(chapter):
    return "\n\n".join(map(notebooks.source, notebooks.code_cells(notebooks.read(chapter.path))))


def _files(chapter, build):
    """Return the files among the ingredients of a chapter, without its notebook and whole data sets."""
    modules = sorted(_imported(_code(chapter)))
    photo = Path(parameters(chapter, build).get("photo", ""))
    return [
        *(file for module in modules for file in _module_files(module, build.edition.language)),
        ROOT / "requirements.lock",
        *([photo] if photo.is_absolute() else []),
    ]


def _shown(file):
    return (file.relative_to(ROOT) if file.is_relative_to(ROOT) else file).as_posix()


def _written(chapter, build):
    """Return {file: what changes when it is written} of a chapter's notebook and the files among its ingredients."""
    files = {_shown(file): file.stat() for file in (chapter.path, *_files(chapter, build))}
    return {name: (status.st_ino, status.st_mtime_ns, status.st_ctime_ns) for name, status in files.items()}


def parameters(chapter, build):
    """Return {name: value} for the parameters of a chapter that do not keep their defaults."""
    quick = chapter.quick if build.edition.scale == "quick" else {}
    return quick | build.parameters.get(chapter.notebook, {})


def _given_data(given):
    """Return the data sets, names or folders, among the values given for a chapter's parameters."""
    return [given[name] for name in ("data", "photos") if isinstance(given.get(name), str)]


def trains(chapter):
    """Return whether a chapter's notebook uses the pool: whether it imports lib.experiments."""
    return "lib.experiments" in _imported(_code(chapter))


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
            chapter, build, ingredients(chapter, build), before[chapter.notebook], manifest
        )
        for chapter in build.chapters
    }


def _task(chapter, build, pool, seconds, manifest, report):
    """Return doit's task for one chapter; `pool` is None for one that needs none."""

    def up_to_date(task, values):
        try:
            return stale_because(chapter, build, ingredients(chapter, build), values, manifest) is None
        except (OSError, notebooks.NotebookError):  # to build it will tell
            return False

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
    staged = verify.staging(build.folder, chapter)
    shutil.rmtree(staged, ignore_errors=True)
    try:
        written, now = _written(chapter, build), ingredients(chapter, build)
        for name in chapter.data:
            _verify_data(name)
        staged.mkdir(parents=True)
        scheduler = pool.address() if pool else None
        edition = replace(
            build.edition,
            folder=str(staged),
            chapter=chapter.notebook,
            scheduler=scheduler,
            results=str(_ledger(build)),
            runs_used=str(runs.unsettled(build.folder, chapter)),
        )
        values, progress = parameters(chapter, build), partial(report.cell, chapter)
        execute.execute(chapter, edition, values, build.time_limit, executed(chapter, build), progress)
        _refuse_edited(chapter, written, _written(chapter, build))
        verify.accept(build.folder, chapter)
    except execute.ChapterFailed as failure:
        report.failed(chapter, failure)
        return False
    except (checksums.DatasetError, notebooks.NotebookError, workers.PoolFailed, OSError) as error:
        report.failed(chapter, execute.ChapterFailed(chapter.notebook, str(error)))
        return False
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    runs.settle(build.folder, chapter)
    seconds = time.monotonic() - started
    report.finished(chapter, seconds)
    return {
        "ingredients": now,
        "results": verify.fingerprint(chapter, verify.read_manifest(build.folder)),
        "executed": _checksum(executed(chapter, build)),
        "seconds": seconds,
    }


def _refuse_edited(chapter, before, after):
    """Raise ChapterFailed where a file was written while the chapter ran, which may have used either."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            sentence = f"{name} was written while it ran; give the command again."
            raise execute.ChapterFailed(chapter.notebook, sentence)


def run(build, report):
    """Bring all chapters of a build up to date; returns doit's exit status, 0 when all is well."""
    build.folder.mkdir(parents=True, exist_ok=True)
    memory.forget_damaged()
    bytecode.compile_lib()
    manifest = verify.read_manifest(build.folder)
    for chapter in build.chapters:
        ingredients(chapter, build)  # what cannot be read is told before anything is built
    seconds = {name: values.get("seconds", 0) for name, values in remembered(build).items()}
    # The longest chapters first: the last one to end then ends soon after the others.
    order = sorted(build.chapters, key=lambda chapter: -seconds[chapter.notebook])
    pool = workers.Pool(build.workers, build.scheduler)
    tasks = [
        _task(c, build, pool if trains(c) else None, seconds[c.notebook], manifest, report) for c in order
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
