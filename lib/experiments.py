"""Many runs: what is stored is reused, the rest is computed on a Dask pool; tidy frames come out.

A run is a frozen dataclass with a method compute() that returns a dictionary: numbers and texts,
pandas frames, and dictionaries of numpy arrays. A field `start` may hold another run, whose result
compute() is given.
"""

import atexit
import dataclasses
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from lib import edition, store


@dataclass(frozen=True)
class Runs:
    """Configs and their results, in the same order."""

    configs: tuple
    results: tuple

    def frame(self, part=None):
        """Return one long frame over all runs, with a column for each setting in which they differ.

        `part` names a frame of the results, "history" for instance; without it there is one row a run
        with its numbers and texts.
        """
        settings = _differing(self.configs)
        frames = []
        for setting, result in zip(settings, self.results, strict=True):
            values = {name: value for name, value in result.items() if isinstance(value, int | float | str)}
            frame = pd.DataFrame([values]) if part is None else result[part]
            frames.append(frame.assign(**setting)[[*setting, *frame.columns]])
        return pd.concat(frames, ignore_index=True)


def _differing(configs):
    """Return, for each config, {setting: value} of the settings that are not the same in all."""
    flat = []
    for config in configs:
        fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
        nested = [fields.pop(name) for name in list(fields) if isinstance(fields[name], dict)]
        flat.append(fields | {name: value for part in nested for name, value in part.items()})
    names = list(dict.fromkeys(name for setting in flat for name in setting))
    kept = [
        name for name in names if len({repr(setting.get(name)) for setting in flat}) > 1 or name == "seed"
    ]
    return [{name: _shown(setting.get(name)) for name in kept} for setting in flat]


def _shown(value):
    return value if isinstance(value, int | float | str | None) else str(value)


def run(configs):
    """Return the Runs of some configs, in their order; each different run is computed once, ever.

    Raises PoolError where the pool cannot be used, and what compute() raises.
    """
    configs = tuple(configs)
    keys = [store.key(config) for config in configs]
    _note(keys)
    results = {key: store.load(key) for key in dict.fromkeys(keys)}
    missing = {key: config for key, config in zip(keys, configs, strict=True) if results[key] is None}
    starts = {key: config.start for key, config in missing.items() if getattr(config, "start", None)}
    if starts:
        begun = dict(zip(starts, run(starts.values()).results, strict=True))
    if missing:
        inputs = {key: (begun[key],) if key in starts else () for key in missing}
        results |= _computed(missing, inputs)
    return Runs(configs, tuple(results[key] for key in keys))


def _note(keys):
    """Write down which runs this chapter used, for the list of those that none uses any more."""
    current = edition.current()
    if current.chapter:
        path = Path(current.folder) / "runs.json"
        known = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps(sorted({*known, *keys})))


def _compute(config, *inputs):
    return config.compute(*inputs)


def _computed(missing, inputs):
    """Compute {key: config} on the pool, the longest first; store and return {key: result}."""
    from distributed import as_completed
    from tqdm.auto import tqdm

    client = _client()
    futures = {
        client.submit(
            _compute, config, *inputs[key], key=f"run-{key}", priority=getattr(config, "cost", 0), retries=0
        ): key
        for key, config in missing.items()
    }
    results = {}
    quiet = edition.current().chapter is not None
    for future in tqdm(
        as_completed(futures, loop=client.loop), total=len(futures), unit="run", leave=False, disable=quiet
    ):
        results[futures[future]] = future.result()
        store.save(futures[future], results[futures[future]])
    return results


@cache
def _client():
    """Return the client of the build's pool, or of one of its own for interactive work."""
    from lib import pool

    address = edition.current().scheduler
    if address is None:
        cluster = pool.local(pool.cores())
        atexit.register(cluster.close)
        address = cluster.scheduler_address
    client = pool.connect(address)
    atexit.register(client.close)
    return client
