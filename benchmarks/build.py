"""How long a build takes, as ratios measured in one sitting on a copy of this checkout.

Usage: python benchmarks/build.py NOTEBOOK ..., for instance 03_1_2_convolution 03_2_1_losses 05_1_learning_rate

Prints, with the goals of the project: a build from cold against the same notebooks one after the other with
papermill and with nbconvert, with the memory that it takes; a build with nothing to do against jupyter-cache;
one plotting cell changed, run again in JupyterLab and built; and the German edition from the stored runs.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import nbformat
import psutil
from jupyter_cache import get_cache
from nbclient import NotebookClient

CHECKOUT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PAPERMILL = [str(BIN / "papermill"), "--no-progress-bar"]
SEQUENTIAL = {
    "papermill": lambda name: [*PAPERMILL, name, os.devnull],
    "nbconvert": lambda name: [
        str(BIN / "jupyter-nbconvert"),
        "--to",
        "notebook",
        "--execute",
        "--stdout",
        name,
    ],
}
JCACHE = [str(BIN / "jcache")]


def copy_of_checkout(folder):
    """Copy what git tracks into `folder`."""
    names = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    for name in names.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / name)


def seconds(command, folder, checkout=None):
    """Return the wall time of a command, which has to succeed and imports lib from `checkout`."""
    checkout = checkout or folder
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def plotting_cell(content):
    """Return the first cell that publishes a figure, or a table where there is none."""
    return next(
        cell
        for publishes in ("publish.figure(", "publish.table(")
        for cell in content.cells
        if publishes in cell.source
    )


def change_a_plotting_cell(notebook, number):
    """Add a comment to the plotting cell of a file."""
    content = nbformat.read(notebook, 4)
    plotting_cell(content).source += f"\n# change {number}"
    nbformat.write(content, notebook)


def in_jupyterlab(notebook, folder):
    """Return the time in which a kernel that has run the notebook up to its plotting cell shows it, changed."""
    content = nbformat.read(notebook, 4)
    client = NotebookClient(content, resources={"metadata": {"path": notebook.parent}})
    with client.setup_kernel(env=os.environ | {"PYTHONPATH": str(folder)}):
        changed = plotting_cell(content)
        place = content.cells.index(changed)
        for number, cell in enumerate(content.cells[: place + 1]):
            client.execute_cell(cell, number)
        changed.source += "\n# change"
        started = time.perf_counter()
        client.execute_cell(changed, place)
        return time.perf_counter() - started


def one_after_the_other(folder, command):
    """Return the time of a command over all notebooks, none of which has stored runs to go by."""
    total = 0.0
    for notebook in sorted((folder / "notebooks").glob("*.ipynb")):
        shutil.rmtree(folder / "build" / "runs", ignore_errors=True)
        total += seconds(command(notebook.name), notebook.parent, folder)
    return total


def keep_only(folder, names):
    """Leave only these notebooks in a copy, in its concordance, too."""
    concordance = folder / "lib" / "concordance.toml"
    preamble, *entries = concordance.read_text(encoding="utf-8").split("[[chapter]]\n")
    kept = [entry for entry in entries if any(f'notebook = "{name}"' in entry for name in names)]
    concordance.write_text("[[chapter]]\n".join([preamble, *kept]), encoding="utf-8")
    for path in (folder / "notebooks").glob("*.ipynb"):
        if path.stem not in names:
            path.unlink()


class PeakMemory(threading.Thread):
    """Watches the memory of this process's children, and theirs; `peak` is in bytes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak = 0

    def run(self):
        """Look four times a second."""
        while True:
            used = 0
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    memory = process.memory_full_info()
                    used += getattr(memory, "pss", memory.uss)  # on Linux, what processes share counts once
            self.peak = max(self.peak, used)
            time.sleep(0.25)


def median(command, folder, before=lambda number: None):
    """Return the median time of three calls."""
    times = []
    for number in range(3):
        before(number)
        times.append(seconds(command, folder))
    return statistics.median(times)


def main():
    names = sys.argv[1:]
    if not names:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_of_checkout(folder)
        keep_only(folder, names)
        build = [sys.executable, "run_all.py"]

        memory = PeakMemory()
        memory.start()
        cold = seconds(build, folder)
        print(f"cold {cold:.0f} s, at most {memory.peak / 2**30:.1f} GiB", flush=True)
        nothing = median(build, folder)
        print(f"nothing to do: {nothing:.2f} s (goal: 0.5)", flush=True)
        for notebook in sorted((folder / "notebooks").glob("*.ipynb")):
            shown = in_jupyterlab(notebook, folder)
            built = median(build, folder, partial(change_a_plotting_cell, notebook))
            print(
                f"one cell changed in {notebook.stem}: {shown:.1f} s in JupyterLab (goal: 3), {built:.1f} s to build",
                flush=True,
            )
        german = seconds([*build, "--lang", "de"], folder)
        print(f"the German edition from stored runs over cold: {german / cold:.2f}", flush=True)
        for name, command in SEQUENTIAL.items():
            sequential = one_after_the_other(folder, command)
            print(f"cold over {name}, one after the other: {cold / sequential:.2f} (goal: 0.6)", flush=True)
        cache = get_cache(folder / ".jupyter_cache")
        for notebook in sorted((folder / "notebooks").glob("*.ipynb")):
            cache.add_nb_to_project(str(notebook))
        seconds([*JCACHE, "project", "execute", "--timeout", "3600"], folder)
        if cache.list_unexecuted():
            sys.exit("jupyter-cache could not execute all notebooks.")
        cached = median([*JCACHE, "project", "execute"], folder)
        print(f"nothing to do over jupyter-cache: {nothing / cached:.2f}", flush=True)


if __name__ == "__main__":
    main()
