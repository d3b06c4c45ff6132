"""How a rebuilt output or claim compares with the committed one.

Another processor gives other low bits, and training makes them large: a run there can be like a run of another
seed. So numbers that stand beside a seed are compared by their means over seeds, in standard errors of the
difference of two such means: their root mean square over a column, of which other seeds would give about 1 and
other processors, real and emulated, gave at most 2.3, and the largest. Where the medians are nearer, they count:
at a learning rate that is too high one seed in five runs away, here or there. What tells the rows apart has to be the same. All
other numbers are compared by the tolerance that the concordance declares: what trains, relative to the largest number of
its column, and what is exact, each relative to itself.
"""

import math

import pandas as pd
from PIL import Image, ImageChops, ImageStat
from scipy import stats

from lib import checksums, long_form
from lib.build.verify import read_manifest
from lib.concordance import Output

SEEN = 0.01  # root mean square of the difference of two pictures, as a share of black to white
SAME = 1e-4  # of a number that tells rows apart; they are published with six digits
STANDARD_ERRORS = 2.5
EXACT = Output.tolerance  # of what does not train
MOST_CHOSEN = 0.5  # of the rows may stand for another setting than the committed ones
OF_ONE_ROW = 4  # times as many, in one row of a column


class Differs(Exception):
    """Something that no other processor explains."""


def output(output, committed, rebuilt):
    """Return in words how an output in the folder `rebuilt` compares with the one in `committed`.

    "identical", "within ...", or "DIFFERENT: ..." with the first thing that differs.
    """
    try:
        return _output(output, committed, rebuilt)
    except Differs as difference:
        return f"DIFFERENT: {difference}"


def _output(output, committed, rebuilt):
    first, second = (_record("outputs", output.id, folder) for folder in (committed, rebuilt))
    for name, checksum in first["files"].items():
        if not (committed / name).exists() or checksums.of_file(committed / name) != checksum:
            raise Differs(f"{committed.name}/{name} is not what its manifest records")
    if first["files"] == second["files"]:
        return "identical"
    if first["seeds"] != second["seeds"]:
        raise Differs(f"the seeds are {second['seeds']} in place of {first['seeds']}")
    frames = [long_form.read(folder / f"{output.id}.csv") for folder in (committed, rebuilt)]
    rows, chosen = len(frames[0]), _of_another_choice(*frames, output.chosen)
    if len(chosen) > MOST_CHOSEN * rows:
        raise Differs(f"training chose something else in {len(chosen)} of {rows} rows")
    frames = [frame.drop(index=chosen) for frame in frames]
    relative, errors = differences(
        *frames,
        seeds=len(set(first["seeds"])),
        leaving_out=[*output.timed, *output.free],
        share=1e-4 if output.tolerance <= EXACT else 1.0,
    )
    for (column, by), limit, unit in (
        (relative, output.tolerance, ""),
        (errors, STANDARD_ERRORS, " standard errors"),
    ):
        if by > limit:
            raise Differs(f"the column {column} differs by {by:.2g}{unit}, more than {limit:g}")
    if output.kind == "figure":
        _check_frame(committed, rebuilt, f"{output.id}.png")
    if not (errors[1] or output.timed or output.free or len(chosen)) and relative[1] <= EXACT:
        _check_seen(output, committed, rebuilt, relative[1])
    found = [f"numbers differ by {relative[1]:.1e}"]
    found += [f"means over seeds by {errors[1]:.1f} standard errors"] if errors[1] else []
    found += ["measured times not compared"] if output.timed else []
    found += [f"single runs not compared: {', '.join(output.free)}"] if output.free else []
    found += [f"another choice in {len(chosen)} of {rows} rows"] if len(chosen) else []
    return f"within tolerance ({', '.join(found)})"


def _of_another_choice(first, second, chosen):
    """Return the index of the rows in which training chose another setting; none where there are other rows or columns."""
    if list(first) != list(second) or len(first) != len(second):
        return first.index[:0]
    chosen = list(chosen)
    return first.index[first[chosen].ne(second[chosen]).any(axis=1)]


