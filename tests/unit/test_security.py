"""No file that is read brings code along: nothing is unpickled, and no model is trusted."""

import ast
import json

import pytest

from lib.concordance import NOTEBOOKS, ROOT

UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {
    "import_module",
    "read_pickle",
    "enable_unsafe_deserialization",
    "unsafe_load",
    "exec",
    "eval",
    "system",
    "__import__",
    "extractall",
    "unpack_archive",
}
UNSAFE_SETTINGS = {"allow_pickle": True, "safe_mode": False, "shell": True}
# The pool alone: a run goes to our own workers and comes back, in messages that Dask pickles anyway. And networks
# are found by the name of their module in lib.networks.
ALLOWED = {
    "lib/experiments.py": ["import pickle", "pickle.loads"],
    "lib/networks/__init__.py": ["import_module"],
}


def sources():
    """Return {path: code} of all that the project ships and runs, its notebooks among them."""
    files = [ROOT / "run_all.py", *(ROOT / "lib").rglob("*.py"), *(ROOT / "data").glob("*.py")]
    found = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}
    for path in NOTEBOOKS.glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        found[path.name] = "\n".join(code)
    return found


def unsafe(code):
    """Return what in a Python text could run code that comes with data."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            found += [f"import {name}" for name in names if name.partition(".")[0] in UNPICKLERS]
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            module = getattr(getattr(node.func, "value", None), "id", "")
            found += [f"{module}.{name}"] if module in UNPICKLERS and name.startswith("load") else []
            found += [name] if name in UNSAFE_CALLS or (name == "load" and len(node.args) > 2) else []
            found += [
                f"{setting.arg}={setting.value.value}"
                for setting in node.keywords
                if setting.arg in UNSAFE_SETTINGS
                and getattr(setting.value, "value", None) is UNSAFE_SETTINGS[setting.arg]
            ]
    return found


def test_nothing_is_unpickled_but_what_goes_to_the_workers_and_comes_back():
    found = {path: unsafe(code) for path, code in sources().items()}
    assert {path: what for path, what in found.items() if what} == ALLOWED


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "pickle.loads(content)",
        "from joblib import load",
        "importlib.import_module(name)",
        "np.load(path, None, True)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
        "keras.models.load_model(path, safe_mode=False)",
        "keras.config.enable_unsafe_deserialization()",
    ],
)
def test_the_search_finds(code):
    assert len(unsafe(code)) == 1
