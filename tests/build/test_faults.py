"""What a build survives: after each fault the next one ends with the outputs of an undisturbed one.

Each test is one try, or a few; the report ends with a table of what they cost (tests/conftest.py). Lost
is what was ready before the fault and not damaged by it, but was made again, and what is missing in the
end. Wrong is what has other bytes than in an undisturbed build, or is too much.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess

import numpy as np
import psutil
import pytest

from lib.build.verify import read_manifest

BUILD = ("--workers", "2")
SEEDS = range(4)
SEED = {np.random.default_rng(seed).normal(): seed for seed in SEEDS}  # by the number that a run returns


def write_chapters(project):
    """One chapter that is ready soon, and one that takes long."""
    project.chapter("plain")
    project.runs("trained", f"{SEEDS}", seconds=1.0, counted="../counted")


@pytest.fixture(scope="module")
def undisturbed(new_training, tmp_path_factory):
    project = new_training(tmp_path_factory.mktemp("undisturbed"))
    write_chapters(project)
    built = project.run(*BUILD)
    assert built.returncode == 0, built.stdout
    assert project.computed() == list(SEEDS)
    return project


@pytest.fixture
def empty(undisturbed, training):
    """A checkout in which nothing is built; the list of fonts is there, which takes a second to make."""
    write_chapters(training)
    shutil.copytree(undisturbed.root / "build/matplotlib", training.root / "build/matplotlib")
    return training


@pytest.fixture
def complete(undisturbed, training):
    """A checkout in which all is built."""
    shutil.copytree(undisturbed.root, training.root, dirs_exist_ok=True)
    shutil.copytree(undisturbed.counted, training.counted, dirs_exist_ok=True)
    return training


@pytest.fixture
def start():
    """Return a function that starts a build, which ends with the test."""
    builds = []

    def start(project):
        builds.append(project.start(*BUILD))
        return builds[-1]

    yield start
    for build in builds:
        build.kill()
        build.communicate()


# What is ready, and what a fault cost


def outputs(project):
    """Return {path: bytes} of the results and of the store, without what a killed process left half written."""
    stored = {path: content for path, content in project.stored().items() if not path.startswith(".")}
    return project.results() | stored


def entries(project):
    """Return {seed: folder} of the runs in the store."""
    folders = (project.root / "build/runs").glob("[!.]*")
    return {SEED[json.loads((folder / "values.json").read_text())["number"]]: folder for folder in folders}


def ready(project):
    """Return {chapter: its files, seed: how often it was computed}, which change when it is made again."""
    figures, computed = project.root / "figures", project.computed()
    accepted, known = read_manifest(figures)["outputs"], project.remembered()
    chapters = {
        name: [path.stat().st_ino for path in sorted(figures.glob(f"fig_{name}.*"))]
        for name in known
        if f"fig_{name}" in accepted
    }
    return chapters | {seed: computed.count(seed) for seed in entries(project)}


@pytest.fixture
def judge(undisturbed, record_property):
    """Return a function that builds once more and compares: with before the fault, and with an undisturbed build."""

    def judge(fault, project, before, tries=1):
        built = project.run(*BUILD)
        expected, found, after = outputs(undisturbed), outputs(project), ready(project)
        lost = [thing for thing in before if after.get(thing) != before[thing]]
        lost += sorted(expected.keys() - found.keys())
        wrong = sorted(path for path in found if found[path] != expected.get(path))
        record_property("fault", (fault, tries, len(lost), len(wrong)))
        assert built.returncode == 0, built.stdout + built.stderr
        assert (lost, wrong) == ([], [])
        return built

    return judge


def without(before, *damaged):
    """Return what is ready without what a fault damaged."""
    return {thing: state for thing, state in before.items() if thing not in damaged}


# While a build runs


def named(project, part):
    """Return the processes of a project with `part` in their command line."""
    return [process for process in project.processes() if part in " ".join(process.info["cmdline"] or ())]


def kill_a_kernel(project, build):
    named(project, "ipykernel_launcher")[0].kill()


def kill_a_notebook(project, build):
    named(project, "run_notebook")[0].kill()


def kill_a_worker(project, build):
    """Kill the worker that computed a run, and still has its result."""
    seed = next(iter(entries(project) or project.computed()), None)
    worker = next(project.counted.glob(f"{seed}-*")).name.split("-")[1]
    psutil.Process(int(worker)).kill()


def kill_the_scheduler(project, build):
    named(project, "lib.pool")[0].kill()


def kill_the_build(project, build):
    build.kill()


def interrupt(project, build):
    build.send_signal(signal.SIGINT)


def terminate(project, build):
    build.send_signal(signal.SIGTERM)


def build_twice(project, build):
    assert "Another build of this checkout is running" in project.run(*BUILD).stderr


def a_kernel_runs(project):
    return named(project, "ipykernel_launcher")


def a_chapter_is_ready(project):
    return project.remembered()


def a_worker_computes(project):
    return project.computed()


def a_run_is_ready(project):
    return entries(project)


@pytest.mark.parametrize(
    ("fault", "moment", "status"),
    [
        (kill_a_kernel, a_kernel_runs, 1),
        (kill_a_kernel, a_run_is_ready, 1),
        (kill_a_notebook, a_run_is_ready, 1),
        (kill_a_worker, a_worker_computes, 0),
        (kill_a_worker, a_run_is_ready, 0),
        (kill_the_scheduler, a_chapter_is_ready, 1),
        (kill_the_scheduler, a_run_is_ready, 1),
        (kill_the_build, a_kernel_runs, -signal.SIGKILL),
        (kill_the_build, a_run_is_ready, -signal.SIGKILL),
        (interrupt, a_chapter_is_ready, 130),
        (interrupt, a_run_is_ready, 130),
        (terminate, a_kernel_runs, 130),
        (terminate, a_run_is_ready, 130),
        (build_twice, a_run_is_ready, 0),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_fault_while_a_build_runs(empty, start, judge, fault, moment, status):
    build = start(empty)
    empty.wait_for(lambda: moment(empty))
    before = ready(empty)
    fault(empty, build)
    output, errors = build.communicate(timeout=300)
    assert build.returncode == status  # it did meet the fault
    judge(fault.__name__.replace("_", " "), empty, before)
    assert "Traceback" not in output + errors


@pytest.fixture
def small_disk(empty, request):
    """Mounts a file system of 4 MiB over a folder of a checkout, which takes the right to mount."""
    folder = empty.root / request.param
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder):
    """Leave no room on the disk of a folder."""
    with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.parametrize(
    ("small_disk", "moment"),
    [("build", a_chapter_is_ready), ("build", a_run_is_ready), ("figures", a_run_is_ready)],
    indirect=["small_disk"],
)
def test_a_disk_that_fills_up(empty, small_disk, start, judge, moment):
    build = start(empty)
    empty.wait_for(lambda: moment(empty))
    before = ready(empty)
    fill(small_disk)
    output, errors = build.communicate(timeout=300)
    (small_disk / "filler").unlink()
    judge(f"fill the disk of {small_disk.name}/", empty, before)
    assert build.returncode == 1
    assert "No space left on device" in output
    assert "Traceback" not in output + errors


def test_two_checkouts_share_a_store(empty, new_training, start, judge, tmp_path):
    (tmp_path / "other").mkdir()
    other, store = new_training(tmp_path / "other"), tmp_path / "store"
    write_chapters(other)
    store.mkdir()
    for project in (empty, other):
        (project.root / "build").mkdir(exist_ok=True)
        (project.root / "build/runs").symlink_to(store, target_is_directory=True)
    builds = [start(empty), start(other)]
    for build in builds:
        output, _ = build.communicate(timeout=120)
        assert build.returncode == 0, output
    for project in (empty, other):
        before = ready(project)
        assert before.keys() == {"plain", "trained", *SEEDS}
        judge("share a store with another checkout", project, before)
    assert "build/runs is shared by a link" in empty.run("--prune-runs").stderr


def test_a_store_that_others_share_by_a_link_is_not_pruned_by_its_owner(complete, new_training, tmp_path):
    (tmp_path / "other").mkdir()
    other = new_training(tmp_path / "other")
    (other.root / "build").mkdir()
    (other.root / "build/runs").symlink_to(complete.root / "build/runs", target_is_directory=True)
    other.runs("more", "range(7, 9)")
    assert other.run(*BUILD).returncode == 0
    assert "build/runs is shared by a link" in complete.run("--prune-runs").stderr
    assert "6 stored" in complete.run("--runs").stdout


KILL = "os.kill(os.getpid(), 9)"
ONE_FILE, THE_MANIFEST = (
    "(staged / name).replace(folder / name)",
    'unfinished.replace(folder / "manifest.json")',
)


@pytest.mark.parametrize(
    ("step", "killed"),
    [
        (ONE_FILE, f"{ONE_FILE}; {KILL}"),
        (THE_MANIFEST, f"{KILL}; {THE_MANIFEST}"),
        (THE_MANIFEST, f"{THE_MANIFEST}; {KILL}"),
    ],
    ids=["after the first file", "before the manifest", "after the manifest"],
)
def test_a_kill_while_results_are_moved_into_place(complete, judge, step, killed):
    """No signal from outside meets these moments, so a build kills itself."""
    before = without(ready(complete), "plain")
    complete.edit("notebooks/plain.ipynb", "height = 1", "height = 2")
    complete.edit("lib/build/verify.py", step, killed)
    assert complete.run(*BUILD).returncode == -signal.SIGKILL
    complete.edit("lib/build/verify.py", killed, step)
    complete.edit("notebooks/plain.ipynb", "height = 2", "height = 1")
    judge("kill while results are moved into place", complete, before)


# Between two builds


def damage_store(project):
    """Let the next build read the runs; returns {seed: folder} of them."""
    (project.root / "figures/fig_trained.csv").unlink()
    return entries(project)


def flip_a_bit(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_truncated_runs(complete, judge):
    before, runs = ready(complete), damage_store(complete)
    os.truncate(runs[0] / "values.json", 10)
    os.truncate(runs[1] / "weights.safetensors", 0)
    (runs[2] / "path.csv").unlink()
    judge("truncate stored runs", complete, without(before, "trained", 0, 1, 2), tries=3)


def test_runs_with_a_wrong_bit(complete, judge):
    before, runs = ready(complete), damage_store(complete)
    flip_a_bit(runs[0] / "weights.safetensors", -1)
    flip_a_bit(runs[1] / "types.json", 5)
    label = runs[2] / "checksums.json"
    flip_a_bit(label, label.read_bytes().index(b"Sleep"))
    judge("flip a bit of stored runs", complete, without(before, "trained", 0, 1, 2), tries=3)


def test_runs_replaced_by_others(complete, judge):
    before, runs = ready(complete), damage_store(complete)
    shutil.rmtree(runs[0])
    shutil.copytree(runs[3], runs[0])
    shutil.copy(runs[3] / "path.csv", runs[1])
    shutil.rmtree(runs[2])
    shutil.copy(runs[3] / "values.json", runs[2])  # a file where a folder was
    judge("replace stored runs by others", complete, without(before, "trained", 0, 1, 2), tries=3)


def test_deleted_figures(complete, judge):
    before = ready(complete)
    (complete.root / "figures/fig_plain.pdf").unlink()
    (complete.root / "figures/fig_plain.csv").unlink()
    judge("delete figures", complete, without(before, "plain"), tries=2)


def test_figures_edited_by_hand(complete, judge):
    before, figures = ready(complete), complete.root / "figures"
    (figures / "fig_plain.csv").write_text("y\n0\n7\n")
    shutil.copy(figures / "fig_trained.png", figures / "fig_plain.png")
    judge("edit figures by hand", complete, without(before, "plain"), tries=2)


def test_a_damaged_memory(complete, judge):
    before, memory = ready(complete), complete.root / "build/state.db"
    memory.write_bytes(
        memory.read_bytes()[:4096].ljust(memory.stat().st_size, b"\0")
    )  # the first page is whole
    judge("damage the memory of builds", complete, without(before, "plain", "trained"))


# Where the clock cannot be set for some processes alone, the times of all files are: what a build compares
# with the clock is how old its files are.


@pytest.mark.parametrize("year", [1980, 2100])
def test_a_clock_set_back_or_forth(complete, judge, year):
    seconds = (year - 1970) * 365 * 24 * 3600
    for path in complete.root.rglob("*"):
        os.utime(path, (seconds, seconds))
    built = judge("set the clock back or forth", complete, ready(complete))
    assert built.stdout == "2 up to date.\n"


def test_a_clock_set_back_to_the_second_of_the_last_change(empty, judge):
    """A module is edited, and has the size and the time that it had: its bytecode must not be used."""
    module = empty.root / "lib/sleeping.py"
    empty.edit("lib/sleeping.py", "size=5", "size=4")
    times = module.stat().st_atime_ns, module.stat().st_mtime_ns
    assert empty.run(*BUILD).returncode == 0
    shutil.rmtree(empty.root / "build/runs")
    before = without(ready(empty), "trained")
    empty.edit("lib/sleeping.py", "size=4", "size=5")
    os.utime(module, ns=times)
    judge("set the clock back or forth", empty, before)