def _record(kind, id, folder):
    try:
        return read_manifest(folder)[kind][id]
    except KeyError:
        raise Differs(f"{id} is not in {folder.name}/") from None


def _check_seen(output, committed, rebuilt, difference):
    """Raise Differs where a reader sees a difference that is not in the numbers."""
    if output.kind == "figure" and (seen := seen_difference(committed, rebuilt, f"{output.id}.png")):
        raise Differs(seen)
    if output.kind == "table" and difference == 0:
        raise Differs(f"{output.id}.tex has other text around the same numbers")


def _check_frame(committed, rebuilt, name):
    """Raise Differs where two PNG files have another caption or size, whatever they show."""
    with Image.open(committed / name) as first, Image.open(rebuilt / name) as second:
        if first.info.get("Title") != second.info.get("Title"):
            raise Differs(f"{name} has another caption")
        if first.size != second.size:
            raise Differs(f"{name} has another size")


def seen_difference(committed, rebuilt, name):
    """Return in words what a reader would see to differ between two PNG files of one size, or None."""
    with Image.open(committed / name) as first, Image.open(rebuilt / name) as second:
        difference = ImageChops.difference(first.convert("RGB"), second.convert("RGB"))
    share = max(ImageStat.Stat(difference).rms) / 255
    return f"{name} looks different ({share:.1%} on average)" if share > SEEN else None


def claim(claim, committed, rebuilt):
    """Return how the record of a claim compares: "identical", or the two measurements."""
    try:
        first, second = (_record("claims", claim.id, folder) for folder in (committed, rebuilt))
    except Differs as difference:
        return f"DIFFERENT: {difference}"
    if first["verdict"] != second["verdict"]:
        return f"DIFFERENT: the verdict is '{second['verdict']}'"
    for part in ("stated", "source", "section", "seeds"):
        if first[part] != second[part]:
            return f"DIFFERENT: '{part}' is {second[part]!r} in place of {first[part]!r}"
    if first["measured"] != second["measured"]:
        return f"same verdict, but measured now: {second['measured']}"
    return "identical"


def differences(first, second, *, seeds=1, leaving_out=(), share=1.0):
    """Return ((column, relative difference), (column, difference in standard errors)), each of the worst column.

    `first` and `second` are frames of texts. A relative difference is the largest, relative to the number itself but
    at least to a `share` of the largest of its column; one in standard errors is the root mean square over the rows,
    or the largest over OF_ONE_ROW, if that is more. `seeds` is the number of seeds behind numbers that have their spread with them ("95.3 ± 2.0",
    or the columns "accuracy %" and "accuracy ±"). Raises Differs for other rows, columns, words or settings, and
    where numbers do not scatter over seeds any more, or begin to.
    """
    if list(first) != list(second) or len(first) != len(second):
        raise Differs("there are other rows or columns")
    if (filled := first.ne("").ne(second.ne("")).drop(columns=leaving_out, errors="ignore").any()).any():
        raise Differs(f"the column {filled.idxmax()} is empty in other rows")
    relative, errors = ("", 0.0), ("", 0.0)
    for part, keys, _ in long_form.panels(first):
        other = second.loc[part.index, list(part)]
        exact = [key for key in keys if long_form.is_whole(part[key])]
        _check_words(part.drop(columns=leaving_out, errors="ignore"), other, exact)
        _check_settings(part, other, [key for key in keys if key not in (*exact, *leaving_out)])
        settings, kinds = _settings(part, keys), _kinds(part, keys)
        for column in part.columns.difference([*keys, *leaving_out], sort=False):
            means, error = _means(part, column, settings, kinds, seeds)
            others, other_error = _means(other, column, settings, kinds, seeds)
            if (error > 0).any() != (other_error > 0).any():
                raise Differs(f"the column {column} does not scatter as it did")
            difference, noisy = (others - means).abs(), error > 0
            if settings is not None:
                moved = _medians(other[column], settings) - _medians(part[column], settings)
                difference = difference.clip(upper=moved.abs())
            in_each = difference[noisy] / error[noisy]
            in_errors = max((in_each**2).mean() ** 0.5, in_each.max() / OF_ONE_ROW)
            measure = means.abs().clip(lower=share * means.abs().max() or 1)
            in_shares = (difference / measure)[~noisy].max()
            errors = max(errors, (column, in_errors), key=_size)
            relative = max(relative, (column, in_shares), key=_size)
    return relative, errors


