"""Execute one notebook with papermill; a process of its own, since papermill changes the directory.

Reads its job as one line of JSON, prints a line of JSON for each cell it starts and a last one with
what went wrong, if anything did. It ends with its parent: a closed standard input stops it.
"""

import json
import os
import re
import sys
import threading
import traceback
from pathlib import Path

# The grammar of internationalised addresses takes jsonschema 0.7 s to load; no notebook needs it.
sys.modules["rfc3987_syntax"] = None

import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from traitlets.config import Config

ANSI = re.compile(r"\x1b\[[0-9;]*m")
SENTENCES = (
    "ConcordanceError",
    "DatasetError",
    "LedgerError",
    "MissingTranslation",
    "PoolError",
    "PublishError",
    "SourceChanged",
)


# Kernels and what they start write to the log; only this process writes to the one who asked.
channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def say(**message):
    print(json.dumps(message), file=channel, flush=True)


def stop_with_parent():
    sys.stdin.read()
    os._exit(1)


def sentence(error, time_limit):
    """Return what went wrong in one sentence."""
    if isinstance(error, papermill.PapermillExecutionError):
        value = ANSI.sub("", error.evalue).strip()
        return value if error.ename in SENTENCES else f"{error.ename}: {value}".splitlines()[0]
    if isinstance(error, DeadKernelError):
        return "The kernel died: something killed it, or the memory ran out."
    if isinstance(error, CellTimeoutError):
        return f"The cell ran longer than the time limit of {time_limit} s."
    return f"{type(error).__name__}: {error}".splitlines()[0]


def unfinished(notebook):
    """Return what is wrong with a notebook that ended without an error, or None.

    A cell that calls sys.exit ends the run early, and papermill calls that a success.
    """
    cells = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    for index, cell in enumerate(cells):
        exits = [output.ename for output in cell.outputs if output.output_type == "error"]
        if exits or cell.execution_count is None:
            return (
                cell.id,
                f"{exits[0] if exits else 'The cell'} ended the notebook; {len(cells) - index - 1} cells never ran.",
            )
    return None


def main():
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=stop_with_parent, daemon=True).start()
    current = {"cell": None}

    def starting(cell, cell_index):
        if cell.cell_type == "code":
            current["cell"] = cell.id
            say(cell=cell.id)

    sockets = {} if sys.platform == "win32" else {"transport": "ipc", "ip": f"{job['runtime']}/kernel"}
    try:
        notebook = papermill.execute_notebook(
            job["notebook"],
            job["executed"],
            parameters=job["parameters"],
            kernel_name="python3",
            cwd=str(Path(job["notebook"]).parent),
            progress_bar=False,
            request_save_on_cell_execute=False,
            execution_timeout=job["time_limit"],
            start_timeout=120,
            coalesce_streams=True,
            shutdown_kernel="immediate",
            on_cell_start=starting,
            config=Config(ConnectionFileMixin=sockets),
        )
        if early := unfinished(notebook):
            say(failed_cell=early[0], error=early[1], details=early[1])
    except Exception as error:
        details = ANSI.sub("", traceback.format_exc())
        say(failed_cell=current["cell"], error=sentence(error, job["time_limit"]), details=details)


if __name__ == "__main__":
    main()
