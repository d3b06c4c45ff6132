"""Run one chapter in a process of its own and say how far it is."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from tempfile import TemporaryDirectory, gettempdir

from lib.concordance import ROOT

BUILD = ROOT / "build"
LOGS = BUILD / "logs"

LONGEST_PLACE = 64  # bytes, with /kernel-xxxxxxxx/kernel-5 behind them: macOS takes 104 for a socket

INTERRUPTED = "Interrupted."

_running = set()
_stopped = threading.Event()


OWN = {  # what kernels have in place of the user's settings, which may change what they compute, or a home without room
    "IPYTHONDIR": str(BUILD / "ipython"),
    "JUPYTER_CONFIG_DIR": str(BUILD / "jupyter"),
    "JUPYTER_PREFER_ENV_PATH": "1",
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": str(BUILD / "keras"),
    "MPLCONFIGDIR": str(BUILD / "matplotlib"),
}


@dataclass
class ChapterFailed(Exception):
    """Why a chapter failed: one sentence, the id of the cell it happened in, and the log with the rest."""

    notebook: str
    sentence: str
    cell: str | None = None
    log: str | None = None


def environment(edition, runtime):
    """Return a kernel's environment: the system's, without the user's own settings of Python, Jupyter and Keras."""
    own = ("PYTHON", "JUPYTER", "IPYTHON", "KERAS", "MPL", "MATPLOTLIB", "JPY_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)} | {
        **(edition.environment() if edition else {}),
        **OWN,
        "JUPYTER_RUNTIME_DIR": runtime,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def execute(chapter, edition, parameters, time_limit, executed, on_cell):
    """Execute a chapter's notebook and keep the executed copy under the path `executed`.

    `parameters` are values for its parameters cell, `time_limit` seconds a cell may take, and
    on_cell() is called as each code cell starts. Raises ChapterFailed.
    """
    log = LOGS / f"{chapter.notebook}.log"
    for folder in (executed.parent, LOGS, BUILD / "ipython", BUILD / "matplotlib"):
        folder.mkdir(parents=True, exist_ok=True)
    executed.unlink(missing_ok=True)
    # Sockets in a folder of their own: kernels that start side by side cannot take each other's.
    with (
        open(log, "w", encoding="utf-8") as errors,
        TemporaryDirectory(prefix="kernel-", dir=_place_for_sockets()) as runtime,
    ):
        job = {
            "notebook": str(chapter.path),
            "executed": str(executed),
            "parameters": parameters,
            "time_limit": time_limit,
            "runtime": runtime,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "lib.build.run_notebook"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(edition, runtime) | {"TMPDIR": runtime},
            cwd=ROOT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        _running.add(process)
        try:
            failed = _follow(process, job, on_cell)
        finally:
            process.kill()
            process.wait()
            _running.discard(process)
        if failed:
            errors.write(failed["details"])
    shown = log.relative_to(ROOT).as_posix()
    if _stopped.is_set():
        raise ChapterFailed(chapter.notebook, INTERRUPTED)
    if failed:
        executed.unlink(missing_ok=True)
        raise ChapterFailed(chapter.notebook, failed["error"], failed["failed_cell"], shown)
    if process.returncode != 0:
        how = "was killed" if process.returncode < 0 else f"ended with status {process.returncode}"
        raise ChapterFailed(chapter.notebook, f"The process that ran the notebook {how}.", log=shown)


def _place_for_sockets():
    """Return a folder whose name is short enough for sockets in it: the usual one for temporary files, or /tmp."""
    usual = gettempdir()
    return usual if len(os.fsencode(usual)) <= LONGEST_PLACE or sys.platform == "win32" else "/tmp"


def _follow(process, job, on_cell):
    """Send the job, pass on its progress, wait for its end, and return the message of its failure, or None."""
    failed = None
    try:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        if _stopped.is_set():
            process.terminate()
        for line in process.stdout:
            message = json.loads(line)
            if "error" in message:
                failed = message
            else:
                on_cell()
    except BrokenPipeError:
        pass  # it died before it read its job; the status says so
    process.wait()
    return failed


def stop_all():
    """End every running chapter and its kernel; nothing that they were making is kept."""
    _stopped.set()
    for process in list(_running):
        process.terminate()
    for process in list(_running):
        process.wait()
