"""What the engine costs and gains, as ratios measured in one sitting on a copy of this checkout.

Usage: python benchmarks/runs.py [NOTEBOOK ...], 05_4_optimizers for instance; without one, all that train

Prints, with the goals of the project: the chapters that train, from cold, against the same notebooks
one after the other with papermill, Keras's own threading and no store; a warm store against a cold
one; one run through the engine against a plain fit; two workers against one; and the engine's own
cost of a run that does nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from build import PAPERMILL, copy_of_checkout, seconds

NO_ENGINE = '''
def run(configs):
    """Compute the runs here and now, one after the other."""
    configs = tuple(configs)
    return Runs(configs, tuple(map(_once, configs)))


_done = {}


def _once(config):
    """Compute a run, once in this notebook."""
    if repr(config) not in _done:
        start = _once(config.start) if getattr(config, "start", None) else None
        _done[repr(config)] = config.compute(start) if start else config.compute()
    return _done[repr(config)]
'''
NO_ONE_THREAD = '''

def one_thread():
    """Leave threading to Keras."""
'''
EMPTY = """
from dataclasses import dataclass


@dataclass(frozen=True)
class Empty:
    seed: int

    def compute(self):
        return {"value": self.seed}
"""
EMPTY_RUNS = """
import sys, time
from lib import experiments
from lib.empty import Empty

if __name__ == "__main__":
    experiments.run([Empty(-1)])
    started = time.perf_counter()
    experiments.run([Empty(seed) for seed in range(200)])
    print((time.perf_counter() - started) / 200)
"""
TRAININGS = """
import sys, time
from lib import experiments, pool
from lib.training import Training

def trainings(first, count):
    return [Training(training_images=3000, epochs=20, seed=seed) for seed in range(first, first + count)]

if __name__ == "__main__":
    pool.cores = lambda: int(sys.argv[1])
    experiments.run(trainings(-int(sys.argv[1]), int(sys.argv[1])))
    started = time.perf_counter()
    experiments.run(trainings(0, 4))
    print(time.perf_counter() - started)
"""
PLAIN_FIT = """
import time
import keras
from lib import training
from lib.training import Training

training.one_thread()
config = Training(training_images=3000, epochs=20)
(images, labels), validation, test = training.parts(config).values()
model = training.build(config, images.shape[1:], labels.shape[1])
optimizer = training.OPTIMIZERS[config.optimizer](config.learning_rate)
steps = -(-len(images) // config.batch_size)
model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], steps_per_execution=steps)

keras.utils.set_random_seed(0)

def fit():
    batches = {"validation_data": validation, "validation_batch_size": 1000}
    model.fit(images, labels, config.batch_size, config.epochs, verbose=0, **batches)
    model.predict(test[0], verbose=0, batch_size=1000)

fit()
started = time.perf_counter()
for _ in range(4):
    fit()
print(time.perf_counter() - started)
"""


def printed(script, folder, *arguments):
    """Return the number that a script prints last, run on the copy's lib."""
    (folder / "script.py").write_text(script, encoding="utf-8")
    command = [sys.executable, "script.py", *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
    output = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return float(output.stdout.split()[-1])


def training_notebooks(folder):
    """Return the notebooks that the command line names, or all that use the engine."""
    notebooks = sorted((folder / "notebooks").glob("*.ipynb"))
    if names := sys.argv[1:]:
        return [path for path in notebooks if path.stem in names]
    return [path for path in notebooks if "experiments" in path.read_text(encoding="utf-8")]


def without_engine(folder):
    """Replace the engine of a copy by a plain loop, and leave threading to Keras."""
    experiments, training = folder / "lib" / "experiments.py", folder / "lib" / "training.py"
    experiments.write_text(experiments.read_text(encoding="utf-8") + NO_ENGINE, encoding="utf-8")
    text = training.read_text(encoding="utf-8")
    training.write_text(text + NO_ONE_THREAD, encoding="utf-8")


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder, plain = Path(temporary) / "engine", Path(temporary) / "plain"
        for copy in (folder, plain):
            copy.mkdir()
            copy_of_checkout(copy)
        (folder / "lib" / "empty.py").write_text(EMPTY, encoding="utf-8")
        print(
            f"the engine's own cost of a run: {1000 * printed(EMPTY_RUNS, folder):.0f} ms (goal: 50)",
            flush=True,
        )
        one = printed(TRAININGS, folder, "1")
        shutil.rmtree(folder / "build")
        two = printed(TRAININGS, folder, "2")
        print(f"throughput of two workers over one: {one / two:.2f} (goal: 1.3)", flush=True)
        print(f"one run over a plain fit: {one / printed(PLAIN_FIT, folder):.2f} (goal: 1.05)", flush=True)
        shutil.rmtree(folder / "build")

        names = [path.stem for path in training_notebooks(folder)]
        build = [sys.executable, "run_all.py", *names]
        cold = seconds(build, folder)
        print(f"cold: {cold:.0f} s", flush=True)
        warm = seconds([*build, "--fresh"], folder)
        print(f"warm store over cold: {warm / cold:.2f} (goal: 0.1)", flush=True)
        without_engine(plain)
        started = time.perf_counter()
        for notebook in training_notebooks(plain):
            seconds([*PAPERMILL, notebook.name, str(plain / "out.ipynb")], notebook.parent, plain)
        sequential = time.perf_counter() - started
        print(f"cold over papermill without the engine: {cold / sequential:.2f} (goal: 0.55)", flush=True)


if __name__ == "__main__":
    main()
