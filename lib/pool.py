"""The Dask pool that runs are computed on: one process a core, one thread each.

`python -m lib.pool N` starts a scheduler with N workers on this machine, prints its address and ends
with its standard input; a build shares one among its chapters. `connect` joins that one, or any
other Dask cluster.
"""

import os
import sys
from importlib.metadata import version

from distributed import Client, LocalCluster
from distributed.diagnostics.plugin import UploadDirectory

from lib.concordance import ROOT

LIBRARIES = ("tensorflow", "keras", "numpy")


class PoolError(Exception):
    """A scheduler that cannot be reached, or workers that would compute something else."""


def cores():
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local(workers):
    """Return a started LocalCluster of `workers` processes with one thread each, on 127.0.0.1 only."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,
    )


def versions():
    """Return {library: version} of what results depend on, as this process has them."""
    return {name: version(name) for name in LIBRARIES}


def connect(address, timeout=20):
    """Return a Client of the scheduler at `address` ("tcp://host:port") whose workers have this lib and data.

    Raises PoolError where nothing answers, where there is no worker, and where a worker has other versions
    of TensorFlow, Keras or numpy, since its results would not be those of this machine.
    """
    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TimeoutError):
        raise PoolError(f"No Dask scheduler answers at {address}; start one with `dask scheduler`.") from None
    if not client.scheduler_info()["workers"]:
        raise PoolError(
            f"The scheduler at {address} has no workers; start some with `dask worker {address}`."
        )
    for worker, found in client.run(versions).items():
        for name, wanted in versions().items():
            if found[name] != wanted:
                raise PoolError(
                    f"The worker {worker} has {name} {found[name]}, this machine {wanted}; install {wanted} there."
                )
    return client


def hand_over(address):
    """Give lib/ and data/ to all workers of a cluster, present and to come."""

    def stays(path):
        relative = os.path.relpath(path, ROOT)
        return not relative.startswith(("lib", "data")) or "__pycache__" in relative

    client = connect(address)
    client.register_plugin(UploadDirectory(str(ROOT), update_path=True, skip=(stays,)))
    client.close()


def main():
    with local(int(sys.argv[1])) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
