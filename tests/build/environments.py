"""Environments that a stranger's machine may have, as {name: environment variables}; None unsets one.

The processors are emulated: the libraries are told to do without what newer ones have.
"""

import os
import shutil
import subprocess
import tempfile
from functools import reduce
from operator import or_
from pathlib import Path

NOWHERE = "/sys"  # where not even root can write

HABITS = {
    "locale C": {"LANG": "C", "LC_ALL": "C"},
    "locale tr_TR.UTF-8": {"LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8"},
    "time zone Kiritimati": {"TZ": "Pacific/Kiritimati"},
    "HOME unset": {"HOME": None},
    "HOME read-only": {"HOME": NOWHERE},
    "hash seed 1": {"PYTHONHASHSEED": "1"},
    "hash seed 2": {"PYTHONHASHSEED": "2"},
}
PROCESSORS = {
    "oneDNN for SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "without oneDNN": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "numpy without AVX": {
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "without AVX-512": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "3 threads": dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "3"),
}
ALL_HABITS = {"all habits at once": reduce(or_, HABITS.values())}
OTHER_PROCESSORS = {
    "without AVX-512": PROCESSORS["without AVX-512"],
    "without oneDNN, 3 threads": PROCESSORS["without oneDNN"] | PROCESSORS["3 threads"],
}


def only_times_differ(result):
    """Return whether an output, compared in these words by --check, differs in nothing but measured times."""
    return result == "within tolerance (numbers differ by 0.0e+00, measured times not compared)"


def with_changes(changes):
    """Return this process's environment with some variables set and others unset."""
    changed = os.environ | changes
    return {name: value for name, value in changed.items() if value is not None}


def make_locales():
    """Make the locale tr_TR.UTF-8, which few machines have, in a new folder; returns {"LOCPATH": it}.

    Returns {} where it cannot be made.
    """
    if shutil.which("localedef") is None:
        return {}
    folder = Path(tempfile.mkdtemp(prefix="locales-"))
    command = ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        shutil.rmtree(folder)
        return {}
    return {"LOCPATH": str(folder)}
