"""What all tests share: nbval runs every notebook at quick scale, as `run_all.py --quick` would."""

import os

from lib import concordance, edition

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ |= edition.Edition(scale="quick").environment()


def pytest_collection_modifyitems(items):
    """Give the parameters cells of the notebooks their quick values."""
    quick = {chapter.path: chapter.quick for chapter in concordance.chapters()}
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is not None and "parameters" in cell.metadata.get("tags", ()):
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in quick[item.path].items())
