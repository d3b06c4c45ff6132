"""Notebooks as files: their code, their parameters, and their outputs as they are committed."""

import ast
import json


class NotebookError(Exception):
    """A file that is no notebook, or a parameter that cannot be."""


def read(path):
    """Return a notebook file as a dictionary; raises NotebookError for a file that is none."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if all(cell["cell_type"] and cell["id"] and "source" in cell for cell in notebook["cells"]):
            return notebook
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise NotebookError(f"{path.parent.name}/{path.name} cannot be read as a notebook whose cells have ids.")


def write(path, notebook):
    """Write a notebook as Jupyter does, whole or not at all; saving it in JupyterLab then changes nothing."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if path.read_text(encoding="utf-8") != text:
        unfinished = path.with_name(f".{path.name}")
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(path)


def source(cell):
    """Return the text of a cell."""
    return "".join(cell["source"])


def code_cells(notebook):
    """Return the code cells that have any code."""
    return [c for c in notebook["cells"] if c["cell_type"] == "code" and source(c).strip()]


def parameters(path):
    """Return {name: default} of the cell of a notebook file that is tagged `parameters`.

    Raises NotebookError where that cell holds anything but names with plain values.
    """
    for cell in code_cells(read(path)):
        if "parameters" in cell["metadata"].get("tags", ()):
            try:
                assignments = ast.parse(source(cell)).body
                return {node.targets[0].id: ast.literal_eval(node.value) for node in assignments}
            except (SyntaxError, ValueError, AttributeError):
                raise NotebookError(
                    f"The parameters cell of {path.name} may only give names plain values, such as `size = 64`."
                ) from None
    return {}


def parse_value(name, text, default):
    """Return the value that `text` gives the parameter `name`, of the type of its default, any for None.

    Raises NotebookError where it has another type, or is no positive number where the default is one to count by.
    """
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = text
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if default is not None and type(value) is not type(default):
        raise NotebookError(
            f"The parameter {name} takes a value of the type {type(default).__name__}, such as {default!r}; "
            f"'{text}' is not."
        )
    if type(default) is int and default > 0 and value < 1:
        raise NotebookError(
            f"The parameter {name} takes whole numbers from 1 on, such as {default}; {value} is not."
        )
    return value


def with_outputs(notebook, executed):
    """Return `notebook` with the outputs of its executed copy, clean of everything that changes at each run.

    The prose stays that of `notebook`. Raises NotebookError where the code of the two differs.
    """
    results = code_cells(executed)
    if [source(cell) for cell in results] != [source(cell) for cell in code_cells(notebook)]:
        raise NotebookError("A notebook was edited while it was built; call --update again.")
    for number, (cell, result) in enumerate(zip(code_cells(notebook), results, strict=True), 1):
        cell["outputs"] = [_clean(output, number) for output in result["outputs"]]
        cell["execution_count"] = number
        cell["metadata"] = {key: value for key, value in cell["metadata"].items() if key == "tags"}
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook["metadata"] = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return notebook


def _clean(output, number):
    output = dict(output)
    output.pop("id", None)
    if "metadata" in output:
        output["metadata"] = {}
    if output["output_type"] == "execute_result":
        output["execution_count"] = number
    return output
