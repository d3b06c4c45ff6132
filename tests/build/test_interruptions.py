"""Builds that are interrupted, killed, doubled, or have nowhere to write."""

import contextlib
import os
import signal
import subprocess

import psutil
import pytest

WAIT = "import time, pathlib; pathlib.Path('../waiting').touch(); time.sleep(60 if not pathlib.Path('../go').exists() else 0)"


@pytest.fixture
def waiting(project):
    """A build in the middle of chapter `slow`, with `quick` finished."""
    project.chapter("quick")
    project.chapter("slow", WAIT)
    process = project.start()
    project.wait_for(lambda: (project.root / "waiting").exists() and "quick" in project.remembered())
    yield project, process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_build_leaves_whole_results_and_goes_on(waiting, number):
    project, process = waiting
    process.send_signal(number)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Interrupted. What was finished is kept" in output
    assert "FAILED" not in output
    assert "Traceback" not in output + errors
    assert "fig_quick.pdf" in project.results()
    assert not [name for name in project.results() if "slow" in name]
    project.wait_for(lambda: not project.processes())
    assert list(project.temporary.iterdir()) == []
    (project.root / "go").touch()
    assert project.run().stdout.endswith("1 built, 1 up to date.\n")
    assert "fig_slow.pdf" in project.results()


def test_a_build_goes_on_when_nobody_reads_what_it_says(project):
    project.chapter("one")
    project.chapter("two", WAIT)
    process = project.start("--workers", "1")
    assert "one: started" in process.stdout.readline()
    process.stdout.close()
    (project.root / "go").touch()
    assert process.wait(120) == 0
    assert process.stderr.read() == ""
    assert project.run().stdout == "2 up to date.\n"


@pytest.mark.parametrize("option", ["--list", "--runs"])
def test_a_list_that_nobody_reads_ends_in_peace(project, option):
    project.chapter("one")
    process = project.start(option)
    process.stdout.close()
    assert process.wait(120) == 0
    assert process.stderr.read() == ""


def test_a_long_name_of_the_folder_for_temporary_files_is_no_hindrance(project):
    project.chapter("one")
    project.temporary = project.temporary / ("long" * 30)
    project.temporary.mkdir()
    assert project.run().stdout.endswith("1 built.\n")


def test_a_killed_build_takes_its_kernels_along_and_can_be_repeated(waiting):
    project, process = waiting
    assert project.processes()
    process.kill()
    project.wait_for(lambda: not project.processes())
    (project.root / "go").touch()
    assert project.run().returncode == 0
    results = project.results()
    assert {"fig_quick.pdf", "fig_slow.pdf"} <= set(results)
    assert not [name for name in results if name.startswith(".")]


def test_a_killed_notebook_process_fails_its_chapter_only(waiting):
    project, process = waiting
    for child in psutil.Process(process.pid).children():
        os.kill(child.pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "slow failed" in output
    assert "The process that ran the notebook was killed" in output
    assert "fig_quick.pdf" in project.results()


def test_a_second_build_at_the_same_time_is_refused(waiting):
    project, process = waiting
    second = project.run()
    assert second.returncode == 2
    assert second.stderr == "Another build of this checkout is running; wait until it ends, or stop it.\n"
    assert process.poll() is None


def test_chapters_run_side_by_side(project):
    meet = (
        "import time, pathlib; pathlib.Path('../{me}').touch(); end = time.time() + 30\n"
        "while not pathlib.Path('../{other}').exists(): assert time.time() < end; time.sleep(0.05)"
    )
    project.chapter("one", meet.format(me="a", other="b"))
    project.chapter("two", meet.format(me="b", other="a"))
    assert project.run("--workers", "2").returncode == 0


def test_a_terminal_shows_bars_with_cells_and_the_end(project):
    project.chapter("one")
    driver, terminal = os.openpty()
    process = subprocess.Popen(project.command(), stdout=terminal, stderr=terminal, cwd=project.root)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while part := os.read(driver, 4096):
            shown += part
    assert process.wait() == 0
    assert "1.1    one" in shown.decode()
    assert "3/3" in shown.decode()
    assert "built in" in shown.decode()


@pytest.fixture
def small_disk(project):
    """Mounts a file system of 40 KiB over figures/, which takes the right to mount."""
    folder = project.root / "figures"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_repaired(project, small_disk):
    project.chapter("one")
    filler = small_disk / "filler"
    filler.write_bytes(bytes(24 * 1024))
    called = project.run()
    assert called.returncode == 1
    assert "No space left on device" in called.stdout
    assert set(project.results()) == {"filler"}
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=10m", small_disk], check=True)
    assert project.run().returncode == 0
    assert "fig_one.pdf" in project.results()


def test_a_read_only_folder_is_told_before_anything_runs(project, small_disk):
    project.chapter("one")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    called = project.run()
    assert called.returncode == 2
    assert called.stderr == "figures/ cannot be written: Read-only file system.\n"
    assert called.stdout == ""
