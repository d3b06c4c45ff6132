"""What all tests share.

nbval runs every notebook at quick scale, as `run_all.py --quick` would, and the report ends with a table
of the faults that builds survived.
"""

import os

from lib import concordance, edition
from lib.build.execute import BUILD, OWN

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ |= edition.Edition(scale="quick").environment()
(BUILD / "ipython").mkdir(parents=True, exist_ok=True)
os.environ |= OWN | {"JUPYTER_RUNTIME_DIR": str(BUILD / "runtime")}


def pytest_collection_modifyitems(items):
    """Give the parameters cells of the notebooks their quick values."""
    quick = {chapter.path: chapter.quick for chapter in concordance.chapters()}
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is not None and "parameters" in cell.metadata.get("tags", ()):
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in quick[item.path].items())


def pytest_terminal_summary(terminalreporter):
    """Show what each fault of tests/build/test_faults.py cost, over all tries."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    found = {}
    for report in reports:
        if getattr(report, "when", None) == "call":
            for fault, *counts in (value for name, value in report.user_properties if name == "fault"):
                found.setdefault(fault, []).append(counts)
    if found:
        terminalreporter.section("faults")
        terminalreporter.line(f"{'fault':42} {'tries':>6} {'lost':>6} {'wrong':>6}")
    for fault, counts in sorted(found.items()):
        sums = map(sum, zip(*counts, strict=True))
        terminalreporter.line(f"{fault:42} " + " ".join(f"{number:6}" for number in sums))
