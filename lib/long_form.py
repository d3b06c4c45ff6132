"""Published numbers in long form: which columns tell the rows apart, and which hold what was measured.

Frames are frames of texts, as `pandas.read_csv(path, dtype=str, keep_default_na=False)` gives them.
"""

import re

import pandas as pd

NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?( ± \d+(\.\d+)?)?")


def read(path):
    """Return a published CSV file as a frame of texts."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def is_number(text):
    """Return whether a text is a number, or one with its spread: "95.3 ± 2.0"."""
    return NUMBER.fullmatch(text) is not None


def spread_column(column):
    """Return the name of the column that has the spread of another: "test ±" of "test %"."""
    return f"{column.removesuffix(' %')} ±"


def is_whole(column):
    """Return whether all texts of a column are whole numbers from 0 on."""
    return column.str.isdigit().all()


def panels(frame):
    """Yield (part, keys, values): the rows that fill the same columns, as the panels of a figure do.

    `keys` are the columns that tell the rows of the part apart: its leading words, or its first column, and as
    many more as are needed: words, the seed, whole numbers, other numbers, those with the fewest values first,
    since a setting is repeated and a measurement is not. `values` are all others, at least the last.
    """
    for _, rows in frame.groupby(frame.ne("").apply(tuple, axis=1), sort=False):
        part = rows.loc[:, rows.ne("").all()]
        keys = _keys(part)
        values = [column for column in part if column not in keys]
        yield (part, keys, values) if values else (part, keys[:-1], keys[-1:])


def _keys(part):
    numbers = [column for column in part if part[column].map(is_number).any()]
    leading = part.columns.get_loc(numbers[0]) if numbers else len(part.columns)
    keys = list(part.columns[: max(leading, 1)])
    words = [column for column in part if column not in numbers]
    seed = [column for column in numbers if column == "seed"]
    settings = sorted(numbers, key=lambda name: (not is_whole(part[name]), part[name].nunique()))
    for column in dict.fromkeys([*words, *seed, *settings]):
        told_apart = len(part.drop_duplicates(keys))
        if told_apart < len(part.drop_duplicates([*keys, column])):
            keys.append(column)
    return keys
