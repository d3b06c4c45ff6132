"""--update writes outputs into the notebooks; --check compares a rebuild with what is committed."""

import json

import pytest


@pytest.fixture
def updated(project):
    project.chapter("one", "1 + 1")
    assert project.run("--update").returncode == 0
    return project


def notebook(project, name="one"):
    return json.loads((project.root / f"notebooks/{name}.ipynb").read_text(encoding="utf-8"))


def test_update_writes_outputs_and_nothing_that_changes_at_each_run(updated):
    cells = notebook(updated)["cells"]
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, 4]
    assert cells[2]["outputs"][0]["data"] == {"text/plain": ["2"]}
    assert cells[2]["metadata"] == {}
    assert cells[0]["metadata"] == {"tags": ["parameters"]}
    assert set(notebook(updated)["metadata"]) == {"kernelspec", "language_info"}
    first = (updated.root / "notebooks/one.ipynb").read_bytes()
    assert updated.run("--update", "--fresh").returncode == 0
    assert (updated.root / "notebooks/one.ipynb").read_bytes() == first


def test_update_keeps_changed_prose_without_running_anything(updated):
    updated.edit(
        "notebooks/one.ipynb",
        '"cells": [',
        '"cells": [{"cell_type": "markdown", "id": "new", "metadata": {}, "source": ["More words."]}, ',
    )
    assert updated.run("--update").stdout == "1 up to date.\n"
    cells = notebook(updated)["cells"]
    assert cells[0]["source"] == ["More words."]
    assert cells[3]["outputs"]


@pytest.mark.parametrize("other", [["--lang", "de"], ["--quick"], ["-p", "height", "3"], ["--check"]])
def test_update_never_takes_the_outputs_of_another_edition(updated, other):
    before = (updated.root / "notebooks/one.ipynb").read_bytes()
    assert updated.run(*other).returncode == 0
    assert updated.run("--update").stdout == "1 up to date.\n"
    assert (updated.root / "notebooks/one.ipynb").read_bytes() == before


def test_update_never_takes_the_outputs_of_a_build_that_was_killed(updated):
    """Its executed notebook was kept, with other outputs of the same code, before its results were accepted."""
    before = (updated.root / "notebooks/one.ipynb").read_bytes()
    executed = updated.root / "build/executed/figures/one.ipynb"
    content = json.loads(executed.read_text(encoding="utf-8"))
    content["cells"][2]["outputs"][0]["data"] = {"text/plain": ["3"]}
    executed.write_text(json.dumps(content), encoding="utf-8")
    assert updated.run("--update").stdout.endswith("1 built.\n")
    assert (updated.root / "notebooks/one.ipynb").read_bytes() == before


def test_update_takes_a_cell_that_was_split(updated):
    content = notebook(updated)
    content["cells"][2]["source"] = ["1 + 1\n\n2 + 2"]
    updated.write("notebooks/one.ipynb", json.dumps(content))
    assert updated.run("--update").returncode == 0
    content = notebook(updated)
    second = content["cells"][2] | {"id": "second", "source": ["2 + 2"]}
    content["cells"][2]["source"] = ["1 + 1"]
    content["cells"].insert(3, second)
    updated.write("notebooks/one.ipynb", json.dumps(content))
    assert updated.run("--update").returncode == 0
    assert [cell["execution_count"] for cell in notebook(updated)["cells"]] == [1, 2, 3, 4, 5]


def test_a_failing_chapter_is_not_updated(updated):
    before = (updated.root / "notebooks/one.ipynb").read_bytes()
    updated.edit("notebooks/one.ipynb", "1 + 1", "1 / 0")
    changed = (updated.root / "notebooks/one.ipynb").read_bytes()
    assert updated.run("--update").returncode == 1
    assert (updated.root / "notebooks/one.ipynb").read_bytes() == changed != before


def test_check_finds_identical_bytes_and_changes_nothing(updated):
    before = updated.results()
    called = updated.run("--check")
    assert called.returncode == 0
    assert "fig_one                        identical" in called.stdout
    assert updated.results() == before


def test_check_finds_a_number_that_changed(updated):
    updated.edit("notebooks/one.ipynb", "height = 1", "height = 2")
    called = updated.run("--check")
    assert called.returncode == 1
    assert "DIFFERENT: the column y differs by 1, more than 1e-05" in called.stdout


def test_check_accepts_numbers_within_the_declared_tolerance(updated):
    updated.edit("lib/concordance.toml", 'id = "fig_one"', 'id = "fig_one"\ntolerance = 0.01')
    updated.edit("notebooks/one.ipynb", "height = 1", "height = 1.001")
    called = updated.run("--check")
    assert "fig_one                        within tolerance (numbers differ by 1.0e-03" in called.stdout
    assert called.returncode == 0


def test_check_finds_a_figure_edited_by_hand(updated):
    updated.write("figures/fig_one.png", "not a picture")
    called = updated.run("--check")
    assert called.returncode == 1
    assert "DIFFERENT: figures/fig_one.png is not what its manifest records" in called.stdout


def test_check_finds_another_picture_of_the_same_numbers(updated):
    updated.edit("notebooks/one.ipynb", "ax.plot([0, height])", "ax.plot([height, 0])")
    called = updated.run("--check")
    assert called.returncode == 1
    assert "DIFFERENT: fig_one.png looks different" in called.stdout


def test_check_tells_what_a_claim_measures_now(project):
    claim = 'publish.claim("claim_one", stated="so", measured=f"{height}", verdict="holds")'
    project.chapter("one", claim, claims=[("claim_one", "holds")])
    assert project.run().returncode == 0
    assert "claim_one                      identical" in project.run("--check").stdout
    project.edit("notebooks/one.ipynb", 'f\\"{height}\\"', 'f\\"{height + 1}\\"')
    assert "claim_one                      same verdict, but measured now: 2" in project.run("--check").stdout


def test_check_finds_a_claim_that_states_something_else(project):
    claim = 'publish.claim("claim_one", stated="so", measured="yes", verdict="holds")'
    project.chapter("one", claim, claims=[("claim_one", "holds")])
    assert project.run().returncode == 0
    project.edit("notebooks/one.ipynb", 'stated=\\"so\\"', 'stated=\\"not so\\"')
    called = project.run("--check")
    assert called.returncode == 1
    assert "claim_one                      DIFFERENT: 'stated' is 'not so' in place of 'so'" in called.stdout


def test_check_finds_a_missing_output(updated):
    updated.write("figures/manifest.json", "{}")
    called = updated.run("--check")
    assert called.returncode == 1
    assert "DIFFERENT: fig_one is not in figures/" in called.stdout
