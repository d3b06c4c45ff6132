"""The Dask pool that runs are computed on: one process a core, one thread each.

`python -m lib.pool N` starts a scheduler with N workers on this machine, prints its address and ends
with its standard input; a build shares one among its chapters. `python -m lib.pool --hand-over ADDRESS`
gives lib/ and data/ to the workers of another Dask cluster. `connect` joins either.
"""

import logging
import os
import sys

import dask
from distributed import Client, LocalCluster
from distributed.diagnostics.plugin import UploadDirectory
from distributed.security import Security

from lib import checksums, versions
from lib.concordance import ROOT

TLS_SETTINGS = "distributed.comm.tls (ca-file, client.cert, client.key)"
GIVEN_BACK = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
HANDED_OVER = "food-image-analysis"  # where the scheduler keeps the checksum of what its workers were given


class PoolError(Exception):
    """A scheduler that cannot be reached, or workers that would compute something else."""


def cores():
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local(workers):
    """Return a started LocalCluster of `workers` processes with one thread each, on 127.0.0.1 only."""
    # Dask has workers give back all free memory at once; every step of training would ask for it anew.
    with dask.config.set({GIVEN_BACK: None}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any free port: two pools may stand side by side
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.ERROR,  # a slow moment of a busy machine is no news
        )


def connect(address, timeout=10):
    """Return a Client of the scheduler at `address` ("tcp://host:port") whose workers compute as this machine.

    An address "tls://host:port" takes the certificates that Dask's own settings name. Raises PoolError
    where nothing answers, where there is no worker, and where a worker lacks lib/, has other versions of
    the libraries, or more than one thread, since its results would not be those of this machine.
    """
    client = _joined(address, timeout)
    try:
        _refuse_others(client)
    except PoolError:
        client.close()
        raise
    return client


def _joined(address, timeout=10):
    _check_certificates(address)
    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TimeoutError):
        remedy = "start one with `dask scheduler`"
        if address.startswith("tls://"):
            remedy = f"it is not running, or refuses the certificate of Dask's settings {TLS_SETTINGS}"
        raise PoolError(f"No Dask scheduler answers at {address}; {remedy}.") from None
    if not client.scheduler_info()["workers"]:
        client.close()
        raise PoolError(
            f"The scheduler at {address} has no workers; start some with `dask worker {address}`."
        )
    return client


def _check_certificates(address):
    """Raise PoolError where Dask's settings lack what TLS needs; its own Client would hang and not say so."""
    try:
        context = Security().get_connection_args("client")["ssl_context"]
    except OSError as error:
        raise PoolError(
            f"A file that Dask's settings {TLS_SETTINGS} name cannot be used: {error.strerror}."
        ) from None
    if address.startswith("tls://") and context is None:
        raise PoolError(
            f"{address} needs certificates; Dask's settings {TLS_SETTINGS} have to name their files."
        )


def _refuse_others(client):
    """Raise PoolError for a worker without lib/, with other libraries or more threads, or if none answers."""

    wanted = versions.installed()

    def found(libraries=tuple(wanted)):  # inside another function, so that it is sent as a whole
        from importlib.metadata import PackageNotFoundError, version
        from importlib.util import find_spec

        def installed(name):
            try:
                return version(name)
            except PackageNotFoundError:
                return "not at all"

        return find_spec("lib") is not None, {name: installed(name) for name in libraries}

    answers = client.run(found, on_error="return")
    silent = {worker for worker, answer in answers.items() if isinstance(answer, OSError)}
    if silent == answers.keys():
        raise PoolError(f"No worker of the scheduler at {client.scheduler.address} can be reached.")
    threads = client.nthreads()
    for worker in answers.keys() - silent:  # the scheduler gives up the silent ones by itself
        if isinstance(answers[worker], Exception):
            raise answers[worker]
        has_lib, has = answers[worker]
        for name in wanted:
            if has[name] != wanted[name]:
                raise PoolError(
                    f"The worker {worker} has {name} {has[name]}, this machine {wanted[name]}; "
                    f"install {wanted[name]} there."
                )
        refuse_threads(worker, threads.get(worker, 1))
        if not has_lib:
            raise PoolError(f"The worker {worker} did not take lib/ over; start it without --no-nanny.")


def refuse_threads(worker, threads):
    """Raise PoolError where a worker has more than one thread, for runs that would share a network."""
    if threads > 1:
        raise PoolError(
            f"The worker {worker} computes {threads} runs at a time, which would share a network; "
            "start it with --nthreads 1."
        )


def hand_over(address):
    """Give lib/ and data/ to all workers of a cluster, present and to come; raises PoolError as connect does.

    The workers start anew, unless what they have is the same already.
    """
    files = [
        path
        for folder in ("lib", "data")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    ]
    sums = {path.relative_to(ROOT).as_posix(): checksums.of_file(path) for path in files}
    digest, wanted = checksums.of_dataset(sums), set(map(str, files))
    client = _joined(address)
    try:
        if client.get_metadata([HANDED_OVER], default=None) != digest:
            upload = UploadDirectory(
                str(ROOT),
                restart_workers=True,
                update_path=True,
                skip_words=(),
                skip=(lambda path: path not in wanted,),
            )
            _register(client, upload)
            client.wait_for_workers(1, timeout=60)
            client.set_metadata([HANDED_OVER], digest)
        _refuse_others(client)
    finally:
        client.close()


def _register(client, upload, times=5):
    """Unpack an upload on all workers; some may get in each other's way, or be gone, at first."""
    for left in reversed(range(times)):
        try:
            client.register_plugin(upload)
            return
        except OSError:  # another worker has just made the same folder, or one does not answer any more
            if not left:
                raise


def main():
    """Do what the command line asks for; the sentence for what is wrong goes to standard error."""
    if sys.argv[1] == "--hand-over":
        try:
            hand_over(sys.argv[2])
        except PoolError as error:
            sys.exit(str(error))
    else:
        with local(int(sys.argv[1])) as cluster:
            print(cluster.scheduler_address, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
