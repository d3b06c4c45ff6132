"""The pool of workers and the store of runs, as builds use them: shared, remembered, killed, elsewhere."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from distributed import Client

from lib import pool


def workers_seen(project):
    return {path.name.split("-")[1] for path in project.counted.iterdir()}


def ended(process, seconds=300):
    """Return what a build printed, once it has ended."""
    output, errors = process.communicate(timeout=seconds)
    return process.returncode, output, errors


# The pool of one build


def test_chapters_share_the_pool_and_the_runs_and_a_second_build_has_them_all(training):
    training.runs("one", "range(4)", seconds=0.3)
    training.runs("two", "range(2, 6)", seconds=0.3)
    assert training.run("--workers", "2").stdout.endswith("2 built.\n")
    assert training.computed() == [0, 1, 2, 3, 4, 5]
    assert len(workers_seen(training)) == 2
    first = training.results()
    built = training.run("--workers", "2", "--fresh")
    assert built.stdout.endswith("2 built.\n")
    assert training.computed() == [0, 1, 2, 3, 4, 5]
    assert training.results() == first


def test_a_changed_module_computes_anew_and_another_module_does_not(training):
    training.runs("one", "range(2)")
    assert training.run().returncode == 0
    training.edit("lib/drawing/__init__.py", '"""Diagrams', '"""Changed. Diagrams')
    assert training.run("--fresh").returncode == 0
    assert training.computed() == [0, 1]
    training.edit("lib/sleeping.py", "size=5", "size=6")
    assert training.run().returncode == 0
    assert training.computed() == [0, 0, 1, 1]


def test_the_order_and_repetitions_do_not_change_a_byte_of_the_store(training):
    training.runs("one", "range(8)", seconds=0.02)
    assert training.run("--workers", "2").returncode == 0
    once = training.stored()
    training.edit("notebooks/one.ipynb", "range(8)", "[5, 3, 3, 7, 0, 1, 5, 6, 2, 4, 4]")
    for path in (training.root / "build/runs").iterdir():
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    assert training.run("--workers", "2").returncode == 0
    assert training.computed() == sorted([*range(8)] * 2)
    assert training.stored() == once
    assert len(once) == 8 * 5


def test_a_chapter_without_runs_starts_no_pool(training):
    training.chapter("one")
    assert training.run().returncode == 0
    assert not (training.root / "build/logs/pool.log").exists()


SHARED = """
    @property
    def compiled(self):
        return f"network {self.seed // 6}"

    def compute(self):"""


def test_runs_that_share_a_network_come_to_the_same_worker(training):
    training.edit("lib/sleeping.py", "\n    def compute(self):", SHARED)
    training.runs("shared", "range(12)", seconds=0.4)
    assert training.run("--workers", "2").returncode == 0
    places = [path.name.split("-")[:2] for path in training.counted.iterdir()]
    at_home = [
        Counter(worker for seed, worker in places if int(seed) // 6 == network).most_common(1)[0][1]
        for network in (0, 1)
    ]
    assert len(places) == 12
    assert sum(at_home) >= 10  # a worker that is ready early may take some


def test_workers_keep_the_memory_that_the_next_step_needs():
    with pool.local(1) as cluster, Client(cluster) as client:
        assert list(client.run(lambda: os.environ.get("MALLOC_TRIM_THRESHOLD_")).values()) == [None]


def test_only_this_machine_can_reach_the_pool(training):
    training.runs("one", "range(2)", seconds=5)
    build = training.start("--workers", "2")
    log = training.root / "build/logs/pool.log"
    training.wait_for(lambda: log.exists() and len(listening(training)) >= 3)
    time.sleep(1)
    addresses = {address for process in listening(training).values() for address in process}
    assert addresses == {"127.0.0.1"}
    assert ended(build)[0] == 0
    training.wait_for(lambda: not training.processes())


def test_only_this_machine_can_reach_a_kernel(project):
    project.chapter(
        "one",
        "import pathlib, time",
        "pathlib.Path('../running').touch()\nwhile not pathlib.Path('../go').exists(): time.sleep(0.05)",
    )
    build = project.start()
    project.wait_for((project.root / "running").exists)
    addresses = {address for process in listening(project).values() for address in process}
    assert addresses <= {"127.0.0.1"}  # the sockets themselves are files in a folder of the user's own
    (project.root / "go").touch()
    assert ended(build)[0] == 0


def listening(project):
    """Return {process id: addresses it listens on} of a project's processes that listen."""
    found = {}
    for process in project.processes():
        with contextlib.suppress(psutil.Error):
            addresses = [
                connection.laddr.ip
                for connection in process.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            ]
            if addresses:
                found[process.pid] = addresses
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_ends_takes_its_workers_along_and_keeps_finished_runs(training, number):
    training.runs("one", "[0]")
    training.runs("two", "range(10, 13)", seconds=3)
    build = training.start("--workers", "2")
    # The run of chapter one and at least one of chapter two
    training.wait_for(lambda: sum(path.endswith("values.json") for path in training.stored()) >= 2)
    build.send_signal(number)
    status, _, errors = ended(build)
    assert "Traceback" not in errors
    assert status == (130 if number == signal.SIGINT else -number)
    training.wait_for(lambda: not training.processes())
    assert training.run("--workers", "2").returncode == 0
    assert training.computed().count(10) == 1 or training.computed().count(11) == 1


