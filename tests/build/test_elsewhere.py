"""The same results on a stranger's machine: `run_all.py --check`, from an empty store, in other environments."""

import gzip
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

import environments
import pytest

MNIST = Path(__file__).resolve().parents[2] / "data/mnist"
DIGITS = 400
ANALYTIC = """
import numpy as np
from lib import activations, convolution
x = np.linspace(-6, 6, 200)
curves = pd.DataFrame({"x": x, "tanh": activations.tanh(x), "softmax": activations.softmax(x)})
images = np.random.default_rng(0).normal(size=(1, 24, 24, 3))
curves["singular value"] = np.linalg.svd(images.reshape(24, 72), compute_uv=False).repeat(9)[:200]
curves["convolved"] = convolution.convolve(images, images[0, :3, :3, :, None]).ravel()[:200]
fig, ax = plt.subplots(figsize=style.size(0.5))
ax.plot(curves["x"], curves["tanh"], label="İIıi")
ax.legend()
publish.figure(fig, "fig_analytic", data=curves)
letters = {letter.lower() for letter in "IİıiÇç"}  # in the order of the hash seed
publish.claim("claim_letters", stated="ı is not i", measured=" ".join(letters), verdict="holds")
"""
DRAWN = '''"""Runs for tests: numbers drawn from a seed."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draw:
    """Draws numbers from its seed."""

    seed: int

    def compute(self):
        """Return their mean and the numbers."""
        drawn = np.random.default_rng(self.seed).normal(size=1000)
        return {"mean": drawn.mean(), "numbers": {"drawn": drawn}}
'''
RUNS = """
from lib import experiments
from lib.drawn import Draw
height = float(experiments.run([Draw(seed) for seed in range(4)]).frame()["mean"].sum())
"""
TRAINING = """
from lib import experiments
from lib.training import Training
settings = {{"data": {digits!r}, "learning_rate": 0.05, "epochs": 3, "batch_size": 16}}
losses = experiments.run([Training(**settings, seed=seed) for seed in range(3)]).frame("history")
fig, ax = plt.subplots(figsize=style.size(0.5))
ax.plot(losses["epoch"], losses["training_loss"], "o")
publish.figure(fig, "fig_training", data=losses, seeds=range(3))
learns = bool(losses.groupby("epoch")["training_loss"].mean().is_monotonic_decreasing)
publish.claim("claim_learns", stated="it learns", measured=f"{{learns}}", verdict="holds")
"""


def write_digits(folder):
    """Write the first digits of MNIST's test set as a data set of its own."""
    folder.mkdir()
    for kind, header, size in (("images-idx3", 16, 28 * 28), ("labels-idx1", 8, 1)):
        content = gzip.decompress((MNIST / f"t10k-{kind}-ubyte.gz").read_bytes())
        shortened = content[:4] + DIGITS.to_bytes(4, "big") + content[8 : header + DIGITS * size]
        (folder / f"train-{kind}-ubyte").write_bytes(shortened)


@pytest.fixture(scope="module")
def built(shared_project):
    """A project that was built undisturbed; --check takes what it published for committed."""
    project = shared_project
    digits = project.root / "digits"
    write_digits(digits)
    project.write("lib/drawn.py", DRAWN)
    project.chapter("analytic", ANALYTIC, figures=[], claims=[("claim_letters", "holds")])
    project.chapter("runs", RUNS)
    training = TRAINING.format(digits=str(digits))
    project.chapter("training", training, figures=[], claims=[("claim_learns", "holds")])
    called = project.run()
    assert called.returncode == 0, called.stdout
    return project


@pytest.fixture(scope="module")
def locales():
    """The variable that says where the locale tr_TR.UTF-8 is."""
    made = environments.make_locales()
    yield made
    for folder in made.values():
        shutil.rmtree(folder)


def check(project, changes, *arguments, status=0):
    """Return {id: how it compares} of `run_all.py --check`, which ends with a status, in a changed environment."""
    called = subprocess.run(
        project.command("--check", *arguments),
        cwd=project.root,
        env=environments.with_changes({"TMPDIR": os.fspath(project.temporary)} | changes),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert called.returncode == status, called.stdout + called.stderr
    lines = (line.partition(" ") for line in called.stdout.splitlines())
    return {id: result.strip() for id, _, result in lines if id.startswith(("fig_", "claim_"))}


# Some habits at once, to be quick; benchmarks/elsewhere.py takes them one by one.
MACHINES = {
    "in Turkey": (("locale tr_TR.UTF-8", "HOME read-only", "hash seed 1"), "1"),
    "on Kiritimati": (("locale C", "time zone Kiritimati", "HOME unset", "hash seed 2"), "3"),
}
ALL_IDENTICAL = {"fig_analytic": "identical", "fig_runs": "identical", "claim_letters": "identical"}
TRAINED_TOO = ALL_IDENTICAL | {"fig_training": "identical", "claim_learns": "identical"}


@pytest.mark.parametrize("machine", MACHINES)
def test_habits_of_a_machine_change_no_byte(built, locales, machine):
    habits, workers = MACHINES[machine]
    if not locales and "locale tr_TR.UTF-8" in habits:
        pytest.skip("no Turkish locale can be made: Debian's locales has its sources")
    changes = {name: value for habit in habits for name, value in environments.HABITS[habit].items()}
    assert check(built, locales | changes, "--workers", workers) == TRAINED_TOO


def test_nothing_is_written_into_home(built, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    assert check(built, {"HOME": os.fspath(home)}, "analytic", "runs") == ALL_IDENTICAL
    assert [path.name for path in home.rglob("*")] == []


@pytest.mark.parametrize("processor", environments.PROCESSORS)
def test_another_processor_changes_nothing_analytic_and_trains_within_tolerance(built, processor):
    found = check(built, environments.PROCESSORS[processor], "analytic", "training")
    assert found["fig_analytic"] == found["claim_letters"] == found["claim_learns"] == "identical"
    assert found["fig_training"].startswith(("identical", "within tolerance"))
    assert processor != "3 threads" or found["fig_training"] == "identical"  # a run takes one
    # The emulation reaches the workers: on the processors that oneDNN is made for its sums are others.
    assert (
        processor != "without oneDNN"
        or platform.machine() != "x86_64"
        or found["fig_training"] != "identical"
    )


def check_with(built, setting, value, status):
    """Return how the training compares after one of its settings was changed in the notebook."""
    chapter = built.root / "notebooks/training.ipynb"
    original = chapter.read_text(encoding="utf-8")
    changed = json.dumps(f"Training(**settings | {{{setting!r}: {value!r}}}, seed")[1:-1]
    try:
        built.edit("notebooks/training.ipynb", "Training(**settings, seed", changed)
        return check(built, {}, "training", status=status)["fig_training"]
    finally:
        chapter.write_text(original, encoding="utf-8")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("learning_rate", 0.03),
        ("optimizer", "Adam"),
        ("optimizer_settings", {"momentum": 0.9}),
        ("schedule", (1, 1, 0.1)),
        ("loss", "squared error"),
        ("epochs", 4),
    ],
)
def test_a_changed_setting_of_training_is_caught(built, setting, value):
    assert check_with(built, setting, value, status=1).startswith("DIFFERENT: ")


@pytest.mark.parametrize(("setting", "value"), [("batch_size", 32), ("augmentation", {"rotation": 20})])
def test_a_change_that_other_seeds_could_make_as_well_is_told_in_standard_errors(built, setting, value):
    """On other processors it is no proof of a change; on this one, where all is identical, it is."""
    assert "means over seeds by" in check_with(built, setting, value, status=0)
