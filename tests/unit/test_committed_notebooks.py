import ast
import json
import re
from functools import cache

import nbformat
import pytest

from lib import concordance

CHAPTERS = {chapter.path.name: chapter for chapter in concordance.chapters()}
DATA_SETS = {"mnist", "food", "history"}

pytestmark = pytest.mark.parametrize(
    "name", sorted(path.name for path in concordance.NOTEBOOKS.glob("*.ipynb"))
)


@cache
def text(name):
    return (concordance.NOTEBOOKS / name).read_text(encoding="utf-8")


@cache
def notebook(name):
    return json.loads(text(name))


def source(cell):
    return "".join(cell["source"])


def code_cells(name):
    return [cell for cell in notebook(name)["cells"] if cell["cell_type"] == "code"]


def outputs(name):
    return [output for cell in code_cells(name) for output in cell["outputs"]]


def nodes(name):
    """Return the syntax nodes of all code cells."""
    return [node for cell in code_cells(name) for node in ast.walk(ast.parse(source(cell)))]


def calls(name, module):
    """Return (function, call) of every call of module.function in a notebook."""
    return [
        (node.func.attr, node)
        for node in nodes(name)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node.func.value, ast.Name) and node.func.value.id == module
    ]


# Form


def test_notebook_is_valid(name):
    nbformat.validate(nbformat.reads(text(name), as_version=4))


def test_notebook_opens_with_the_number_of_its_section(name):
    first = notebook(name)["cells"][0]
    assert first["cell_type"] == "markdown"
    assert source(first).startswith(f"# {CHAPTERS[name].section} ")


def test_cell_ids_are_unique(name):
    ids = [cell["id"] for cell in notebook(name)["cells"]]
    assert len(ids) == len(set(ids))


def test_one_cell_holds_the_parameters(name):
    tagged = [cell for cell in code_cells(name) if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1


def test_no_cell_is_longer_than_25_lines(name):
    lines = {cell["id"]: len(source(cell).splitlines()) for cell in notebook(name)["cells"]}
    assert {id: count for id, count in lines.items() if count > 25} == {}


def test_no_cell_is_empty(name):
    assert [cell["id"] for cell in notebook(name)["cells"] if not source(cell).strip()] == []


# Outputs


def test_cells_were_executed_in_order(name):
    counts = [cell["execution_count"] for cell in code_cells(name)]
    assert counts == list(range(1, len(counts) + 1))


def test_results_have_the_number_of_their_cell(name):
    for cell in code_cells(name):
        numbers = {output["execution_count"] for output in cell["outputs"] if "execution_count" in output}
        assert numbers <= {cell["execution_count"]}


def test_there_are_outputs(name):
    assert outputs(name)


def test_no_cell_failed_or_warned(name):
    assert [o for o in outputs(name) if o["output_type"] == "error" or o.get("name") == "stderr"] == []


def test_every_cell_that_publishes_shows_what_it_published(name):
    silent = [cell["id"] for cell in code_cells(name) if "publish." in source(cell) and not cell["outputs"]]
    assert silent == []


# What changes from run to run, or from machine to machine


def test_metadata_names_only_the_kernel_and_the_language(name):
    assert notebook(name)["metadata"] == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_cells_have_no_metadata_but_tags(name):
    assert {key for cell in notebook(name)["cells"] for key in cell["metadata"]} <= {"tags"}


def test_outputs_have_no_metadata_and_no_widgets(name):
    assert [output for output in outputs(name) if output.get("metadata")] == []
    assert "application/vnd.jupyter.widget" not in text(name)


def test_no_text_holds_an_absolute_path(name):
    machine = re.escape(json.dumps(str(concordance.ROOT))[1:-1])
    without_pictures = re.sub(r'"image/png": "[^"]*"', "", text(name))
    assert re.findall(rf"{machine}|/(?:home|Users|root|tmp)/\S*|[A-Z]:\\\\\S*", without_pictures) == []


def test_no_output_holds_the_address_of_an_object(name):
    assert re.findall(r"<[\w.]+[^<>]* at 0x[0-9a-f]+>", json.dumps(outputs(name))) == []


# What the concordance says


def test_notebook_publishes_what_its_chapter_owes_each_once(name):
    chapter = CHAPTERS[name]
    owed = [(output.kind, output.id) for output in chapter.outputs]
    owed += [("claim", claim.id) for claim in chapter.claims]
    published = []
    for function, call in calls(name, "publish"):
        (id,) = (arg.value for arg in call.args if isinstance(arg, ast.Constant))
        published.append((function, id))
    assert sorted(published) == sorted(owed)


def test_one_cell_names_each_id(name):
    for id in CHAPTERS[name].owed:
        assert sum(f'"{id}"' in source(cell) for cell in code_cells(name)) == 1


def test_notebook_uses_the_data_that_its_chapter_declares(name):
    literals = {
        node.value for node in nodes(name) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    declared = set(CHAPTERS[name].data)
    if calls(name, "experiments"):
        literals -= {"history"} - declared  # there it is the part of a result
    used = DATA_SETS & literals
    if any(function == "photo" for function, _ in calls(name, "datasets")):
        used.add("food")
    unsaid = {"mnist"} if calls(name, "experiments") else set()  # what a Training takes where nothing is said
    assert used <= declared <= used | unsaid