def test_a_worker_killed_in_the_middle_is_replaced_and_its_run_repeated(training):
    training.runs("one", "range(3)", die_once=True)
    built = training.run("--workers", "2")
    assert built.returncode == 0, built.stdout
    times = [training.computed().count(seed) for seed in range(3)]
    assert min(times) >= 2  # a result that was lost with its worker is computed once more
    assert len([path for path in training.stored() if path.endswith("values.json")]) == 3


def test_a_run_that_kills_every_worker_fails_with_a_sentence(training):
    training.edit("lib/sleeping.py", "and times == 0", "")
    training.runs("one", "[0]", die_once=True)
    built = training.run("--workers", "1")
    assert built.returncode == 1
    assert "  A run ended every worker that computed it; is there enough memory?\n" in built.stdout


def test_an_error_in_a_run_is_told_and_the_finished_ones_are_kept(training):
    training.runs("one", "range(3)", seconds=0.2)
    training.edit(
        "lib/sleeping.py",
        "if self.die_once",
        "if self.seed == 2:\n            1 / 0\n        if self.die_once",
    )
    built = training.run("--workers", "1")
    assert built.returncode == 1
    assert "  ZeroDivisionError: division by zero\n" in built.stdout
    assert len([path for path in training.stored() if path.endswith("values.json")]) == 2


# A cluster started by hand


