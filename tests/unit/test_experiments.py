"""Many runs at once: what is computed, what is reused, and the frames that come out. Without Dask."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import pandas as pd
import pytest

from lib import experiments, pool, store

computed = []


@dataclass(frozen=True)
class Run:
    """A run without TensorFlow; `computed` lists what was computed."""

    rate: float = 0.1
    optimizer: str = "SGD"
    settings: dict = field(default_factory=dict)
    sizes: tuple = (1, 2)
    seed: int = 0
    start: "Run | None" = None

    def compute(self, start=None):
        computed.append(self)
        begin = start["loss"] if start else 0
        history = pd.DataFrame({"epoch": [1, 2], "accuracy": [self.rate, 2 * self.rate]})
        return {"loss": begin + self.seed, "name": "x", "history": history, "list": [1]}


def a_worker(threads):
    return SimpleNamespace(address="tcp://there", state=SimpleNamespace(nthreads=threads))


@pytest.fixture(autouse=True)
def _without_dask(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path / "runs")
    monkeypatch.setattr(Run, "__module__", "lib.of_a_test")
    monkeypatch.setattr(store, "_sources", lambda module: {})
    monkeypatch.setattr("distributed.get_worker", lambda: a_worker(threads=1))

    def compute_here(missing, inputs):
        for key, config in missing.items():
            store.save(key, experiments._compute(key, config, *inputs[key]), store.function(config))
        return {key: experiments._stored(key, config) for key, config in missing.items()}

    monkeypatch.setattr(experiments, "_computed", compute_here)
    computed.clear()


def test_results_come_in_the_order_of_the_configs():
    configs = [Run(seed=seed) for seed in (3, 1, 2)]
    runs = experiments.run(configs)
    assert runs.configs == tuple(configs)
    assert [result["loss"] for result in runs.results] == [3, 1, 2]


def test_the_frame_has_only_settings_that_differ_and_the_seed():
    runs = experiments.run([Run(rate, seed=seed) for rate in (0.1, 0.2) for seed in (0, 1)])
    frame = runs.frame()
    assert list(frame.columns) == ["rate", "seed", "loss", "name"]
    assert list(frame["rate"]) == [0.1, 0.1, 0.2, 0.2]
    assert list(frame["seed"]) == [0, 1, 0, 1]
    assert list(frame.index) == [0, 1, 2, 3]


def test_a_part_gives_one_long_frame():
    frame = experiments.run([Run(rate) for rate in (0.1, 0.2)]).frame("history")
    assert list(frame.columns) == ["rate", "seed", "epoch", "accuracy"]
    assert frame.to_numpy().tolist() == [
        [0.1, 0, 1, 0.1],
        [0.1, 0, 2, 0.2],
        [0.2, 0, 1, 0.2],
        [0.2, 0, 2, 0.4],
    ]


def test_settings_in_dictionaries_are_columns_of_their_own():
    configs = [Run(settings={"momentum": 0.9}), Run(settings={"momentum": 0.5, "nesterov": True}), Run()]
    frame = experiments.run(configs).frame()
    assert list(frame.columns) == ["seed", "momentum", "nesterov", "loss", "name"]
    assert frame["momentum"].tolist()[:2] == [0.9, 0.5]
    assert frame["momentum"].isna().tolist() == [False, False, True]
    assert frame["nesterov"].tolist()[1] is True


def test_settings_that_are_no_numbers_or_texts_are_shown_as_text():
    frame = experiments.run([Run(sizes=(1,)), Run(sizes=(1, 2))]).frame()
    assert list(frame["sizes"]) == ["(1,)", "(1, 2)"]


def test_a_measurement_with_the_name_of_a_setting_gives_no_second_column(monkeypatch):
    monkeypatch.setattr(Run, "compute", lambda self: {"seed": self.seed, "loss": 1.0})
    assert list(experiments.run([Run(), Run(seed=1)]).frame().columns) == ["seed", "loss"]


def test_repeated_configs_are_computed_once_and_stand_where_they_were_asked_for():
    runs = experiments.run([Run(), Run(seed=1), Run(), Run()])
    assert computed == [Run(), Run(seed=1)]
    assert [result["loss"] for result in runs.results] == [0, 1, 0, 0]
    assert len(runs.frame()) == 4


def test_what_is_stored_is_not_computed_again():
    first = experiments.run([Run(seed=1), Run(seed=2)]).frame("history")
    computed.clear()
    second = experiments.run([Run(seed=1), Run(seed=2), Run(seed=3)])
    assert computed == [Run(seed=3)]
    pd.testing.assert_frame_equal(second.frame("history")[:4], first, check_exact=True)


def test_a_damaged_result_is_computed_again():
    experiments.run([Run(), Run(seed=1)])
    computed.clear()
    (store.FOLDER / store.key(Run()) / "values.json").write_text("{}")
    assert experiments.run([Run(), Run(seed=1)]).results[0]["loss"] == 0
    assert computed == [Run()]


def test_a_run_begins_with_the_result_of_its_start_which_is_a_run_itself():
    begun = Run(seed=5)
    configs = [
        Run(seed=1, start=begun),
        Run(seed=2, start=begun),
        Run(seed=3, start=Run(seed=4, start=begun)),
    ]
    runs = experiments.run(configs)
    assert [result["loss"] for result in runs.results] == [6, 7, 12]
    assert computed.count(begun) == 1
    assert computed[0] == begun
    assert store.load(store.key(begun), store.function(begun)) is not None
    computed.clear()
    experiments.run([begun, *configs])
    assert computed == []


def test_a_generator_of_configs_and_none_at_all():
    assert len(experiments.run(Run(seed=seed) for seed in range(2)).results) == 2
    assert experiments.run([]).results == ()


def test_a_run_that_would_be_another_one_on_the_worker_is_refused():
    with pytest.raises(pool.PoolError, match="The worker tcp://there has another lib/ or other data"):
        experiments._compute("00", Run())
    assert computed == []


def test_a_worker_with_two_threads_is_refused_also_when_it_joins_late(monkeypatch):
    monkeypatch.setattr("distributed.get_worker", lambda: a_worker(threads=2))
    with pytest.raises(pool.PoolError, match="The worker tcp://there computes 2 runs at a time"):
        experiments.run([Run()])
    assert computed == []
    assert store.stored() == {}


def test_a_chapter_leaves_the_keys_of_all_runs_that_it_used(publishing_into, tmp_path):
    publishing_into(runs_used=str(tmp_path / "used.json"))
    experiments.run([Run(seed=1, start=Run())])
    experiments.run([Run(seed=2)])
    wanted = [Run(seed=1, start=Run()), Run(), Run(seed=2)]
    assert json.loads((tmp_path / "used.json").read_text()) == sorted(map(store.key, wanted))


def test_the_starts_of_stored_runs_count_as_used(publishing_into, tmp_path):
    chain = Run(seed=2, start=Run(seed=1, start=Run()))
    experiments.run([chain])
    publishing_into(runs_used=str(tmp_path / "used.json"))
    experiments.run([chain])
    wanted = [chain, chain.start, Run()]
    assert json.loads((tmp_path / "used.json").read_text()) == sorted(map(store.key, wanted))


@pytest.mark.parametrize("left", ["", "{", "\0\0"])
def test_a_damaged_list_of_used_runs_begins_anew(publishing_into, tmp_path, left):
    publishing_into(runs_used=str(tmp_path / "used.json"))
    (tmp_path / "used.json").write_text(left)
    experiments.run([Run()])
    assert json.loads((tmp_path / "used.json").read_text()) == [store.key(Run())]


def test_interactive_work_leaves_no_such_list(publishing_into):
    folder = publishing_into()
    folder.mkdir()
    experiments.run([Run()])
    assert list(folder.iterdir()) == []


def test_an_error_in_a_run_is_that_of_the_run(monkeypatch):
    def fail(self):
        raise ZeroDivisionError("seven")

    monkeypatch.setattr(Run, "compute", fail)
    with pytest.raises(ZeroDivisionError, match="seven"):
        experiments.run([Run()])
    assert store.stored() == {}
