"""Run one chapter in a process of its own and say how far it is."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass

from lib.concordance import ROOT

BUILD = ROOT / "build"
EXECUTED = BUILD / "executed"
LOGS = BUILD / "logs"

_running = set()
_stopped = threading.Event()


@dataclass
class ChapterFailed(Exception):
    """Why a chapter failed: one sentence, the id of the cell it happened in, and the log with the rest."""

    notebook: str
    sentence: str
    cell: str | None = None
    log: str | None = None


def environment(edition):
    """Return the environment of a kernel: what notebooks may depend on, and nothing of the user's own."""
    return (
        os.environ
        | edition.environment()
        | {
            "IPYTHONDIR": str(BUILD / "ipython"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "KERAS_BACKEND": "tensorflow",
            "MPLCONFIGDIR": str(BUILD / "matplotlib"),
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
    )


def execute(chapter, edition, parameters, time_limit, on_cell):
    """Execute a chapter's notebook and return the path of the executed copy.

    `parameters` are values for its parameters cell, `time_limit` seconds a cell may take, and
    on_cell() is called as each code cell starts. Raises ChapterFailed.
    """
    executed = EXECUTED / f"{chapter.notebook}.ipynb"
    log = LOGS / f"{chapter.notebook}.log"
    for folder in (EXECUTED, LOGS, BUILD / "ipython", BUILD / "matplotlib"):
        folder.mkdir(parents=True, exist_ok=True)
    executed.unlink(missing_ok=True)
    job = {
        "notebook": str(chapter.path),
        "executed": str(executed),
        "parameters": parameters,
        "time_limit": time_limit,
    }
    with open(log, "w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "lib.build.run_notebook"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(edition),
            cwd=ROOT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        _running.add(process)
        try:
            failed = _follow(process, job, on_cell)
        finally:
            _running.discard(process)
        if failed:
            errors.write(failed["details"])
    shown = str(log.relative_to(ROOT))
    if _stopped.is_set():
        raise ChapterFailed(chapter.notebook, "Interrupted.")
    if failed:
        executed.unlink(missing_ok=True)
        raise ChapterFailed(chapter.notebook, failed["error"], failed["failed_cell"], shown)
    if process.returncode != 0:
        how = "was killed" if process.returncode < 0 else f"ended with status {process.returncode}"
        raise ChapterFailed(chapter.notebook, f"The process that ran the notebook {how}.", log=shown)
    return executed


def _follow(process, job, on_cell):
    """Send the job, pass on its progress, and return the message of its failure, or None."""
    failed = None
    try:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            message = json.loads(line)
            if "error" in message:
                failed = message
            else:
                on_cell()
    except BrokenPipeError:
        pass  # it died before it read its job; the status says so
    process.wait()
    process.stdin.close()
    return failed


def stop_all():
    """End every running chapter and its kernel; nothing that they were making is kept."""
    _stopped.set()
    for process in list(_running):
        process.send_signal(signal.SIGTERM)
    for process in list(_running):
        process.wait()
