"""A build on two hosts, one of which is cut off: its link goes down, its processes run on."""

import subprocess

import network
import pytest

IMPOSSIBLE = network.impossible()
pytestmark = pytest.mark.skipif(IMPOSSIBLE is not None, reason=str(IMPOSSIBLE))

# Runs leave a file for each time they are computed; `counted` is where, and the network says on which host.
SLEEPING = '''"""Runs for tests: they sleep, and tell on which host they were computed."""

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
    seed: int

    def compute(self):
        """Return a number, a frame and an array."""
        time.sleep(0.5)
        (Path(self.counted) / f"{self.seed}-{os.stat('/proc/self/ns/net').st_ino}").touch()
        drawn = np.random.default_rng(self.seed).normal(size=5)
        return {"number": drawn[0], "path": pd.DataFrame({"value": drawn}), "weights": {"w": drawn}}
'''
RUN = """
from lib import experiments
from lib.sleeping import Sleep
runs = experiments.run([Sleep({counted!r}, seed) for seed in {seeds}])
height = int(1000 * runs.frame()["number"].sum())
"""


@pytest.fixture
def sleeping(project, tmp_path):
    """A project whose chapters sleep on workers."""
    project.write("lib/sleeping.py", SLEEPING)
    project.counted = tmp_path / "counted"
    project.counted.mkdir()
    return project


@pytest.fixture
def address(tmp_path):
    """The scheduler of two hosts, left and right; it gives a silent host up as soon as Dask can."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    soon = {f"DASK_DISTRIBUTED__COMM__TIMEOUTS__{name}": "11s" for name in ("TCP", "CONNECT")}
    with network.cluster(folder, ("left", "right"), **soon) as address:
        yield address


def chapter(project, name, seeds):
    project.chapter(name, RUN.format(counted=str(project.counted), seeds=seeds))


def started(project, address, *names):
    """Start a build on the scheduler's host."""
    return subprocess.Popen(
        network.on(network.SCHEDULER, *project.command("--scheduler", address, *names)),
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(build):
    """Wait for a build, which has to succeed."""
    output, _ = build.communicate(timeout=180)
    assert build.returncode == 0, output


def hosts(project):
    """Return {seed: hosts that computed it}."""
    found = {}
    for path in project.counted.iterdir():
        seed, host = path.name.split("-")
        found.setdefault(int(seed), set()).add(host)
    return found


def assert_as_if_built_here(project):
    """Compare store and results with those of an undisturbed build of this machine, byte for byte."""
    before = project.results("build/runs"), project.results()
    (project.root / "build/runs").rename(project.root / "build/elsewhere")
    built = project.run("--fresh")
    assert built.returncode == 0, built.stdout
    assert before == (project.results("build/runs"), project.results())


def test_a_host_is_cut_off_in_the_middle_and_the_build_ends_with_the_same_bytes(sleeping, address):
    chapter(sleeping, "one", "range(10)")
    chapter(sleeping, "two", "range(8, 14)")
    build = started(sleeping, address)
    sleeping.wait_for(lambda: len(set().union(*hosts(sleeping).values())) == 2)
    network.cut_off("left")
    ended(build)
    assert sorted(hosts(sleeping)) == list(range(14))
    assert max(map(len, hosts(sleeping).values())) == 2  # what was lost with one host, the other computed
    assert_as_if_built_here(sleeping)


def test_a_host_that_is_silent_as_a_chapter_begins_is_left_out(sleeping, address):
    chapter(sleeping, "one", "range(2)")
    chapter(sleeping, "two", "range(2, 5)")
    ended(started(sleeping, address, "one"))
    network.cut_off("left")
    ended(started(sleeping, address, "two"))
    assert len(set().union(*(hosts(sleeping)[seed] for seed in (2, 3, 4)))) == 1
    assert_as_if_built_here(sleeping)


def test_a_host_that_is_silent_as_lib_is_handed_over_is_left_out(sleeping, address):
    chapter(sleeping, "one", "range(2)")
    network.cut_off("left")
    ended(started(sleeping, address))
    assert len(set().union(*hosts(sleeping).values())) == 1
    assert_as_if_built_here(sleeping)
