"""How well the pool of workers is used, measured in one sitting on a copy of this checkout.

Usage: python benchmarks/pool.py NOTEBOOK ..., for instance 03_2_1_losses 05_1_learning_rate

Prints the share of the workers' time that goes into training, between the first run and the last (goal: 0.9);
how the time of a cold build grows with seeds and falls with workers; and, with runs that sleep in place of
training, what 8 to 64 workers do more than one.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

from build import copy_of_checkout, keep_only, seconds

SLEEPING = '''
"""Runs that sleep."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Sleep:
    """Sleeps half a second."""

    seed: int

    def compute(self):
        """Return the seed."""
        time.sleep(0.5)
        return {"value": self.seed}
'''
SLEEP = """
import sys, time
from lib import experiments, pool
from lib.sleeping import Sleep

if __name__ == "__main__":
    workers = int(sys.argv[1])
    pool.cores = lambda: workers
    experiments.run([Sleep(-1000 * workers - seed) for seed in range(workers)])
    started = time.perf_counter()
    experiments.run([Sleep(1000 * workers + seed) for seed in range(6 * workers)])
    print(0.5 * 6 * workers / (time.perf_counter() - started))
"""


@contextmanager
def pool(folder, workers):
    """Yield the address of a pool of this many workers for a copy of the checkout."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lib.pool", str(workers)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()


def efficiency(folder, workers):
    """Return the share of the workers' time spent on runs in a cold build, from the first run to the last."""
    with pool(folder, workers) as address, Client(address) as client:
        client.get_task_stream()  # from now on the scheduler keeps it
        seconds([sys.executable, "run_all.py", "--scheduler", address], folder)
        spans = [
            (part["start"], part["stop"])
            for task in client.get_task_stream(count=1_000_000)
            for part in task["startstops"]
            if part["action"] == "compute" and str(task["key"]).startswith("run-")
        ]
    busy = sum(stop - start for start, stop in spans)
    return busy / workers / (max(stop for _, stop in spans) - min(start for start, _ in spans))


def main():
    names = sys.argv[1:]
    if not names:
        sys.exit(__doc__)
    build = [sys.executable, "run_all.py"]
    with tempfile.TemporaryDirectory() as temporary:
        copies = {}
        for name in ("efficiency", "one worker", "two workers", *(f"{seeds} seeds" for seeds in (2, 3, 9))):
            copies[name] = Path(temporary) / name.replace(" ", "-")
            copies[name].mkdir()
            copy_of_checkout(copies[name])
            keep_only(copies[name], names)
        share = efficiency(copies["efficiency"], 2)
        print(f"time of the workers that goes into runs: {share:.2f} (goal: 0.9)", flush=True)
        one = seconds([*build, "--workers", "1"], copies["one worker"])
        two = seconds([*build, "--workers", "2"], copies["two workers"])
        print(f"cold, one worker over two: {one / two:.2f}", flush=True)
        times = {n: seconds([*build, "--seeds", str(n)], copies[f"{n} seeds"]) for n in (2, 3, 9)}
        print(
            f"cold with 3 and 9 seeds over 2: {times[3] / times[2]:.2f}, {times[9] / times[2]:.2f}",
            flush=True,
        )
        folder = copies["efficiency"]
        (folder / "lib" / "sleeping.py").write_text(SLEEPING, encoding="utf-8")
        (folder / "sleep.py").write_text(SLEEP, encoding="utf-8")
        for workers in (1, 8, 16, 32, 64):
            called = subprocess.run(
                [sys.executable, "sleep.py", str(workers)],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(folder)},
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"{workers} workers that sleep do the work of {float(called.stdout):.1f}", flush=True)


if __name__ == "__main__":
    main()
