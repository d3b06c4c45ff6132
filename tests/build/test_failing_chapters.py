"""A chapter that fails says why in one sentence, harms no other, leaves no part, and can be repaired."""

import pytest

CLAIM = 'publish.claim("claim_one", stated="so", measured="not so", verdict="corrected")'
FAULTS = {
    "an exception": ("1 / 0", "ZeroDivisionError: division by zero", "cell-2"),
    "a slip of the pen": ("1 +", "SyntaxError: invalid syntax", "cell-2"),
    "sys.exit": ("import sys; sys.exit(0)", "SystemExit ended the notebook; 1 cells never ran.", "cell-2"),
    "a killed kernel": (
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "The kernel died: something killed it, or the memory ran out.",
        "cell-2",
    ),
    "a slow cell": (
        "import time; time.sleep(60)",
        "The cell ran longer than the time limit of 8 s.",
        "cell-2",
    ),
    "another's figure": (
        "publish.figure(plt.figure(), 'fig_healthy', data=pd.DataFrame())",
        "fig_healthy belongs to the chapter healthy; broken may not publish it.",
        "cell-2",
    ),
    "an unknown id": (
        "publish.figure(plt.figure(), 'fig_brokn', data=pd.DataFrame())",
        "There is no figure 'fig_brokn'. Did you mean fig_broken",
        "cell-2",
    ),
    "a small text": (
        "f = plt.figure(figsize=style.size()); f.text(0, 0, 'tiny', fontsize=5); publish.figure(f, 'fig_broken', data=pd.DataFrame())",
        "fig_broken has the text 'tiny' in 5 pt",
        "cell-2",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_in_one_sentence_and_repaired_by_the_next_run(project, fault):
    cell, sentence, where = FAULTS[fault]
    project.chapter("broken", cell)
    project.chapter("healthy")
    called = project.run("--time-limit", "8")
    assert called.returncode == 1
    assert f"broken failed in cell {where}:\n  {sentence}" in called.stdout
    assert "Traceback" not in called.stdout + called.stderr
    assert called.stdout.endswith("1 built, 1 failed.\n")
    assert {name for name in project.results() if "broken" in name} == set()
    assert "fig_healthy.pdf" in project.results()

    project.edit("notebooks/broken.ipynb", cell, "pass")
    assert project.run().stdout.endswith("1 built, 1 up to date.\n")
    assert "fig_broken.pdf" in project.results()


def test_what_a_strange_name_holds_does_nothing_to_the_terminal(project):
    project.chapter(
        "broken", "from lib.checksums import DatasetError", r"raise DatasetError('a\x1b]0;b\x07\nc')"
    )
    assert "broken failed in cell cell-3:\n  a\\x1b]0;b\\x07\\nc\n" in project.run().stdout


def test_the_log_holds_the_whole_error(project):
    project.chapter("broken", "1 / 0")
    called = project.run()
    assert "The whole error is in build/logs/broken.log." in called.stdout
    log = (project.root / "build/logs/broken.log").read_text(encoding="utf-8")
    assert "1 / 0" in log
    assert "Traceback" in log


def test_an_output_that_is_owed_and_not_published_fails(project):
    project.chapter("one", figures=[])
    called = project.run()
    assert called.returncode == 1
    assert "It did not publish fig_one, which the concordance says it owes." in called.stdout


def test_a_verdict_that_changed_fails(project):
    project.chapter("one", CLAIM, claims=[("claim_one", "holds")])
    called = project.run()
    assert called.returncode == 1
    assert "The verdict on claim_one is now 'corrected'; the concordance has 'holds'." in called.stdout


def test_an_old_result_survives_a_failing_build(project):
    project.chapter("one")
    project.run()
    before = project.results()
    project.edit("notebooks/one.ipynb", "ax.plot([0, height])", "raise ValueError('no')")
    assert project.run().returncode == 1
    assert project.results() == before


def test_what_a_cell_starts_may_print(project):
    project.chapter("one", "import os; os.system('echo loud')")
    assert project.run().returncode == 0


@pytest.mark.parametrize("name", ["requirements.lock", "data/SHA256SUMS"])
def test_a_missing_file_of_the_project_is_named_and_fails(project, name):
    project.chapter("one", data=["tiny"])
    (project.root / name).unlink()
    called = project.run()
    assert called.returncode in (1, 2)
    assert f"{name.split('/')[-1]} cannot be read" in called.stdout + called.stderr
    assert "Traceback" not in called.stdout + called.stderr


def test_a_data_set_that_is_not_shipped_fails(project):
    project.chapter("one", data=["tinny"])
    called = project.run()
    assert called.returncode == 1
    assert "data/SHA256SUMS lists no data set 'tinny'." in called.stdout


def test_a_stray_file_among_the_data_fails(project):
    project.chapter("one", data=["tiny"])
    project.write("data/tiny/more.txt", "7")
    assert "data/tiny/more.txt does not belong to the data set" in project.run().stdout


def test_missing_data_are_named_with_the_remedy(project):
    project.chapter("one", data=["tiny"])
    project.chapter("two")
    (project.root / "data/tiny/numbers.txt").unlink()
    called = project.run()
    assert called.returncode == 1
    assert "data/tiny/numbers.txt is missing; restore it with `git checkout data/tiny`" in called.stdout
    assert called.stdout.endswith("1 built, 1 failed.\n")


def test_damaged_data_are_named_and_repaired(project):
    project.chapter("one", data=["tiny"])
    project.write("data/tiny/numbers.txt", "1 2 4\n")
    assert "data/tiny/numbers.txt has a wrong checksum, it is damaged" in project.run().stdout
    project.write("data/tiny/numbers.txt", "1 2 3\n")
    assert project.run().stdout.endswith("1 built.\n")
