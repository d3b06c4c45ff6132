"""The pool that the chapters of one build share, started when the first of them needs it."""

import subprocess
import sys
import threading

from lib.build import execute
from lib.concordance import ROOT


class PoolFailed(Exception):
    """The pool could not be started."""


class Pool:
    """A Dask pool in a process of its own (`python -m lib.pool`), or an existing cluster.

    Nothing is started before address() is called; the pool ends with the `with` block, and with this
    process however that ends.
    """

    def __init__(self, workers, scheduler=None):
        self.workers, self.scheduler = workers, scheduler
        self.process, self.lock = None, threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.stdin.close()
            self.process.wait()

    def address(self):
        """Return the address of the scheduler; raises PoolFailed where the pool does not start."""
        with self.lock:
            if self.scheduler is None:
                self._start()
            return self.scheduler

    def _start(self):
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
        self.scheduler = self.process.stdout.readline().strip() or None
        if self.scheduler is None:
            raise PoolFailed("The pool of workers did not start; the reason is in build/logs/pool.log.")
