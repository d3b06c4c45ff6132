"""What is built again, and what is not."""

import pytest


@pytest.fixture
def built(project):
    project.chapter("one", "from lib import convolution", data=["tiny"])
    project.chapter("two")
    assert project.run().returncode == 0
    return project


def test_a_second_build_does_nothing(built):
    before = {path: path.stat().st_mtime_ns for path in (built.root / "figures").iterdir()}
    assert built.run().stdout == "2 up to date.\n"
    assert {path: path.stat().st_mtime_ns for path in (built.root / "figures").iterdir()} == before


def test_two_builds_give_the_same_bytes(built):
    first = built.results()
    assert {"fig_one.pdf", "fig_one.png", "fig_one.csv", "manifest.json"} <= set(first)
    assert built.run("--fresh").returncode == 0
    assert built.results() == first


@pytest.mark.parametrize(
    ("path", "old", "new", "reason"),
    [
        ("notebooks/one.ipynb", "[0, height]", "[1, height]", "its code changed"),
        ("lib/convolution.py", '"""Convolutions', '"""The convolutions', "lib/convolution.py changed"),
        ("lib/concordance.toml", "A line", "One line", "its entry in the concordance changed"),
        ("requirements.lock", "numpy==", "numpy ==", "requirements.lock changed"),
        ("lib/checksums.py", '"""SHA-256', '"""The SHA-256', "lib/checksums.py changed"),
    ],
)
def test_each_ingredient_makes_a_chapter_stale(built, path, old, new, reason):
    built.edit(path, old, new)
    assert f"one                        stale: {reason}" in built.run("--list").stdout


def test_a_photo_given_as_a_file_is_an_ingredient(project):
    project.chapter("one", 'height = len(open(photo, "rb").read())', parameters='photo = "fruits/E065"')
    project.write("dish.png", "12")
    command = ("-p", "photo", "dish.png")
    assert project.run(*command).returncode == 0
    assert project.run(*command).stdout.startswith("1 up to date.")
    project.write("dish.png", "123")
    assert project.run(*command).stdout.partition("The results")[0].endswith("1 built.\n")
    assert project.results("build/custom")["fig_one.csv"].split()[-1] == b"3"


def test_a_chapter_that_failed_and_is_as_it_was_is_still_fresh(built):
    built.edit("notebooks/two.ipynb", "[0, height]", "[0, heigth]")
    assert built.run().returncode == 1
    built.edit("notebooks/two.ipynb", "[0, heigth]", "[0, height]")
    assert built.run().stdout == "2 up to date.\n"


def test_only_the_changed_chapter_is_built(built):
    built.edit("notebooks/one.ipynb", "[0, height]", "[1, height]")
    assert built.run().stdout.endswith("1 built, 1 up to date.\n")


def test_a_module_that_no_chapter_imports_makes_nothing_stale(built):
    built.edit("lib/pooling.py", '"""Pooling', '"""The pooling')
    assert built.run().stdout == "2 up to date.\n"


def test_prose_makes_nothing_stale(built):
    built.edit("notebooks/one.ipynb", '"cells": [', '"cells": [{"cell_type": "markdown", "id": "new", '
               '"metadata": {}, "source": "More words."}, ')  # fmt: skip
    assert built.run().stdout == "2 up to date.\n"


def test_new_data_make_a_chapter_stale(built):
    built.write("data/tiny/numbers.txt", "4 5 6\n")
    built.sum_data()
    assert "stale: data/tiny changed" in built.run("--list").stdout


@pytest.mark.parametrize("name", ["fig_one.pdf", "fig_one.csv"])
def test_a_deleted_result_is_built_again(built, name):
    whole = built.results()
    (built.root / "figures" / name).unlink()
    assert built.run().stdout.endswith("1 built, 1 up to date.\n")
    assert built.results() == whole


def test_a_result_edited_by_hand_is_built_again(built):
    whole = built.results()
    built.write("figures/fig_two.csv", "y\n7\n")
    assert "stale: fig_two.csv was changed" in built.run("--list").stdout
    built.run()
    assert built.results() == whole


def test_results_of_another_version_are_built_again(built):
    """They are whole, with their own manifest, as after `git checkout VERSION -- figures`."""
    whole = built.results()
    built.edit("notebooks/two.ipynb", "height = 1", "height = 2")
    built.run()
    others = built.results()
    built.edit("notebooks/two.ipynb", "height = 2", "height = 1")
    built.run()
    for name, content in others.items():
        (built.root / "figures" / name).write_bytes(content)
    assert "stale: its results are not those of its last build" in built.run("--list").stdout
    assert built.run().stdout.endswith("1 built, 1 up to date.\n")
    assert built.results() == whole != others


@pytest.mark.parametrize("path", ["figures/manifest.json", "build/state.db"])
def test_a_damaged_memory_is_built_again(built, path):
    whole = built.results()
    built.write(path, "{ damaged")
    assert built.run().stdout.endswith("2 built.\n")
    assert built.results() == whole


def test_what_no_chapter_owes_any_more_leaves_the_results(project):
    project.chapter("one", figures=["fig_one", "fig_old"])
    project.run()
    assert "fig_old.pdf" in project.results()
    project.write("lib/concordance.toml", "")
    project.chapter("one")
    assert project.run().returncode == 0
    assert not [name for name in project.results() if "fig_old" in name]
