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
READING = '''"""Runs for tests: they return the size of a file, and take their time."""

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reading:
    """Reads the first file in a folder."""

    data: str

    def compute(self):
        """Return its size."""
        size = (Path(self.data) / "1.txt").stat().st_size
        Path(self.data).with_name("read").touch()
        while not Path(self.data).with_name("go_on").exists():
            time.sleep(0.05)
        return {"number": size}
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


def test_a_caption_that_was_edited_and_put_back_fails_the_chapter(waiting):
    project, start = waiting
    process = start("plain")
    project.edit("lib/concordance.toml", '"A line"', '"A WRONG line"')
    output = ""
    try:
        (project.root / GO_ON[3:]).touch()
        project.wait_for(lambda: any((project.root / "figures").rglob("fig_plain.pdf")))
    finally:
        project.edit("lib/concordance.toml", '"A WRONG line"', '"A line"')
        output = go_on(project, process)
    assert "lib/concordance.toml was written while it ran; give the command again." in output


def test_own_photos_that_change_while_a_chapter_runs_fail_it(project, tmp_path):
    photo = tmp_path / "mine" / "apples" / "1.txt"
    photo.parent.mkdir(parents=True)
    photo.write_text("an apple")
    project.chapter("one", WAIT, data=["tiny"], parameters='photos = "tiny"\nheight = 1')
    process = project.start("--data", str(tmp_path / "mine"))
    project.wait_for((project.root / ENTER[3:]).exists)
    photo.write_text("no apple")
    photo.write_text("an apple")
    assert "/mine was written while it ran; give the command again." in go_on(project, process)


def test_a_run_whose_data_change_under_it_is_not_stored(project, tmp_path):
    photo = tmp_path / "mine" / "1.txt"
    photo.parent.mkdir()
    photo.write_text("an apple")
    project.write("lib/reading.py", READING)
    mine = str(tmp_path / "mine")
    project.chapter("one", CELL.format(module="reading", name="Reading").replace("()]", f"({mine!r})]"))
    process = project.start()
    project.wait_for((tmp_path / "mine/../read").exists)
    photo.write_text("no apple")
    (tmp_path / "go_on").touch()
    assert "the data were written while a run was computed; give the command again." in go_on(
        project, process
    )
    assert not any((project.root / "build/runs").glob("[!.]*"))
    assert project.run().returncode == 0
    assert heights(project) == {"one": len("no apple")}


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