def _size(found):
    return 0.0 if math.isnan(found[1]) else found[1]


def _check_words(part, other, exact):
    """Raise Differs where two parts have other words, or anything else in the columns that have to be exact."""
    for column in part:
        words = ~part[column].map(long_form.is_number) | ~other[column].map(long_form.is_number)
        compared = words | (column in exact)
        if (changed := part[column][compared] != other[column][compared]).any():
            row = changed.idxmax()
            raise Differs(f"the column {column} has {other[column][row]!r} in place of {part[column][row]!r}")


def _check_settings(part, other, columns):
    """Raise Differs where a number that tells rows apart is another one."""
    for column in columns:
        numbers, others = (pd.to_numeric(rows[column], errors="coerce") for rows in (part, other))
        if (changed := (others - numbers).abs() > SAME * numbers.abs()).any():
            row = changed.idxmax()
            raise Differs(f"the column {column} has {other[column][row]} in place of {part[column][row]}")


def _spread(column):
    """Return the name of the column that holds the spread of another one."""
    return "half width" if column == "difference" else long_form.spread_column(column)


def _settings(part, keys):
    """Return a number for each row that only rows of other seeds share with it, or None where there is no seed."""
    if "seed" not in keys:
        return None
    others = part[[key for key in keys if key != "seed"]]
    return pd.Series(pd.factorize(others.apply(" ".join, axis=1))[0], part.index)


def _kinds(part, keys):
    """Return the first word that each row is called by: rows of one kind scatter alike."""
    words = [key for key in keys if not part[key].map(long_form.is_number).any()]
    return part[words[0]] if words else pd.Series("", part.index)


def _means(part, column, settings, kinds, seeds):
    """Return a column's means over seeds, and the standard errors of their differences; 0 for what has no seeds."""
    numbers = part[column].str.partition(" ± ")
    values = pd.to_numeric(numbers[0], errors="coerce").fillna(0)  # words have been compared
    if settings is not None:
        groups, kinds = values.groupby(settings), kinds.groupby(settings).first()
        return groups.mean(), _floored(groups.std(), kinds) * (2 / groups.count()) ** 0.5
    if column in map(_spread, part):  # n seeds tell a standard deviation to one part in √(2(n - 1))
        return values, _floored(values, kinds) / max(seeds - 1, 1) ** 0.5
    if column == "difference":  # its half width is that of a confidence interval of 95 %
        half_width = pd.to_numeric(part["half width"], errors="coerce")
        return values, _floored(half_width, kinds) * 2**0.5 / stats.t.ppf(0.975, max(seeds - 1, 1))
    spread = pd.to_numeric(part[_spread(column)] if _spread(column) in part else numbers[2], errors="coerce")
    return values, _floored(spread, kinds) * (2 / max(seeds, 1)) ** 0.5


def _medians(column, settings):
    """Return a column's medians over seeds, which one seed that runs away does not move."""
    return pd.to_numeric(column, errors="coerce").fillna(0).groupby(settings).median()


def _floored(spreads, kinds):
    """Return spreads, none below the median of its kind or a quarter of that of all.

    A spread of a few seeds is small by chance now and then.
    """
    lowest = spreads.groupby(kinds).transform("median").clip(lower=spreads.median() / 4)
    return spreads.clip(lower=lowest).fillna(0)
