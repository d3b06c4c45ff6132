"""Rebuild the figures and tables of the thesis that are out of date, from their notebooks.

CHAPTER is a section (3.1.2), a notebook (03_1_2_convolution) or the id of a figure, table or claim
(fig_04_convolution); without one, all chapters are meant.
"""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 (of another interpreter than that of the lock)
    print(
        "run_all.py needs Python 3.11 or newer. `make figures` makes an environment and builds.",
        file=sys.stderr,
    )
    sys.exit(2)

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.checksums import DatasetError, shipped
from lib.concordance import ROOT, ConcordanceError, find_chapters, unknown
from lib.edition import Edition

FORMATS = ("pdf", "png", "svg")
CUSTOM, CHECK = ROOT / "build" / "custom", ROOT / "build" / "check"


class UsageError(Exception):
    """Options that contradict each other or cannot be."""


def cores():
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def arguments():
    parser = argparse.ArgumentParser(
        prog="run_all.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("chapters", nargs="*", metavar="CHAPTER", help="what to build (default: everything)")
    add(
        "--list", action="store_true", help="show chapters and outputs, fresh or stale and why; build nothing"
    )
    add("--fresh", action="store_true", help="build also what is up to date")
    add(
        "--quick",
        action="store_true",
        help="smaller numbers, watermarked, into build/quick/ instead of figures/",
    )
    add(
        "--lang",
        choices=("en", "de"),
        default="en",
        help="language of labels and captions; de goes to figures/de/",
    )
    add(
        "--formats",
        default="pdf,png",
        help="of figures, separated by commas: pdf and png always, svg on demand",
    )
    add(
        "--workers",
        type=int,
        default=cores(),
        help="chapters side by side, and training runs (default: one a core)",
    )
    add(
        "--scheduler",
        metavar="ADDRESS",
        help="of a running Dask cluster to train on, tcp://host:port or tls://, in place of one on this machine",
    )
    add(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter of the chapters that have it; results go to build/custom/",
    )
    add("--seeds", metavar="N", help="compare over so many seeds, as -p seeds N does")
    add(
        "--data",
        metavar="NAME|FOLDER",
        help="your folder of class folders in place of the food photos, as -p photos",
    )
    add("--time-limit", type=int, default=3600, metavar="SECONDS", help="for one cell (default: 3600)")
    add("--update", action="store_true", help="write the outputs into the notebooks, too")
    add(
        "--check",
        action="store_true",
        help="rebuild from nothing into build/check/ and compare with figures/",
    )
    add(
        "--thesis",
        action="store_true",
        help="build the German edition and write it as a folder for LaTeX, build/thesis/",
    )
    add(
        "--site",
        action="store_true",
        help="write the website of notebooks and figures as they are, build/site/; build nothing",
    )
    add("--runs", action="store_true", help="show the stored training runs and who uses them; build nothing")
    add("--prune-runs", action="store_true", help="remove the stored runs that no chapter uses any more")
    options = parser.parse_args()
    if options.thesis:
        options.lang = "de"
    if options.seeds is not None:
        options.p.append(("seeds", options.seeds))
    if options.data is not None:
        options.p.append(("photos", options.data))
    return options


def folder(options):
    """Return where the results of this call go."""
    if options.check:
        return CHECK
    base = CUSTOM if options.p else ROOT / "build" / "quick" if options.quick else ROOT / "figures"
    return base if options.lang == "en" else base / options.lang


def requested(options):
    """Return the Build that the command line asks for; raises an error with a sentence for what is wrong."""
    from lib.build import plan

    formats = options.formats.split(",")
    for format in formats:
        if format not in FORMATS:
            raise UsageError(unknown("format", format, FORMATS))
    formats = tuple(format for format in FORMATS if format in {"pdf", "png", *formats})
    if min(options.workers, options.time_limit) < 1:
        raise UsageError("--workers and --time-limit take whole numbers from 1 on.")
    if options.thesis and (options.quick or options.p or options.chapters or options.check or options.update):
        raise UsageError(
            "--thesis is about all chapters at default scale: without names, --quick, -p, --check."
        )
    plain = not (options.quick or options.p or options.lang != "en" or "svg" in formats)
    if (options.update or options.check) and not plain:
        raise UsageError(
            "--update and --check are about the committed results: without --quick, -p, --lang, --formats."
        )
    if options.site and (options.quick or options.p or options.chapters or options.lang != "en"):
        raise UsageError("--site is about all chapters at default scale: without names, --quick, -p, --lang.")
    if options.update and options.check:
        raise UsageError("--update changes what --check compares with; call them one after the other.")
    chapters = find_chapters(
        [Path(name).stem if name.endswith(".ipynb") else name for name in options.chapters]
    )
    for chapter in chapters:
        if not chapter.path.exists():
            raise UsageError(
                f"The concordance names {chapter.path.relative_to(ROOT)}, but there is no such file."
            )
    parameters = given_parameters(options, chapters)
    for values in parameters.values():
        check_values(values)
    return plan.Build(
        chapters=tuple(chapter for chapter in chapters if not options.p or chapter.notebook in parameters),
        folder=folder(options),
        edition=Edition(
            language=options.lang,
            formats=formats,
            scale="quick" if options.quick else "custom" if options.p else "default",
            runs=str(CHECK / "runs") if options.check else None,
        ),
        parameters=parameters,
        fresh=options.fresh or options.check,
        workers=options.workers,
        time_limit=options.time_limit,
        keep_executed=options.update,
        scheduler=options.scheduler,
    )


def given_parameters(options, chapters):
    """Return {notebook: {name: value}} for the values given with -p, in the chapters that have the names."""
    from lib.build import notebooks

    if not options.p:
        return {}
    known = {chapter.notebook: notebooks.parameters(chapter.path) for chapter in chapters}
    names = sorted(set().union(*known.values()))
    for name, _ in options.p:
        if name == "photos" and name not in names:
            raise UsageError("No chapter named here reads photos that others could be in place of.")
        if name not in names:
            raise UsageError(unknown("parameter", name, names))
    given = {
        notebook: {
            name: notebooks.parse_value(name, text, defaults[name])
            for name, text in options.p
            if name in defaults
        }
        for notebook, defaults in known.items()
    }
    return {notebook: values for notebook, values in given.items() if values}


def check_values(values):
    """Raise UsageError for a number of seeds or a data set that cannot be; makes folders and files absolute."""
    if values.get("seeds", 2) < 2:
        raise UsageError("--seeds takes a whole number from 2 on: one seed has no spread.")
    for name in {"data", "photos"} & values.keys():
        if not shipped(values[name]):
            folder = Path(values[name]).resolve()
            if not folder.is_dir():
                raise UsageError(
                    f"There is no folder '{values[name]}'; known by name are 'mnist' and 'food'."
                )
            check_folder(folder)
            values[name] = str(folder)
    photo = Path(values.get("photo", ""))
    if photo.is_file():
        values["photo"] = str(photo.resolve())
    elif photo.suffix or photo.is_absolute():
        raise UsageError(f"There is no photo '{photo}'; those of data/ have names such as 'fruits/E063'.")


def check_folder(folder):
    """Raise UsageError where a folder of data holds a name that is no text."""
    for path in sorted(folder.rglob("*")):
        try:
            path.name.encode()
        except UnicodeEncodeError:
            name = repr(os.fspath(path.relative_to(folder)))
            raise UsageError(f"The name {name} in {folder} is not UTF-8; rename it.") from None


def list_runs(prune):
    """Print the stored runs, their sizes and who uses them, or remove those that nobody uses any more."""
    from lib import store
    from lib.build import runs

    if prune and (store.FOLDER.is_symlink() or (store.FOLDER / store.SHARED).exists()):
        raise UsageError(
            "build/runs is shared by a link: other checkouts may need the runs that this one does not use."
        )
    used = runs.used()
    stored = store.stored()
    chosen = [key for key in stored if key not in used] if prune else list(stored)
    for key in chosen:
        function, size = stored[key]
        if prune:
            store.remove(key)
        else:
            users = ", ".join(used.get(key, ["no chapter"]))
            print(f"{key[:12]} {function:32} {size / 1e6:8.2f} MB  {users}")
    size = sum(stored[key][1] for key in chosen) / 1e6
    print(f"{len(chosen)} {'removed' if prune else 'stored'}, {size:.2f} MB.")


def list_chapters(build):
    """Print chapters, whether they are fresh, and what they owe."""
    from lib.build import plan

    states = plan.states(build)
    for chapter in build.chapters:
        reason = states[chapter.notebook]
        print(f"{chapter.section:6} {chapter.notebook:26} {'stale: ' + reason if reason else 'fresh'}")
        for output in chapter.outputs:
            print(f"         {output.id:30} {output.number or ''}".rstrip())
        for claim in chapter.claims:
            print(f"         {claim.id:30} {claim.verdict}")


def check(build):
    """Print how each rebuilt output and claim compares with the committed one; returns how many differ."""
    from lib.build import compare

    committed = ROOT / "figures"
    results = {
        entry.id: comparison(entry, committed, CHECK)
        for chapter in build.chapters
        for comparison, entries in ((compare.output, chapter.outputs), (compare.claim, chapter.claims))
        for entry in entries
    }
    for id, result in results.items():
        print(f"{id:30} {result}")
    return sum(result.startswith("DIFFERENT") for result in results.values())


def update(build, failed):
    """Write the outputs of the executed notebooks into the committed ones."""
    from lib.build import notebooks, plan

    for chapter in build.chapters:
        if chapter.notebook not in failed:
            executed = notebooks.read(plan.executed(chapter, build))
            notebooks.write(chapter.path, notebooks.with_outputs(notebooks.read(chapter.path), executed))


def write_thesis_kit(build):
    """Write the German results as a folder for a LaTeX project; returns the exit status."""
    from lib import thesis_kit

    thesis_kit.write(ROOT / "build" / "thesis", build.folder)
    print("The kit for LaTeX is in build/thesis/; its README.md says how to use it.")
    return 0


def write_site(build):
    """Write the website; returns the exit status."""
    from lib import site
    from lib.build import plan

    try:
        site.build(ROOT / "build" / "site", plan.states(build))
    except site.SiteError as error:
        raise UsageError(str(error)) from None
    print("The website is in build/site/; open build/site/index.html.")
    return 0


def check_writable(folder):
    """Raise UsageError with a sentence where nothing can be written into a folder."""
    probe = folder / ".unfinished"
    try:
        probe.mkdir(parents=True, exist_ok=True)
        (probe / "probe").write_bytes(b"x" * 4096)
    except OSError as error:
        raise UsageError(f"{folder.relative_to(ROOT)}/ cannot be written: {error.strerror}.") from None
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def check_store(folder):
    """Raise UsageError where the store is a link to what is not there, a disk that is not mounted for instance."""
    if folder.is_symlink() and not folder.exists():
        raise UsageError(f"build/runs is a link to {folder.readlink()}, which is not there.")


def alone():
    """Return a context in which no other build of this checkout runs; raises UsageError where one does."""
    from filelock import FileLock, Timeout

    from lib.build import execute

    check_writable(execute.BUILD)
    try:
        return FileLock(execute.BUILD / "lock", timeout=0).acquire()
    except Timeout:
        raise UsageError(
            "Another build of this checkout is running; wait until it ends, or stop it."
        ) from None


def build_all(build, options):
    """Build, compare or update as asked; returns the exit status."""
    from lib.build import execute, plan, report, verify

    with alone():
        if options.check:
            shutil.rmtree(CHECK, ignore_errors=True)
        check_writable(build.folder)
        check_store(execute.BUILD / "runs")
        progress = report.Report()
        try:
            status = plan.run(build, progress)
        except KeyboardInterrupt:
            execute.stop_all()
            verify.accepting.acquire()  # a chapter that is being accepted ends, and no other one begins
            progress.end()
            print("Interrupted. What was finished is kept; the same command goes on from there.")
            return 130
        finally:
            shutil.rmtree(build.folder / ".unfinished", ignore_errors=True)
        progress.end()
        if build.folder != ROOT / "figures" and (progress.built or progress.fresh):
            print(f"The results are in {build.folder.relative_to(ROOT).as_posix()}/.")
        different = check(build) if options.check else 0
        if options.update:
            update(build, {failure.notebook for failure in progress.failures})
    return 1 if status or progress.failures or different else 0


def complain(text):
    """Say what is wrong, without letting a file name in it be taken for a command by the terminal."""
    from lib.build.report import printable

    print("\n".join(map(printable, text.splitlines())), file=sys.stderr)


def main():
    for name in ("SIGTERM", "SIGHUP"):
        ending = getattr(signal, name, None)  # Windows has no SIGHUP
        if ending and signal.getsignal(ending) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(ending, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a terminal may lack a letter; the report may not
    options = arguments()
    try:
        from lib.build.ingredients import SourceError
        from lib.build.notebooks import NotebookError
        from lib.build.report import say_no_more
        from lib.build.runs import NoteDamaged
    except ModuleNotFoundError as error:
        print(
            f"{error.name} is not installed for this Python. `make figures` makes an environment and builds; "
            "then `.venv/bin/python run_all.py` does.",
            file=sys.stderr,
        )
        return 2
    try:
        if options.prune_runs:
            with alone():
                return list_runs(prune=True)
        if options.runs:
            return list_runs(prune=False)
        build = requested(options)
        if options.list:
            return list_chapters(build)
        if options.site:
            return write_site(build)
        status = build_all(build, options)
        return write_thesis_kit(build) if options.thesis and status == 0 else status
    except BrokenPipeError:  # whoever read the list has enough of it
        say_no_more()
        return 0
    except OSError as error:
        complain(f"{Path(error.filename or '').name} cannot be read or written: {error.strerror}.")
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except (UsageError, ConcordanceError, DatasetError, NotebookError, NoteDamaged, SourceError) as error:
        complain(str(error))
    return 2


if __name__ == "__main__":
    sys.exit(main())
