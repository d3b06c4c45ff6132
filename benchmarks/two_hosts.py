"""Whether a build on two hosts, one of which is cut off in the middle, gives the bytes of a build on this one.

Usage: python benchmarks/two_hosts.py [CHAPTER ...], everything without one; needs Linux, iproute2 and root

Builds at quick scale on copies of this checkout, first here, then on a scheduler and two workers in network
namespaces. Once half of the runs are stored, the link of one host goes down; Dask's settings are its
defaults. Prints how many chapters and runs, the seconds of both builds, when which host was cut off, and
which outputs differ. The status is 1 where one does that holds no measured times.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from build import CHECKOUT, copy_of_checkout
from lib import concordance
from lib.build import compare, verify

sys.path.insert(0, str(CHECKOUT / "tests" / "build"))
import environments
import network


def start(folder, *arguments, on=()):
    """Start a build of a copy of the checkout at quick scale."""
    return subprocess.Popen(
        [*on, sys.executable, "run_all.py", "--quick", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(build):
    """Wait for a build, which has to succeed, and return what it said about the chapters."""
    output, _ = build.communicate()
    if build.returncode:
        sys.exit(f"The build failed:\n{output}")
    return output.splitlines()[-2]


def stored(folder):
    return len(list((folder / "build/runs").glob("*/checksums.json")))


def build_with_a_cut(folder, chapters, half):
    """Build on two hosts and cut one off once `half` runs are stored; returns (said, seconds, when)."""
    logs = folder / "build/dask"
    logs.mkdir(parents=True)
    with network.cluster(logs, ("left", "right")) as address:
        started = time.perf_counter()
        build = start(folder, "--scheduler", address, *chapters, on=network.on(network.SCHEDULER))
        while stored(folder) < half and build.poll() is None:
            time.sleep(0.1)
        if build.poll() is not None:
            sys.exit("The build was ready before half of its runs were stored: none is left to be cut off.")
        network.cut_off("left")
        when = time.perf_counter() - started
        return end(build), time.perf_counter() - started, when


def compared(here, there):
    """Return {id: how it compares} of the outputs and claims of two folders of results."""
    published = verify.read_manifest(here)
    outputs = {output.id: output for chapter in concordance.chapters() for output in chapter.outputs}
    claims = {claim.id: claim for chapter in concordance.chapters() for claim in chapter.claims}
    return {id: compare.output(outputs[id], here, there) for id in published["outputs"]} | {
        id: compare.claim(claims[id], here, there) for id in published["claims"]
    }


def main():
    if reason := network.impossible():
        sys.exit(reason)
    chapters = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        here, there = Path(temporary, "here"), Path(temporary, "there")
        for folder in (here, there):
            copy_of_checkout(folder)
        started = time.perf_counter()
        said = end(start(here, *chapters))
        print(f"one host: {said} {stored(here)} runs, {time.perf_counter() - started:.0f} s", flush=True)
        said, seconds, when = build_with_a_cut(there, chapters, stored(here) / 2)
        print(
            f"two hosts: {said} {stored(there)} runs, {seconds:.0f} s, the left one cut off after {when:.0f} s"
        )
        results = compared(here / "build/quick", there / "build/quick")
    other = {id: result for id, result in results.items() if result != "identical"}
    print(f"outputs and claims: {len(results)}, of which identical: {len(results) - len(other)}")
    for id, result in other.items():
        print(f"    {id:28} {result}")
    return int(not all(map(environments.only_times_differ, other.values())))


if __name__ == "__main__":
    sys.exit(main())
