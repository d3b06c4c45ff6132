"""A small project of its own, with a copy of lib/ and run_all.py, that a test builds as a user would."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
HEADER = "import matplotlib.pyplot as plt\nimport pandas as pd\nfrom lib import publish, style\nstyle.use()"
FIGURE = """
fig, ax = plt.subplots(figsize=style.size(0.5))
ax.plot([0, height])
publish.figure(fig, "{id}", data=pd.DataFrame({{"y": [0, height]}}))
"""

# Runs leave a file for each time they are computed; `counted` is where.
SLEEPING = '''"""Runs for tests: they sleep, and tell when and where they were computed."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Sleep:
    """Sleeps and returns numbers made from its seed."""

    counted: str
    seed: int = 0
    seconds: float = 0.0
    die_once: bool = False

    def compute(self):
        """Return a number, a frame and an array."""
        time.sleep(self.seconds)
        folder = Path(self.counted)
        times = sum(1 for _ in folder.glob(f"{self.seed}-*"))
        (folder / f"{self.seed}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if self.die_once and times == 0:
            os.kill(os.getpid(), 9)
        drawn = np.random.default_rng(self.seed).normal(size=5)
        return {"number": drawn[0], "path": pd.DataFrame({"value": drawn}), "weights": {"w": drawn}}
'''
RUN = """
from lib import experiments
from lib.sleeping import Sleep
runs = experiments.run([Sleep({counted!r}, seed, {seconds}, {die_once}) for seed in {seeds}])
height = int(1000 * runs.frame()["number"].sum())
"""


def _heed_signals():
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Project:
    """A checkout with nothing but what a test puts into it."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(CHECKOUT / "lib", root / "lib", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(CHECKOUT / "run_all.py", root)
        shutil.copy(CHECKOUT / "requirements.lock", root)
        (root / "notebooks").mkdir()
        self.write("data/tiny/numbers.txt", "1 2 3\n")
        self.sum_data()
        self.write("lib/concordance.toml", "")
        self.settings = {}  # of the environment, beside those of the tests
        self.temporary = root.parent / "tmp"
        self.temporary.mkdir()

    @staticmethod
    def wait_for(condition, seconds=120):
        """Wait until a condition holds; fails where it does not in time."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)

    def processes(self):
        """Return the processes that still run for this project: notebooks, kernels, workers."""
        running = psutil.process_iter(["environ", "cmdline"])
        return [p for p in running if (p.info["environ"] or {}).get("PYTHONPATH") == str(self.root)]

    def remembered(self):
        """Return the chapters that the next build knows to be ready."""
        with contextlib.suppress(sqlite3.Error):
            path = f"file:{self.root}/build/state.db?mode=ro"
            with contextlib.closing(sqlite3.connect(path, uri=True)) as state:
                return {name.rpartition("/")[2] for (name,) in state.execute("select task_id from doit")}
        return set()

    @property
    def environment(self):
        return os.environ | {"TMPDIR": os.fspath(self.temporary)} | self.settings

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def sum_data(self):
        content = (self.root / "data/tiny/numbers.txt").read_bytes()
        self.write("data/SHA256SUMS", f"{hashlib.sha256(content).hexdigest()}  tiny/numbers.txt\n")

    def chapter(self, name, *cells, figures=None, data=(), claims=(), parameters="height = 1"):
        """Add a chapter that publishes one figure, fig_NAME, after running `cells`."""
        figures = [f"fig_{name}"] if figures is None else figures
        self.notebook(name, parameters, HEADER, *cells, *(FIGURE.format(id=id) for id in figures))
        number = sum(1 for _ in (self.root / "notebooks").glob("*.ipynb"))
        entries = [
            f'[[chapter]]\nsection = "{number}.1"\nnotebook = "{name}"\ntitle.en = "{name}"\ntitle.de = "{name}"',
            f"data = {json.dumps(list(data))}",
            *(
                f'[[chapter.figure]]\nid = "{id}"\ncaption.en = "A line"\ncaption.de = "Eine Linie"'
                for id in (figures or [f"fig_{name}"])
            ),
            *(f'[[chapter.claim]]\nid = "{id}"\nverdict = "{verdict}"' for id, verdict in claims),
        ]
        with open(self.root / "lib/concordance.toml", "a", encoding="utf-8") as file:
            file.write("\n".join(entries) + "\n\n")

    def notebook(self, name, parameters, *cells):
        texts = [parameters, *cells]
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "id": f"cell-{number}",
                    "metadata": {"tags": ["parameters"]} if number == 0 else {},
                    "outputs": [],
                    "source": text.strip(),
                }
                for number, text in enumerate(texts)
            ],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        self.write(f"notebooks/{name}.ipynb", json.dumps(notebook))

    def edit(self, path, old, new):
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def command(self, *arguments):
        return [sys.executable, str(self.root / "run_all.py"), *arguments]

    def run(self, *arguments, folder=None):
        """Call run_all.py and return the finished process; its output stands in .stdout and .stderr."""
        return subprocess.run(
            self.command(*arguments),
            cwd=folder or self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *arguments):
        """Start run_all.py, which heeds signals even where these tests run behind nohup or a shell's `&`."""
        return subprocess.Popen(
            self.command(*arguments),
            preexec_fn=_heed_signals,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def results(self, folder="figures"):
        """Return {path below a results folder: bytes} of everything in it."""
        root = self.root / folder
        return {
            os.fspath(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
        }


class Training(Project):
    """A project whose chapters can sleep on workers."""

    def __init__(self, root):
        super().__init__(root)
        self.write("lib/sleeping.py", SLEEPING)
        self.counted = root.parent / "counted"
        self.counted.mkdir()

    def runs(self, name, seeds, seconds=0.0, die_once=False, counted=None, **kwargs):
        """Add a chapter with a run for each seed; `counted` is how the folder is called on the workers."""
        counted = counted or str(self.counted)
        cell = RUN.format(counted=counted, seconds=seconds, seeds=seeds, die_once=die_once)
        self.chapter(name, cell, **kwargs)

    def computed(self):
        """Return the seeds of the runs that were computed, each as often as it was, sorted."""
        return sorted(int(path.name.partition("-")[0]) for path in self.counted.iterdir())

    def stored(self):
        """Return {path: bytes} of the store."""
        return self.results("build/runs")


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "Prüfung mit Leerzeichen"
    root.mkdir()
    return Project(root)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory):
    """A project that the tests of a module share; none of them changes it."""
    root = tmp_path_factory.mktemp("shared") / "Prüfung mit Leerzeichen"
    root.mkdir()
    return Project(root)


@pytest.fixture(scope="session")
def new_training():
    """Return a function that makes a project whose chapters can sleep on workers."""

    def new(folder):
        root = folder / "Prüfung mit Leerzeichen"
        root.mkdir()
        return Training(root)

    return new


@pytest.fixture
def training(new_training, tmp_path):
    return new_training(tmp_path)
