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

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.concordance import ROOT, ConcordanceError, find_chapters, unknown
from lib.edition import Edition

FORMATS = ("pdf", "png", "svg")
CUSTOM, CHECK = ROOT / "build" / "custom", ROOT / "build" / "check"


class UsageError(Exception):
    """Options that contradict each other or cannot be."""


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
        help="of figures, separated by commas: pdf, png, svg (default: pdf,png)",
    )
    add(
        "--workers", type=int, default=os.cpu_count() or 1, help="chapters side by side (default: one a core)"
    )
    add(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter of the chapters that have it; results go to build/custom/",
    )
    add("--time-limit", type=int, default=900, metavar="SECONDS", help="for one cell (default: 900)")
    add("--update", action="store_true", help="write the outputs into the notebooks, too")
    add(
        "--check",
        action="store_true",
        help="rebuild from nothing into build/check/ and compare with figures/",
    )
    return parser.parse_args()


def folder(options):
    """Return where the results of this call go."""
    if options.check:
        return CHECK
    base = CUSTOM if options.p else ROOT / "build" / "quick" if options.quick else ROOT / "figures"
    return base if options.lang == "en" else base / options.lang


def requested(options):
    """Return the Build that the command line asks for; raises an error with a sentence for what is wrong."""
    from lib.build import notebooks, plan

    formats = tuple(options.formats.split(","))
    for format in formats:
        if format not in FORMATS:
            raise UsageError(unknown("format", format, FORMATS))
    if min(options.workers, options.time_limit) < 1:
        raise UsageError("--workers and --time-limit take whole numbers from 1 on.")
    plain = not (options.quick or options.p or options.lang != "en" or options.formats != "pdf,png")
    if (options.update or options.check) and not plain:
        raise UsageError(
            "--update and --check are about the committed results: without --quick, -p, --lang, --formats."
        )
    if options.update and options.check:
        raise UsageError("--update changes what --check compares with; call them one after the other.")
    chapters = find_chapters(options.chapters)
    known = {}
    for chapter in chapters:
        if not chapter.path.exists():
            raise UsageError(
                f"The concordance names {chapter.path.relative_to(ROOT)}, but there is no such file."
            )
        known |= notebooks.parameters(notebooks.read(chapter.path))
    for name, _ in options.p:
        if name not in known:
            raise UsageError(unknown("parameter", name, list(known)))
    return plan.Build(
        chapters=tuple(chapters),
        folder=folder(options),
        edition=Edition(
            language=options.lang, formats=formats, scale="quick" if options.quick else "default"
        ),
        parameters={name: notebooks.parse_value(name, text, known[name]) for name, text in options.p},
        fresh=options.fresh or options.check,
        workers=options.workers,
        time_limit=options.time_limit,
        keep_executed=options.update,
    )


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
    """Print how each rebuilt output compares with the committed one; returns how many are different."""
    from lib.build import verify

    different = 0
    for output in (output for chapter in build.chapters for output in chapter.outputs):
        result = verify.compare(output, ROOT / "figures", CHECK)
        different += result.startswith("DIFFERENT")
        print(f"{output.id:30} {result}")
    return different


def update(build, failed):
    """Write the outputs of the executed notebooks into the committed ones."""
    from lib.build import execute, notebooks

    for chapter in build.chapters:
        if chapter.notebook not in failed:
            executed = notebooks.read(execute.EXECUTED / chapter.path.name)
            notebooks.write(chapter.path, notebooks.with_outputs(notebooks.read(chapter.path), executed))


def check_writable(folder):
    """Raise UsageError with a sentence where nothing can be written into a results folder."""
    probe = folder / ".unfinished"
    try:
        probe.mkdir(parents=True, exist_ok=True)
        (probe / "probe").write_bytes(b"x" * 4096)
    except OSError as error:
        raise UsageError(f"{folder.relative_to(ROOT)}/ cannot be written: {error.strerror}.") from None
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def build_all(build, options):
    """Build, compare or update as asked; returns the exit status."""
    from filelock import FileLock, Timeout

    from lib.build import execute, plan, report

    execute.BUILD.mkdir(exist_ok=True)
    try:
        lock = FileLock(execute.BUILD / "lock", timeout=0).acquire()
    except Timeout:
        raise UsageError(
            "Another build of this checkout is running; wait until it ends, or stop it."
        ) from None
    progress = report.Report()
    with lock:
        if options.check:
            shutil.rmtree(CHECK, ignore_errors=True)
        check_writable(build.folder)
        try:
            plan.run(build, progress)
        except KeyboardInterrupt:
            execute.stop_all()
            progress.end()
            print("Interrupted. What was finished is kept; the same command goes on from there.")
            return 130
        progress.end()
        different = check(build) if options.check else 0
        if options.update:
            update(build, {failure.notebook for failure in progress.failures})
    return 1 if progress.failures or different else 0


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = arguments()
    try:
        from lib.build.notebooks import NotebookError

        build = requested(options)
        if options.list:
            return list_chapters(build)
        return build_all(build, options)
    except ModuleNotFoundError as error:
        print(
            f"{error.name} is not installed for this Python. `make figures` makes an environment and builds; "
            "then `.venv/bin/python run_all.py` does.",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("Interrupted before anything was built.", file=sys.stderr)
    except (UsageError, ConcordanceError, NotebookError) as error:
        print(error, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
