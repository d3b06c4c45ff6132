"""nbval passes on a committed notebook, and fails when one analytic output of it is changed."""

import os
import subprocess
import sys
from pathlib import Path

from lib import edition

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "02_1_neuron.ipynb"


def nbval(path):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        str(path),
    ]
    default = {name: value for name, value in os.environ.items() if name != edition.VARIABLE}
    return subprocess.run(command, cwd=path.parent, env=default, capture_output=True, text=True, check=False)


def test_a_changed_number_is_noticed(tmp_path):
    copy = tmp_path / NOTEBOOK.name
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "0.5744" in text
    copy.write_text(text.replace("0.5744", "0.5745"), encoding="utf-8")
    called = nbval(copy)
    assert called.returncode == 1
    assert "1 failed" in called.stdout


def test_the_notebook_as_committed_passes(tmp_path):
    copy = tmp_path / NOTEBOOK.name
    copy.write_bytes(NOTEBOOK.read_bytes())
    called = nbval(copy)
    assert called.returncode == 0, called.stdout
