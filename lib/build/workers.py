"""The pool that the chapters of one build share, started when the first of them needs it."""

import subprocess
import sys
import threading

from lib.build import execute
from lib.concordance import ROOT


class PoolFailed(Exception):
    """The pool could not be started, or the cluster cannot be used."""


class Pool:
    """A Dask pool in a process of its own (`python -m lib.pool`), or an existing cluster.

    Nothing is started before address() is called; the pool ends with the `with` block, and with this
    process however that ends.
    """

    def __init__(self, workers, scheduler=None):
        self.workers, self.scheduler = workers, scheduler
        self.process, self.lock = None, threading.Lock()
        self.ready, self.failure = None, None

    def __enter__(self):
        """Return the pool itself, not yet started."""
        return self

    def __exit__(self, *_):
        """End the processes of the pool, if it has any."""
        if self.process:
            self.process.stdin.close()
            self.process.wait()

    def address(self):
        """Return the address of the scheduler; raises PoolFailed, and always the same, where there is none."""
        with self.lock:
            if self.failure:
                raise PoolFailed(self.failure)
            if self.process and self.process.poll() is not None:
                self.ready = None  # it has died; another one takes its place
            if self.ready is None:
                try:
                    self.ready = self._start() if self.scheduler is None else self._hand_over()
                except PoolFailed as failure:
                    self.failure = str(failure)
                    raise
            return self.ready

    def _start(self):
        """Start a pool of this machine and return its address."""
        execute.LOGS.mkdir(parents=True, exist_ok=True)
        with open(execute.LOGS / "pool.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lib.pool", str(self.workers)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=execute.environment(None, ""),
                cwd=ROOT,
                text=True,
                start_new_session=True,
            )
        address = self.process.stdout.readline().strip()
        if not address:
            raise PoolFailed("The pool of workers did not start; the reason is in build/logs/pool.log.")
        return address

    def _hand_over(self):
        """Give this lib/ and data/ to the workers of the existing cluster and return its address."""
        called = subprocess.run(
            [sys.executable, "-m", "lib.pool", "--hand-over", self.scheduler],
            env=execute.environment(None, ""),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        execute.LOGS.mkdir(parents=True, exist_ok=True)
        (execute.LOGS / "pool.log").write_text(called.stderr, encoding="utf-8")
        if called.returncode:
            lines = called.stderr.splitlines() or ["lib/ cannot be handed over to the workers."]
            raise PoolFailed(lines[-1])
        return self.scheduler
