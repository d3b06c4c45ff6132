"""Whether a stranger's machine gets the committed results: `run_all.py --check` in many environments.

Usage: python benchmarks/elsewhere.py [--all | --nbval | CHAPTER ...]

Without CHAPTER a few quick ones are built that compute all kinds of results. With --all, which takes hours,
every chapter is built, in fewer environments: as it is here, all strange habits at once, two processors. The
other processors are emulated. Each environment gets a build from an empty store, on a copy of this checkout.
With --nbval all notebooks are run at quick scale in these environments, as CI does, and compared by nbval.

Prints for each how many outputs are identical to the committed ones, within their tolerance, or DIFFERENT, how
many claims have the same verdict or another one, and the seconds; below it what is not as it has to be: on
this processor only measured times may differ. The status is 1 where anything is not.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from build import CHECKOUT, copy_of_checkout

sys.path.insert(0, str(CHECKOUT / "tests" / "build"))
import environments

CHAPTERS = ("2.1", "3.1.2", "3.1.3", "3.2.1", "3.2.4", "5.1")
TIMED_CLAIMS = {"claim_26_integer_speed", "claim_44_dropout_cost"}  # their words follow measured times
HERE = {"as it is here": {}}
WORKERS = {f"{number} workers": ("--workers", str(number)) for number in (1, 3)}


def check(folder, chapters, changes, arguments):
    """Return {id: how it compares with the committed one} and the seconds of a build from nothing."""
    started = time.perf_counter()
    called = subprocess.run(
        [sys.executable, "run_all.py", "--check", *arguments, *chapters],
        cwd=folder,
        env=environments.with_changes({"PYTHONPATH": str(folder)} | changes),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    after = called.stdout.partition("The results are in build/check/.\n")[2]
    if not after:
        sys.exit(f"The build could not be compared:\n{called.stdout}{called.stderr}")
    compared = (line.partition(" ") for line in after.splitlines())
    return {id: result.strip() for id, _, result in compared}, time.perf_counter() - started


def counted(results):
    """Return how many outputs are identical, within tolerance, DIFFERENT, and claims same, another."""
    outputs = Counter(result.split()[0] for id, result in results.items() if not id.startswith("claim_"))
    claims = Counter(result.split()[0] for id, result in results.items() if id.startswith("claim_"))
    same = claims["identical"] + claims["same"]
    return outputs["identical"], outputs["within"], outputs["DIFFERENT:"], same, claims["DIFFERENT:"]


def fails(id, result, emulated):
    """Return whether a result is not as it has to be on this processor, or on an emulated one."""
    same = result == "identical" or environments.only_times_differ(result) or id in TIMED_CLAIMS
    return result.startswith("DIFFERENT") or not (same or emulated)


def nbval(folder, changes):
    """Return whether nbval finds all notebooks as they are committed, and its last line."""
    called = subprocess.run(
        # tests/conftest.py has the quick values
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "--quiet",
            "--numprocesses",
            "auto",
            "notebooks",
        ],
        cwd=folder,
        env=environments.with_changes({"PYTHONPATH": str(folder)} | changes),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return called.returncode == 0, called.stdout.splitlines()[-1]


def nbval_in(settings, folder):
    """Print what nbval finds in each setting; returns whether it is all right in all of them."""
    right = True
    for name, (changes, _) in settings.items():
        passed, said = nbval(folder, changes)
        right = right and passed
        print(f"{name:28}{said}", flush=True)
    return right


def check_in(settings, chapters, folder):
    """Print how a build in each setting compares with what is committed; returns whether it is as it has to be."""
    heads = ("identical", "within", "DIFFERENT", "same verdict", "another", "seconds")
    print(f"{'setting':28}" + "".join(f"{head:>14}" for head in heads))
    right = True
    for name, (changes, arguments) in settings.items():
        results, seconds = check(folder, chapters, changes, arguments)
        print(f"{name:28}" + "".join(f"{number:14}" for number in (*counted(results), round(seconds))))
        for id, result in results.items():
            if fails(id, result, name in environments.PROCESSORS | environments.OTHER_PROCESSORS):
                right = False
                print(f"    {id:28} {result}")
        sys.stdout.flush()
    return right


def main():
    everything, notebooks = sys.argv[1:] == ["--all"], sys.argv[1:] == ["--nbval"]
    locales = environments.make_locales()
    habits, processors = environments.HABITS, environments.PROCESSORS
    if everything or notebooks:
        habits, processors = environments.ALL_HABITS, environments.OTHER_PROCESSORS
    settings = {name: (changes | locales, ()) for name, changes in (HERE | habits | processors).items()}
    if not (everything or notebooks):
        settings |= {name: ({}, arguments) for name, arguments in WORKERS.items()}
    if not locales:
        print("The locale tr_TR.UTF-8 cannot be made here; it falls back to C.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_of_checkout(folder)
        if notebooks:
            right = nbval_in(settings, folder)
        else:
            right = check_in(settings, [] if everything else sys.argv[1:] or CHAPTERS, folder)
    for path in locales.values():
        shutil.rmtree(path)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