class Cluster:
    """A scheduler and workers in an empty folder, as a user starts them."""

    def __init__(self, folder, wait_for):
        self.folder, self.wait_for = folder, wait_for
        self.processes, self.address, self.settings = [], None, {}

    def start(self, *arguments, **environment):
        """Call `dask`, and return the process and the file of its output."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        log = self.folder / f"{len(self.processes)}.log"
        with open(log, "w") as output:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("dask"), *arguments],
                cwd=self.folder,
                env=outside | {"DASK_TEMPORARY_DIRECTORY": str(self.folder)} | self.settings | environment,
                stdout=output,
                stderr=output,
            )
        self.processes.append(process)
        return process, log

    def scheduler(self, *arguments):
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        process, log = self.start("scheduler", *options, *arguments)
        self.wait_for(lambda: re.search(r"Scheduler at: +(\w+://\S+)", log.read_text()))
        self.address = re.search(r"Scheduler at: +(\w+://\S+)", log.read_text())[1]
        return process

    def worker(self, *arguments, **environment):
        options = ("--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard")
        process, log = self.start("worker", self.address, *options, *arguments, **environment)
        self.wait_for(lambda: "Registered to" in log.read_text())
        return process


@pytest.fixture
def cluster(tmp_path, training):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    started = Cluster(folder, training.wait_for)
    yield started
    for process in reversed(started.processes):
        process.terminate()
    for process in reversed(started.processes):
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_a_cluster_started_by_hand_gets_lib_and_computes_the_same(training, cluster):
    cluster.scheduler()
    cluster.worker()
    cluster.worker()
    training.runs("one", "range(4)", seconds=0.3)
    built = training.run("--scheduler", cluster.address)
    assert built.returncode == 0, built.stdout
    assert len(workers_seen(training)) == 2
    assert training.computed() == [0, 1, 2, 3]
    assert not training.processes()
    elsewhere, results = training.stored(), training.results()
    # What lib/ computes now, not what the workers took over first.
    training.edit("lib/sleeping.py", "size=5", "size=7")
    built = training.run("--scheduler", cluster.address)
    assert built.returncode == 0, built.stdout
    assert len(training.computed()) == 8
    training.edit("lib/sleeping.py", "size=7", "size=5")
    (training.root / "build/runs").rename(training.root / "build/elsewhere")
    assert training.run("--fresh").returncode == 0
    assert training.stored() == elsewhere
    assert training.results() == results


def test_without_a_scheduler_there_is_one_sentence(training):
    training.runs("one", "range(2)")
    built = training.run("--scheduler", "tcp://127.0.0.1:9")
    assert built.returncode == 1
    assert (
        "  No Dask scheduler answers at tcp://127.0.0.1:9; start one with `dask scheduler`.\n" in built.stdout
    )
    assert "Traceback" not in built.stdout + built.stderr


def test_a_scheduler_without_workers_is_told(training, cluster):
    cluster.scheduler()
    training.runs("one", "range(2)")
    built = training.run("--scheduler", cluster.address)
    assert built.returncode == 1
    assert f"has no workers; start some with `dask worker {cluster.address}`." in built.stdout


# With TLS, by Dask's own settings

TLS, ROLES = "DASK_DISTRIBUTED__COMM__TLS", ("SCHEDULER", "WORKER", "CLIENT")
MISSING = {f"{TLS}__{name}": "missing.pem" for name in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY")}


def certificate(folder, name):
    """Make a key and a certificate that is its own authority; return Dask's settings for whoever has them."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    options = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    subprocess.run(
        ["openssl", "req", "-x509", *options, "-subj", f"/CN={name}", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    files = {f"{role}__{kind}": file for role in ROLES for kind, file in (("CERT", cert), ("KEY", key))}
    return {f"{TLS}__{name}": str(file) for name, file in (files | {"CA_FILE": cert}).items()}


@pytest.fixture
def encrypted(cluster):
    """A cluster that speaks TLS only; its settings are those of whoever may join."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the certificates, is not installed")
    cluster.settings = certificate(cluster.folder, "cluster")
    cluster.scheduler("--protocol", "tls")
    return cluster


def test_a_cluster_with_tls_computes_the_same(training, encrypted):
    encrypted.worker()
    training.runs("one", "range(2)")
    training.settings = encrypted.settings
    built = training.run("--scheduler", encrypted.address)
    assert built.returncode == 0, built.stdout
    assert encrypted.address.startswith("tls://")
    assert training.computed() == [0, 1]
    elsewhere, results = training.stored(), training.results()
    (training.root / "build/runs").rename(training.root / "build/elsewhere")
    assert training.run("--fresh").returncode == 0
    assert training.stored() == elsewhere
    assert training.results() == results


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (lambda folder: {}, "needs certificates; Dask's settings distributed.comm.tls"),
        (lambda folder: MISSING, "(ca-file, client.cert, client.key) name cannot be used: No such file"),
        (lambda folder: certificate(folder, "stranger"), "or refuses the certificate of Dask's settings"),
        (
            lambda folder: certificate(folder, "stranger") | {f"{TLS}__CA_FILE": str(folder / "cluster.pem")},
            "or refuses the certificate of Dask's settings",
        ),
    ],
    ids=["none", "missing", "another", "unknown to the scheduler"],
)
def test_who_lacks_the_certificate_is_told_in_a_sentence(training, encrypted, settings, sentence):
    training.runs("one", "range(2)")
    training.settings = settings(encrypted.folder)
    built = training.run("--scheduler", encrypted.address)
    assert built.returncode == 1
    assert sentence in built.stdout
    assert "Traceback" not in built.stdout + built.stderr


def test_a_worker_with_another_version_is_refused(training, cluster):
    cluster.scheduler()
    shim = cluster.folder / "keras-0.0.1.dist-info"
    shim.mkdir()
    (shim / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 0.0.1\n")
    cluster.worker(PYTHONPATH=str(cluster.folder))
    training.runs("one", "range(2)")
    built = training.run("--scheduler", cluster.address)
    assert built.returncode == 1
    assert re.search(
        r"  The worker tcp://\S+ has keras 0\.0\.1, this machine (\S+); install \1 there\.\n", built.stdout
    )
    assert training.computed() == []


def test_a_worker_that_cannot_take_lib_over_is_refused(training, cluster):
    cluster.scheduler()
    cluster.worker("--no-nanny")
    training.runs("one", "range(2)")
    built = training.run("--scheduler", cluster.address)
    assert built.returncode == 1
    assert re.search(r"  The worker tcp://\S+ ", built.stdout)
    assert training.computed() == []


def test_a_worker_that_would_compute_two_runs_at_a_time_is_refused(training, cluster):
    cluster.scheduler()
    cluster.worker("--nthreads", "2")
    training.runs("one", "range(2)")
    built = training.run("--scheduler", cluster.address)
    assert built.returncode == 1
    assert re.search(
        r"  The worker tcp://\S+ computes 2 runs at a time, which would share a network; "
        r"start it with --nthreads 1\.\n",
        built.stdout,
    )
    assert training.computed() == []


def test_a_worker_that_joins_late_and_would_compute_two_runs_at_a_time_is_refused(training, cluster):
    cluster.scheduler()
    cluster.worker()
    training.runs("one", "range(12)", seconds=0.5)
    build = training.start("--scheduler", cluster.address)
    training.wait_for(lambda: training.computed())
    cluster.worker("--nthreads", "2")
    status, output, _ = ended(build)
    assert status == 1
    assert re.search(
        r"  The worker tcp://\S+ computes 2 runs at a time, which would share a network; ", output
    )


def test_a_cluster_loses_a_worker_in_the_middle(training, cluster):
    cluster.scheduler()
    first = cluster.worker()
    cluster.worker()
    training.runs("one", "range(6)", seconds=1)
    build = training.start("--scheduler", cluster.address)
    training.wait_for(lambda: training.computed())
    for process in [*psutil.Process(first.pid).children(recursive=True), first]:
        process.kill()
    status, output, _ = ended(build)
    assert status == 0, output
    assert set(training.computed()) == set(range(6))


def test_the_scheduler_goes_in_the_middle_and_the_next_build_computes_the_rest(training, cluster):
    scheduler = cluster.scheduler()
    worker = cluster.worker()
    training.runs("one", "range(5)", seconds=1.5)
    build = training.start("--scheduler", cluster.address)
    training.wait_for(lambda: len([path for path in training.stored() if path.endswith("values.json")]) >= 2)
    scheduler.kill()
    status, output, errors = ended(build)
    assert status == 1
    assert "  The Dask scheduler is gone; the runs finished so far are kept.\n" in output
    assert "Traceback" not in output + errors
    kept = len([path for path in training.stored() if path.endswith("values.json")])
    assert 2 <= kept < 5
    worker.terminate()
    worker.wait()
    for path in training.counted.iterdir():
        path.unlink()
    built = training.run()
    assert built.returncode == 0, built.stdout
    assert len(training.computed()) == 5 - kept


INTERRUPTED = """
import os, signal, threading, time
from pathlib import Path
from lib import experiments
from lib.sleeping import Sleep

def interrupt():
    while not any(Path({counted!r}).iterdir()):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt).start()
    try:
        experiments.run([Sleep({counted!r}, seed, 0.5) for seed in range(30)])
    except KeyboardInterrupt as error:
        kept = error  # as IPython keeps it, and with it all futures
    experiments.run([Sleep({counted!r}, 100)])
