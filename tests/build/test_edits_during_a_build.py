"""Files that are edited, and perhaps put back, while a build or its workers run."""

import shutil

import pytest

HELPER = '"""A number."""\n\nNUMBER = 1\n'
FIRST = '''"""Runs for tests: they return a helper's number."""

from dataclasses import dataclass

from lib import helper


@dataclass(frozen=True)
class First:
    """Returns the number."""

    def compute(self):
        """Return it."""
        return {"number": helper.NUMBER}
'''
CELL = """
from lib import experiments
from lib.{module} import {name}
height = int(experiments.run([{name}()]).frame()["number"][0])
"""
ENTER, GO_ON = "../entered", "../go_on"
WAIT = f"""
import time, pathlib
pathlib.Path("{ENTER}").touch()
while not pathlib.Path("{GO_ON}").exists(): time.sleep(0.05)
"""


@pytest.fixture
def waiting(project):
    """A project and a build of it, in the middle of a chapter that imports lib.helper afterwards."""
    project.write("lib/helper.py", HELPER)
    project.write("lib/first.py", FIRST)
    project.write("lib/second.py", FIRST.replace("First", "Second"))
    project.chapter("one", CELL.format(module="first", name="First"))
    project.chapter("plain", WAIT, "from lib import helper\nheight = helper.NUMBER")
    project.chapter("two", WAIT, CELL.format(module="second", name="Second"))
    process = None

    def start(name):
        nonlocal process
        process = project.start("--workers", "1", "one", name)
        project.wait_for((project.root / ENTER[3:]).exists)
        return process

    yield project, start
    if process and process.poll() is None:
        process.kill()
        process.communicate()


def go_on(project, process):
    (project.root / GO_ON[3:]).touch()
    output, errors = process.communicate(timeout=120)
    assert "Traceback" not in output + errors
    return output


def heights(project):
    """Return {chapter: the last number that its figure shows}."""
    figures = (project.root / "figures").glob("fig_*.csv")
    return {path.stem[4:]: int(path.read_text().split()[-1]) for path in figures}


def test_a_worker_never_stores_what_old_code_computes_under_the_key_of_the_new(waiting):
    """The worker has the helper in its memory when another module is the first to ask for it as it is now."""
    project, start = waiting
    process = start("two")
    project.edit("lib/helper.py", "NUMBER = 1", "NUMBER = 2")
    output = go_on(project, process)
    assert process.returncode == 1
    assert "two failed" in output
    assert project.run("--workers", "1").returncode == 0
    assert heights(project) == {"one": 2, "plain": 2, "two": 2}


def test_a_module_that_was_edited_and_put_back_fails_the_chapter(waiting):
    project, start = waiting
    process = start("plain")
    project.edit("lib/helper.py", "NUMBER = 1", "NUMBER = 2")
    project.edit("lib/helper.py", "NUMBER = 2", "NUMBER = 1")
    assert "lib/helper.py was written while it ran; give the command again." in go_on(project, process)
    assert project.run("--workers", "1", "plain").returncode == 0
    assert heights(project)["plain"] == 1


def test_a_notebook_that_vanishes_fails_its_chapter_only(project):
    project.chapter("slow", WAIT)
    project.chapter("gone")
    process = project.start("--workers", "1")
    project.wait_for((project.root / ENTER[3:]).exists)
    shutil.move(project.root / "notebooks/gone.ipynb", project.root / "elsewhere")
    output = go_on(project, process)
    assert process.returncode == 1
    assert "gone failed" in output
    assert output.endswith("1 built, 1 failed.\n")
    shutil.move(project.root / "elsewhere", project.root / "notebooks/gone.ipynb")
    assert project.run().stdout.endswith("1 built, 1 up to date.\n")
