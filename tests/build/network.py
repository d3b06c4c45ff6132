"""Hosts on one switch, as network namespaces of this machine, with a Dask scheduler and workers on them.

Needs Linux, the program `ip` and the rights of root. All of it is inside the namespaces: no interface and no
address of this machine changes, and it is gone with them.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

ADDRESS = "10.213.0.{}"
SCHEDULER = "scheduler"  # the host that has the switch, the scheduler and the build


def impossible():
    """Return why this machine cannot have hosts, in a sentence, or None where it can."""
    if not hasattr(os, "geteuid") or shutil.which("ip") is None:
        return "Network namespaces need Linux and the program `ip` (iproute2)."
    if os.geteuid() != 0:
        return "Network namespaces need the rights of root."
    probe = f"probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode:
        return "This machine, a container perhaps, does not allow network namespaces."
    ip("netns", "delete", probe)
    return None


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def on(host, *command):
    """Return the command line that runs a command on a host."""
    return ["ip", "netns", "exec", _namespace(host), *map(str, command)]


def cut_off(host):
    """Take the link of a host down; its processes run on, and nobody hears them."""
    ip("-n", _namespace(SCHEDULER), "link", "set", host, "down")


def _namespace(host):
    return f"{host}-{os.getpid()}"


@contextmanager
def network(hosts):
    """Connect the scheduler's host and others with a switch while the `with` block lasts."""
    made = []
    try:
        for host in (SCHEDULER, *hosts):
            ip("netns", "add", _namespace(host))
            made.append(host)
            ip("-n", _namespace(host), "link", "set", "lo", "up")
        hub = _namespace(SCHEDULER)
        ip("-n", hub, "link", "add", "switch", "type", "bridge")
        ip("-n", hub, "address", "add", ADDRESS.format(1) + "/24", "dev", "switch")
        ip("-n", hub, "link", "set", "switch", "up")
        for number, host in enumerate(hosts, 2):
            there = _namespace(host)
            ip("link", "add", host, "netns", hub, "type", "veth", "peer", "name", "uplink", "netns", there)
            ip("-n", hub, "link", "set", host, "master", "switch", "up")
            ip("-n", there, "address", "add", ADDRESS.format(number) + "/24", "dev", "uplink")
            ip("-n", there, "link", "set", "uplink", "up")
        yield
    finally:
        for host in made:
            subprocess.run(["ip", "netns", "delete", _namespace(host)], check=False)


@contextmanager
def _dask(host, folder, ready, *arguments, **variables):
    """Run `dask` on a host while the `with` block lasts; yields what matched `ready` in its output."""
    log = folder / f"{host}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with open(log, "w") as output:
        process = subprocess.Popen(
            on(host, Path(sys.executable).with_name("dask"), *arguments),
            cwd=folder,
            env=environment | {"DASK_TEMPORARY_DIRECTORY": str(folder)} | variables,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 60
        while not (found := re.search(ready, log.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"dask did not start on the host {host}: {log.read_text()}")
            time.sleep(0.05)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # cut off, it waits for an answer to its farewell
            os.killpg(process.pid, 9)
            process.wait()


@contextmanager
def cluster(folder, hosts, **variables):
    """Run a scheduler, and a worker on each of some hosts; yields the scheduler's address.

    `variables` are set in the environment of the scheduler.
    """
    with network(hosts), ExitStack() as running:
        options = ("scheduler", "--host", ADDRESS.format(1), "--no-dashboard")
        found = _dask(SCHEDULER, folder, r"Scheduler at: +(tcp://\S+)", *options, **variables)
        address = running.enter_context(found)[1]
        for host in hosts:
            options = ("worker", address, "--nthreads", "1", "--no-dashboard")
            running.enter_context(_dask(host, folder, "Registered to", *options))
        yield address