"""


def test_after_an_interrupted_cell_the_pool_is_free_for_the_next_one(training):
    training.write("cells.py", INTERRUPTED.format(counted=str(training.counted)))
    environment = training.environment | {"PYTHONPATH": str(training.root)}
    subprocess.run([sys.executable, "cells.py"], cwd=training.root, env=environment, check=True, timeout=120)
    computed = training.computed()
    assert computed[-1] == 100
    assert len(computed) < 10


# What is stored


def test_runs_are_listed_with_their_users_and_pruned_when_nobody_uses_them(training):
    training.runs("one", "range(2)")
    training.runs("two", "range(1, 3)")
    assert training.run("--runs").stdout == "0 stored, 0.00 MB.\n"
    training.run()
    listed = training.run("--runs").stdout.splitlines()
    users = sorted(line.split("MB  ")[1] for line in listed[:-1])
    assert users == ["one", "one, two", "two"]
    assert all("lib.sleeping.Sleep" in line for line in listed[:-1])
    assert listed[-1].startswith("3 stored, ")
    training.edit("notebooks/one.ipynb", "range(2)", "range(1, 2)")
    assert training.run().returncode == 0
    assert "no chapter" in training.run("--runs").stdout
    (training.root / "build/runs/.left.1").mkdir()
    assert training.run("--prune-runs").stdout.startswith("2 removed, ")
    assert training.run("--prune-runs").stdout == "0 removed, 0.00 MB.\n"
    assert training.run("--fresh").returncode == 0
    assert set(training.computed()) == {0, 1, 2}


@pytest.mark.parametrize("option", ["--runs", "--prune-runs"])
def test_where_it_cannot_be_told_which_runs_are_used_none_is_removed(training, option):
    training.runs("one", "range(2)")
    training.run()
    stored = training.stored()
    (training.root / "build/used/figures/one.json").write_text("")
    told = training.run(option)
    assert told.returncode == 2
    assert told.stderr == (
        "build/used/figures/one.json is damaged; build its chapter with --fresh, or remove the file.\n"
    )
    assert training.stored() == stored


def test_a_damaged_run_is_computed_again(training):
    training.runs("one", "range(2)")
    training.run()
    before, figures = training.stored(), training.results()
    damaged = next((training.root / "build/runs").glob("*/weights.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00")
    assert training.run("--fresh").returncode == 0
    assert len(training.computed()) == 3
    assert training.stored() == before
    assert training.results() == figures
