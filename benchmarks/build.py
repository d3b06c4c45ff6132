"""How long a build takes, as ratios measured in one sitting on a copy of this checkout.

Usage: python benchmarks/build.py [RUNS]

Prints, with the goals of the project: a build with nothing to do, a build after one plotting cell
changed, and a build from cold against the same notebooks one after the other with papermill. Each
is the median of RUNS runs (default 3), the two sides of the comparison in turn.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PAPERMILL = [str(Path(sys.executable).with_name("papermill")), "--no-progress-bar"]


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


def change_a_plotting_cell(notebook, number):
    """Add a comment to the first cell that publishes a figure."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cell = next(cell for cell in content["cells"] if "publish.figure" in "".join(cell["source"]))
    cell["source"] = ["".join(cell["source"]) + f"\n# change {number}"]
    notebook.write_text(json.dumps(content), encoding="utf-8")


def one_after_the_other(folder):
    """Return the time of papermill's command line over all notebooks."""
    notebooks = sorted((folder / "notebooks").glob("*.ipynb"))
    return sum(
        seconds([*PAPERMILL, notebook.name, str(folder / "out.ipynb")], notebook.parent, folder)
        for notebook in notebooks
    )


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_of_checkout(folder)
        build = [sys.executable, "run_all.py"]
        seconds(build, folder)
        nothing = statistics.median(seconds(build, folder) for _ in range(runs))
        print(f"nothing to do: {nothing:.2f} s (goal: 0.5)", flush=True)
        for notebook in sorted((folder / "notebooks").glob("*.ipynb")):
            times = []
            for number in range(runs):
                change_a_plotting_cell(notebook, number)
                times.append(seconds(build, folder))
            print(
                f"one cell changed in {notebook.stem}: {statistics.median(times):.1f} s (goal: 6)", flush=True
            )
        ratios = []
        for _ in range(runs):
            shutil.rmtree(folder / "build")
            cold, sequential = seconds(build, folder), one_after_the_other(folder)
            ratios.append(cold / sequential)
            print(
                f"cold {cold:.1f} s, papermill one after the other {sequential:.1f} s: {cold / sequential:.2f}"
            )
        print(f"cold over papermill: {statistics.median(ratios):.2f} (goal: 0.6)")


if __name__ == "__main__":
    main()
