"""A small project of its own, with a copy of lib/ and run_all.py, that a test builds as a user would."""

import hashlib
import json
import os
import shutil
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
        running = psutil.process_iter(["environ"])
        return [p for p in running if (p.info["environ"] or {}).get("PYTHONPATH") == str(self.root)]

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
            timeout=120,
            check=False,
        )

    def start(self, *arguments):
        return subprocess.Popen(
            self.command(*arguments),
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
