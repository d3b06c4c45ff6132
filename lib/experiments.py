"""Many runs: what is stored is reused, the rest is computed on a Dask pool; tidy frames come out.

A run is a frozen dataclass with a method compute() that returns a dictionary: numbers and texts,
pandas frames, and dictionaries of numpy arrays. A field `start` may hold another run, whose result
compute() is given; a property `compiled` is what it shares with other runs if they come to the same worker.
Its class is in a module of lib, whose source is part of what a result is found by.
"""

import atexit
import dataclasses
import json
import os
import pickle
import random
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, partial
from itertools import cycle
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
            measured = [name for name in frame.columns if name not in setting]
            frames.append(frame.assign(**setting)[[*setting, *measured]])
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

    Raises PoolError where the pool cannot be used, SourceChanged where a module behind a run was edited since this
    process began, and what compute() raises.
    """
    configs = tuple(configs)
    keys = [store.key(config) for config in configs]
    _note(key for config in configs for key in _with_starts(config))
    different = dict(zip(keys, configs, strict=True))
    results = {key: _stored(key, config) for key, config in different.items()}
    missing = {key: config for key, config in different.items() if results[key] is None}
    starts = {key: config.start for key, config in missing.items() if getattr(config, "start", None)}
    if starts:
        begun = dict(zip(starts, run(starts.values()).results, strict=True))
        # Some may be the start of others, and stored by now.
        results |= {key: _stored(key, config) for key, config in missing.items()}
        missing = {key: config for key, config in missing.items() if results[key] is None}
    if missing:
        inputs = {key: (begun[key],) if key in starts else () for key in missing}
        results |= _computed(missing, inputs)
    return Runs(configs, tuple(results[key] for key in keys))


def _with_starts(config):
    """Return the keys of a run, of the run that it begins with, and so on."""
    start = getattr(config, "start", None)
    return [store.key(config), *(_with_starts(start) if start else [])]


def _stored(key, config):
    return store.load(key, store.function(config))


def _note(keys):
    """Write down which runs this chapter used, for the list of those that none uses any more."""
    if noted := edition.current().runs_used:
        path = Path(noted)
        try:
            known = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):  # nothing yet, or what a crash of the machine left
            known = []
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(sorted({*known, *keys})))
        unfinished.replace(path)


def _compute(key, config, *inputs):
    """Compute a run, on a worker; raises PoolError where that would be another run there."""
    from distributed import get_worker

    from lib import pool

    worker = get_worker()
    pool.refuse_threads(worker.address, worker.state.nthreads)  # it may have come after connect() had looked
    if not _is_of(key, config):
        raise pool.PoolError(
            f"The worker {worker.address} has another lib/ or other data than this machine; start it anew."
        )
    result = config.compute(*inputs)
    if not _is_of(key, config):
        raise pool.PoolError(
            "lib/ or the data were written while a run was computed; give the command again."
        )
    return result


def _is_of(key, config):
    """Return whether a run has this key here and now."""
    try:
        return store.key(config) == key
    except store.SourceChanged:
        return False


def _sealed(key, config, inputs):
    """Return a run as a function that the scheduler, which has no lib/, can pass on without looking inside."""
    content = pickle.dumps(partial(_compute, key, config, *inputs))

    def compute():
        try:
            return pickle.loads(content)()
        except ModuleNotFoundError as error:
            from distributed import get_worker

            raise ImportError(f"The worker {get_worker().address} has another lib/: {error}.") from None

    return compute


def _computed(missing, inputs):
    """Compute {key: config} on the pool, the longest first; store and return {key: result}."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker, as_completed
    from tqdm.auto import tqdm

    from lib.pool import PoolError

    client = _client()
    futures, results = {}, {}
    quiet = "JPY_SESSION_NAME" not in os.environ  # set by JupyterLab, where somebody is watching
    try:
        workers = list(client.scheduler_info()["workers"])
        random.shuffle(workers)  # or all chapters would begin with the same one
        homes = defaultdict(cycle(workers).__next__)  # of what runs share; idle workers take from the others
        for key, config in missing.items():
            result = _stored(key, config)
            if result is not None:  # another chapter stored it while this one connected
                results[key] = result
            else:
                run = _sealed(key, config, inputs[key])
                priority, shared = getattr(config, "cost", 0), getattr(config, "compiled", None)
                home = {"workers": homes[shared], "allow_other_workers": True} if shared else {}
                futures[client.submit(run, key=f"run-{key}", priority=priority, **home)] = key
        waiting = as_completed(futures, loop=client.loop)
        for future in tqdm(waiting, total=len(futures), unit="run", leave=False, disable=quiet):
            key = futures[future]
            store.save(key, future.result(), store.function(missing[key]))
            results[key] = _stored(key, missing[key])  # as every later reader gets it
            future.release()  # or it is computed again when its worker dies
    except ImportError as error:
        raise PoolError(str(error)) from None
    except KilledWorker:
        raise PoolError("A run ended every worker that computed it; is there enough memory?") from None
    except Exception as error:
        if client.status == "running" and not isinstance(error, CancelledError):
            raise
        _client.cache_clear()
        raise PoolError("The Dask scheduler is gone; the runs finished so far are kept.") from None
    finally:
        if client.status == "running":  # after an interrupt the others would go on, for nobody
            client.cancel([future for future in futures if not future.done()])
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
