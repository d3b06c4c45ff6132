"""Chapters, outputs, parameters, formats and languages on the command line."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from lib import checksums


def test_one_chapter_by_its_section(project):
    project.chapter("one")
    project.chapter("two")
    assert project.run("2.1").stdout.endswith("1 built.\n")
    assert "fig_two.pdf" in project.results()
    assert "fig_one.pdf" not in project.results()


def test_one_chapter_by_one_of_its_outputs_from_another_folder(project, tmp_path):
    project.chapter("one")
    project.chapter("two")
    assert project.run("fig_one", folder=tmp_path).stdout.endswith("1 built.\n")
    assert "fig_one.pdf" in project.results()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fig_onn"], "There is no chapter or output 'fig_onn'. Did you mean fig_one"),
        (["-p", "hight", "2"], "There is no parameter 'hight'. Did you mean height?"),
        (
            ["-p", "height", "tall"],
            "The parameter height takes a value of the type int, such as 1; 'tall' is not.",
        ),
        (["--formats", "jpg"], "There is no format 'jpg'. Did you mean"),
        (["--workers", "0"], "--workers and --time-limit take whole numbers from 1 on."),
        (["--seeds", "2"], "There is no parameter 'seeds'."),
        (["--data", "food"], "No chapter named here reads photos that others could be in place of."),
        (["-p", "height", "0"], "The parameter height takes whole numbers from 1 on, such as 1; 0 is not."),
        (["--update", "--quick"], "--update and --check are about the committed results"),
        (["--update", "--check"], "call them one after the other"),
        (["--site", "one"], "--site is about all chapters at default scale"),
    ],
)
def test_wrong_input_gets_one_sentence(project, arguments, sentence):
    project.chapter("one")
    called = project.run(*arguments)
    assert called.returncode == 2
    assert sentence in called.stderr
    assert len(called.stderr.splitlines()) == 1
    assert called.stdout == ""


def test_a_photo_that_is_not_there_is_named_with_its_folder(project):
    project.chapter("one", parameters='photo = "fruits/E063"\nheight = 1')
    called = project.run("-p", "photo", "/nowhere/pizza.png")
    assert called.returncode == 2
    assert called.stderr == (
        "There is no photo '/nowhere/pizza.png'; those of data/ have names such as 'fruits/E063'.\n"
    )


def test_a_parameter_whose_default_is_none_takes_any_value(project):
    project.chapter("one", "height = 1 if images is None else images", parameters="images = None")
    assert project.run("-p", "images", "7").returncode == 0
    assert project.results("build/custom")["fig_one.csv"].split()[-1] == b"7"


def conflict(project):
    project.write("lib/losses.py", "<<<<<<< HEAD\n")


def unmounted(project):
    (project.root / "build").mkdir()
    (project.root / "build/runs").symlink_to("/nowhere/runs")


def lost(project):
    (project.root / "notebooks/one.ipynb").unlink()


def emptied(project):
    project.write("notebooks/one.ipynb", "{}")


def blocked(project):
    project.write("figures", "not a folder")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (conflict, "lib/losses.py is no Python in line 1."),
        (unmounted, "build/runs is a link to /nowhere/runs, which is not there."),
        (lost, "The concordance names notebooks/one.ipynb, but there is no such file."),
        (emptied, "notebooks/one.ipynb cannot be read as a notebook whose cells have ids."),
        (blocked, "figures/ cannot be written: Not a directory."),
    ],
)
def test_what_a_checkout_lacks_is_told_before_anything_runs(project, damage, sentence):
    project.chapter("one")
    damage(project)
    called = project.run()
    assert (called.returncode, called.stdout, called.stderr) == (2, "", sentence + "\n")


def test_a_damaged_concordance_is_named_with_the_line(project):
    project.write("lib/concordance.toml", "[[chapter]\n")
    called = project.run()
    assert called.returncode == 2
    assert called.stderr.startswith("lib/concordance.toml cannot be read: ")
    assert "line 1" in called.stderr


def test_an_id_owed_by_two_chapters_is_refused(project):
    project.chapter("one", figures=["fig_same"])
    project.chapter("two", figures=["fig_same"])
    assert project.run().stderr == "The concordance has the id 'fig_same' 2 times.\n"


def test_without_the_environment_the_way_to_it_is_told(project):
    project.chapter("one")
    command = [sys.executable, "-S", str(project.root / "run_all.py")]
    called = subprocess.run(command, capture_output=True, text=True, check=False)
    assert called.returncode == 2
    assert "is not installed for this Python. `make figures` makes an environment" in called.stderr


def test_an_older_python_is_told_which_one_it_takes(project):
    script = "import runpy, sys; sys.version_info = (3, 10); runpy.run_path('run_all.py')"
    called = subprocess.run(
        [sys.executable, "-c", script], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert called.returncode == 2
    assert called.stderr == (
        "run_all.py needs Python 3.11 or newer. `make figures` makes an environment and builds.\n"
    )


def record(project, folder, id):
    return json.loads((project.root / folder / "manifest.json").read_text())["outputs"][id]


def test_with_other_data_the_result_says_which_and_with_what_parameters(project, tmp_path):
    project.chapter("one", data=["tiny"], parameters='photos = "tiny"\nheight = 1')
    project.run()
    (tmp_path / "mine" / "apples").mkdir(parents=True)
    (tmp_path / "mine" / "apples" / "1.txt").write_text("an apple")
    assert project.run("--data", str(tmp_path / "mine"), "-p", "height", "2").returncode == 0
    shipped, mine = record(project, "figures", "fig_one"), record(project, "build/custom", "fig_one")
    assert list(shipped["data"]) == ["tiny"]
    assert "parameters" not in shipped
    assert mine["data"] == {"mine": checksums.of_data(tmp_path / "mine")}
    assert mine["parameters"] == {"photos": "mine", "height": 2}
    with Image.open(project.root / "build/custom/fig_one.png") as picture:
        assert picture.info["Keywords"].endswith("; parameters: height = 2; photos = 'mine'")


def test_a_parameter_changes_the_result_but_never_the_figures(project):
    project.chapter("one")
    project.run()
    before = project.results()
    assert project.run("-p", "height", "7").returncode == 0
    assert project.results("build/custom")["fig_one.csv"] == b"y\n0\n7\n"
    assert project.results() == before


def test_seeds_and_data_are_parameters_of_the_chapters_that_have_them(project, tmp_path):
    project.chapter("both", "height = seeds + len(photos)", parameters='seeds = 3\nphotos = "tiny"')
    project.chapter("seeds", "height = seeds", parameters="seeds = 3")
    project.chapter("neither")
    called = project.run("--seeds", "5")
    assert called.stdout.endswith("2 built.\nThe results are in build/custom/.\n")
    assert project.results("build/custom")["fig_both.csv"] == b"y\n0\n9\n"
    assert project.results("build/custom")["fig_seeds.csv"] == b"y\n0\n5\n"
    own = tmp_path / "my photos"
    own.mkdir()
    called = project.run("--data", "my photos", folder=tmp_path)
    assert called.stdout.endswith("1 built.\nThe results are in build/custom/.\n")
    height = 3 + len(str(own))  # handed on as an absolute path
    assert project.results("build/custom")["fig_both.csv"] == f"y\n0\n{height}\n".encode()
    assert project.run("--data", str(own)).stdout.startswith("1 up to date.")
    (own / "new.jpeg").touch()
    assert "1 built.\n" in project.run("--data", str(own)).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seeds", "1"], "--seeds takes a whole number from 2 on: one seed has no spread.\n"),
        (
            ["--seeds", "many"],
            "The parameter seeds takes a value of the type int, such as 3; 'many' is not.\n",
        ),
        (["--data", "nowhere"], "There is no folder 'nowhere'; known by name are 'mnist' and 'food'.\n"),
        (["--seeds", "2", "--check"], "--update and --check are about the committed results: without"),
    ],
)
def test_wrong_seeds_and_data_get_one_sentence(project, arguments, sentence):
    project.chapter("one", parameters='seeds = 3\nphotos = "tiny"\nheight = 1')
    called = project.run(*arguments)
    assert called.returncode == 2
    assert called.stderr.startswith(sentence)
    assert len(called.stderr.splitlines()) == 1


def test_a_name_of_a_photo_that_is_no_text_is_told_in_one_sentence(project, tmp_path):
    own = tmp_path / "photos"
    (own / os.fsdecode(b"\xff")).mkdir(parents=True)
    project.chapter("one", parameters='photos = "tiny"\nheight = 1')
    called = project.run("--data", str(own))
    assert called.returncode == 2
    assert called.stderr == f"The name '\\udcff' in {own} is not UTF-8; rename it.\n"


def test_a_link_that_leads_to_itself_is_no_trouble(project, tmp_path):
    own = tmp_path / "photos"
    own.mkdir()
    (own / "loop").symlink_to(own / "loop")
    project.chapter("one", parameters='photos = "tiny"\nheight = 1')
    assert "1 built.\n" in project.run("--data", str(own)).stdout


def test_quick_results_are_watermarked_and_never_in_figures(project):
    project.chapter("one")
    project.run()
    before = project.results()
    assert project.run("--quick").returncode == 0
    quick = project.results("build/quick")
    assert quick["fig_one.csv"] == before["fig_one.csv"]
    assert quick["fig_one.png"] != before["fig_one.png"]
    assert b"Quick scale" in quick["fig_one.pdf"]
    assert project.results() == before


def test_svg_comes_beside_pdf_and_png_on_demand(project):
    project.chapter("one")
    assert project.run("--formats", "svg").returncode == 0
    assert {f"fig_one.{suffix}" for suffix in ("pdf", "png", "svg", "csv")} <= set(project.results())
    assert project.run().returncode == 0
    assert "fig_one.svg" not in project.results()


def test_a_parameter_is_for_the_chapters_that_have_it_each_with_its_type(project):
    project.chapter("whole", parameters="height = 1")
    project.chapter("broken", parameters="height = 2.5")
    project.chapter("without", parameters="", figures=[])
    assert project.run("-p", "height", "3.5").returncode == 2
    called = project.run("-p", "height", "3")
    assert called.stdout.endswith("2 built.\nThe results are in build/custom/.\n")
    assert project.results("build/custom")["fig_broken.csv"] == b"y\n0\n3\n"


def test_a_notebook_may_be_named_by_its_path(project):
    project.chapter("one")
    project.chapter("two")
    assert project.run("notebooks/one.ipynb").stdout.endswith("1 built.\n")


def test_german_results_lie_beside_the_english_ones(project):
    project.chapter("one", parameters="height = 0.5")
    assert project.run().returncode == 0
    assert project.run("--lang", "de").returncode == 0
    results = project.results()
    assert results["de/fig_one.csv"] == results["fig_one.csv"]
    assert b"Eine Linie" in results["de/fig_one.pdf"]
    assert results["de/fig_one.png"] != results["fig_one.png"]


def test_a_label_without_german_fails_with_its_name(project):
    project.chapter("one", "plt.rcParams['axes.titlesize'] = 9")
    project.edit(
        "notebooks/one.ipynb", "ax.plot([0, height])", "ax.plot([0, height]); ax.set_title('nowhere')"
    )
    called = project.run("--lang", "de")
    assert called.returncode == 1
    assert "lib/labels/de.po has no translation of 'nowhere'." in called.stdout


def test_list_shows_sections_outputs_and_claims(project):
    project.chapter("one", claims=[("claim_one", "holds")])
    listed = project.run("--list")
    assert listed.returncode == 0
    assert listed.stdout.splitlines() == [
        "1.1    one                        stale: not yet built on this machine",
        "         fig_one",
        "         claim_one                      holds",
    ]


def test_help_names_every_option(project):
    shown = project.run("--help").stdout
    for option in [
        "--list",
        "--fresh",
        "--quick",
        "--lang",
        "--formats",
        "--workers",
        "-p",
        "--time-limit",
        "--update",
        "--check",
        "--scheduler",
        "--seeds",
        "--data",
        "--thesis",
        "--site",
        "--runs",
        "--prune-runs",
    ]:
        assert f"  {option}" in shown
