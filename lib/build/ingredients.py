"""What the results of a chapter depend on, each ingredient with a checksum, and whether one was edited meanwhile.

The ingredients are its code cells, the values given for its parameters, its entry in the concordance, the modules
of lib it imports (transitively), its data, the lock file, the installed libraries, and the edition. Prose is none.
"""

import ast
import json
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import grimp

from lib import checksums, concordance, versions
from lib.build import notebooks, verify
from lib.build.execute import ChapterFailed
from lib.concordance import ROOT

DATA_PARAMETERS = ("data", "photos")
LIBRARIES = (*versions.LIBRARIES, "pandas", "matplotlib", "seaborn")


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


def _data(name):
    """Return (checksum, None) of a data set or of a user's own folder, or (None, what is wrong with it)."""
    return (checksums.of_data(name), None) if Path(name).is_absolute() else _shipped(name)


@cache
def _shipped(name):
    try:
        return checksums.of_dataset(checksums.verified(name)), None
    except checksums.DatasetError as error:
        return None, str(error)


def verify_data(name):
    """Raise DatasetError where a data set is not as data/SHA256SUMS has it."""
    if problem := _data(name)[1]:
        raise checksums.DatasetError(problem)


def of_chapter(chapter, build):
    """Return {what: checksum} of everything that the results of a chapter depend on."""
    cells = _cells(chapter)
    edition = replace(build.edition, folder="", chapter=None, scheduler=None)
    given = parameters(chapter, build)
    texts = {
        "its code": json.dumps([[cell["id"], notebooks.source(cell)] for cell in cells]),
        "its parameters": json.dumps(given, sort_keys=True),
        "its entry in the concordance": repr(chapter),
        "the edition": repr(edition),
    }
    if chapter.last:
        recorded = verify.read_manifest(ledger(build))["claims"]
        texts["the claims of the other chapters"] = json.dumps(recorded, sort_keys=True)
    return (
        {name: checksums.of_bytes(text.encode()) for name, text in texts.items()}
        | {_shown(file): checksums.of_file(file) for file in _files(cells, chapter, build)}
        | {f"data/{name}": _data(name)[0] for name in (*chapter.data, *_given_data(given))}
        | {f"the installed {library}": _version(library) for library in LIBRARIES}
    )


def ledger(build):
    """Return the folder that has the claims of all chapters: that of the build, or figures/ if some are not in it."""
    owed = {claim.id for chapter in concordance.chapters() if not chapter.last for claim in chapter.claims}
    return build.folder if owed <= verify.read_manifest(build.folder)["claims"].keys() else ROOT / "figures"


def _cells(chapter):
    return notebooks.code_cells(notebooks.read(chapter.path))


def _modules(cells):
    return _imported("\n\n".join(map(notebooks.source, cells)))


def _files(cells, chapter, build):
    """Return the files among the ingredients of a chapter with these cells, without whole data sets."""
    photo = Path(parameters(chapter, build).get("photo", ""))
    return [
        *(
            file
            for module in sorted(_modules(cells))
            for file in _module_files(module, build.edition.language)
        ),
        ROOT / "requirements.lock",
        *([photo] if photo.is_absolute() else []),
    ]


def _shown(file):
    return (file.relative_to(ROOT) if file.is_relative_to(ROOT) else file).as_posix()


def written(chapter, build):
    """Return {file: what changes when it is written} of a chapter's notebook and the files and folders that it reads."""
    read = chapter.path, ROOT / "lib" / "concordance.toml", *_files(_cells(chapter), chapter, build)
    files = {_shown(file): file.stat() for file in read}
    folders = [name for name in _given_data(parameters(chapter, build)) if Path(name).is_absolute()]
    return {
        name: (status.st_ino, status.st_mtime_ns, status.st_ctime_ns) for name, status in files.items()
    } | {name: checksums.stamps(name) for name in folders}


def parameters(chapter, build):
    """Return {name: value} for the parameters of a chapter that do not keep their defaults."""
    quick = chapter.quick if build.edition.scale == "quick" else {}
    return quick | build.parameters.get(chapter.notebook, {})


def data_read(chapter, build):
    """Return {name: SHA-256} of the data sets that a chapter reads: its own, but for those that others were given for."""
    given, defaults = parameters(chapter, build), notebooks.parameters(chapter.path)
    replaced = {defaults[name] for name in DATA_PARAMETERS if name in given}
    names = [name for name in chapter.data if name not in replaced] + _given_data(given)
    return {Path(name).name: _data(name)[0] for name in names}


def recorded(chapter, build):
    """Return the parameters() of a chapter as they are recorded with its results: files and folders by their names."""
    given = parameters(chapter, build)
    return {name: Path(value).name if _is_path(value) else value for name, value in given.items()}


def _is_path(value):
    return isinstance(value, str) and Path(value).is_absolute()


def _given_data(given):
    """Return the data sets, names or folders, among the values given for a chapter's parameters."""
    return [given[name] for name in DATA_PARAMETERS if isinstance(given.get(name), str)]


def trains(chapter):
    """Return whether a chapter's notebook uses the pool: whether it imports lib.experiments."""
    return "lib.experiments" in _modules(_cells(chapter))


def refuse_edited(chapter, before, after):
    """Raise ChapterFailed where a file was written while the chapter ran, which may have used either."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            sentence = f"{name} was written while it ran; give the command again."
            raise ChapterFailed(chapter.notebook, sentence)
