"""The store of runs: what comes back, what counts as damaged, and what a key depends on."""

import json
import sys
import threading
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from lib import checksums, store, versions

KEY = "ab" * 32
RESULT = {
    "accuracy": 0.1 + 0.2,
    "tiny": 5e-324,
    "count": 7,
    "name": "Größe",
    "nothing": None,
    "sizes": [1, 2.5],
    "history": pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.1, 1 / 3, np.nan]}),
    "weights": {"conv/kernel": np.arange(6, dtype=np.float32).reshape(2, 3) / 7},
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def entry(folder):
    store.save(KEY, RESULT)
    return folder / KEY


def test_nothing_is_there_at_first():
    assert store.load(KEY) is None
    assert store.stored() == {}


def test_who_only_reads_from_a_linked_store_leaves_the_mark_that_others_use_it(entry, tmp_path, monkeypatch):
    assert not (tmp_path / "runs" / store.SHARED).exists()
    (tmp_path / "link").symlink_to(tmp_path / "runs", target_is_directory=True)
    monkeypatch.setattr(store, "FOLDER", tmp_path / "link")
    assert store.load(KEY) is not None
    assert (tmp_path / "runs" / store.SHARED).exists()


def test_numbers_and_texts_come_back(entry):
    loaded = store.load(KEY)
    for name in ("accuracy", "tiny", "count", "name", "nothing", "sizes"):
        assert loaded[name] == RESULT[name]
        assert type(loaded[name]) is type(RESULT[name])
    assert loaded.keys() == RESULT.keys()


def test_numbers_that_json_does_not_have_come_back():
    store.save(KEY, {"inf": float("inf"), "nan": float("nan"), "half": np.float32(0.1), "seed": np.int64(3)})
    loaded = store.load(KEY)
    assert loaded["inf"] == float("inf")
    assert np.isnan(loaded["nan"])
    assert np.float32(loaded["half"]) == np.float32(0.1)
    assert loaded["seed"] == 3


@pytest.mark.parametrize(
    "columns",
    [
        {"loss": np.random.default_rng(0).normal(size=2000) * 10.0 ** np.arange(-1000, 1000).clip(-300, 300)},
        {"loss": [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.7976931348623157e308]},
        {"loss": np.random.default_rng(0).normal(size=500).astype(np.float32)},
        {"epoch": [1, 2], "big": [2**62, -(2**63)]},
        {"small": np.array([1, 200], np.uint8), "yes": [True, False]},
        {"whole": [1.0, 2.0]},
        {
            "layer": ["01", "1e3"],
            "text": ["NA", "nan"],
            "quoted": ['a "b", c', "Öl\nzeile"],
            "empty": ["", " "],
        },
        {"loss": np.array([], dtype=float)},
        {"a": [1], "b": [0.5], "c.d": ["x"], "ä, ö": [2]},
    ],
)
def test_frames_come_back_exactly(columns):
    frame = pd.DataFrame(columns)
    store.save(KEY, {"history": frame})
    pd.testing.assert_frame_equal(store.load(KEY)["history"], frame, check_exact=True)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2]}, index=[3, 4]),
        pd.DataFrame({"a": ["x", None]}),
        pd.DataFrame({0: [1, 2]}),
        pd.DataFrame({"a": [(1, 2)]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
    ],
)
def test_a_frame_that_would_come_back_otherwise_is_refused(frame, folder):
    with pytest.raises(ValueError, match="The frame 'history' does not survive as CSV"):
        store.save(KEY, {"history": frame})
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).normal(size=(3, 4, 5)),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(20)[::3],
        np.arange(12, dtype=np.float32).reshape(3, 4).T,
        np.array([np.nan, -0.0, np.inf], np.float16),
        np.array(3, np.int64),
        np.zeros((0, 3), np.uint8),
        np.array([True, False]),
        np.array([2**63], np.uint64),
    ],
)
def test_arrays_come_back_bit_for_bit(array):
    store.save(KEY, {"weights": {"a": array, "other": array + 0}})
    loaded = store.load(KEY)["weights"]["a"]
    assert loaded.dtype == array.dtype
    assert loaded.shape == array.shape
    assert loaded.tobytes() == array.tobytes()


def test_the_same_result_gives_the_same_bytes(folder):
    for key in (KEY, "cd" * 32):
        store.save(key, RESULT)
    first, second = (
        {path.name: path.read_bytes() for path in (folder / key).iterdir() if path.name != "checksums.json"}
        for key in (KEY, "cd" * 32)
    )
    assert first == second


def test_there_is_no_pickle(entry):
    assert {path.suffix for path in entry.iterdir()} == {".json", ".csv", ".safetensors"}
    for path in entry.iterdir():
        assert not path.read_bytes().startswith(b"\x80")
    with pytest.raises(TypeError, match="cannot be stored"):
        store.save("cd" * 32, {"object": object()})
    assert store.load("cd" * 32) is None


# Damage


FILES = ["values.json", "types.json", "history.csv", "weights.safetensors", "checksums.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "missing"])
def test_a_damaged_entry_counts_as_absent_and_is_removed(entry, name, damage):
    path = entry / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "missing":
        path.unlink()
    else:
        damaged = {"truncated": content[:-1], "flipped": content, "emptied": b""}[damage]
        path.write_bytes(damaged)
    assert store.load(KEY) is None
    assert not entry.exists()
    store.save(KEY, RESULT)
    assert store.load(KEY)["count"] == 7


@pytest.mark.parametrize(
    "content",
    ["[]", "3", "null", '{"key": 3}', json.dumps({"key": KEY}), json.dumps({"key": KEY, "files": []})],
)
def test_checksums_of_another_form_count_as_damage(entry, content):
    (entry / "checksums.json").write_text(content)
    assert store.load(KEY) is None
    assert not entry.exists()


def test_the_entry_of_another_key_is_not_taken_for_this_one(entry, folder):
    entry.rename(folder / ("cd" * 32))
    assert store.load("cd" * 32) is None
    assert not (folder / ("cd" * 32)).exists()


def test_a_foreign_file_beside_the_others_counts_as_damage(entry):
    (entry / "more.csv").write_text("a\n1\n")
    assert store.load(KEY) is None


def test_a_file_in_place_of_the_folder_counts_as_damage(folder):
    folder.mkdir()
    (folder / KEY).write_text("not a folder")
    assert store.load(KEY) is None
    store.save(KEY, RESULT)
    assert store.load(KEY)["count"] == 7


def test_an_interrupted_save_leaves_no_entry(folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.save(KEY, RESULT)
    assert store.load(KEY) is None
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_is_no_entry_but_is_listed(folder):
    (folder / f".{KEY}.1").mkdir(parents=True)
    (folder / f".{KEY}.1" / "values.json").write_text("{}")
    assert store.load(KEY) is None
    assert store.stored()[f".{KEY}.1"][0] == "unfinished"
    store.remove(f".{KEY}.1")
    assert store.stored() == {}


def test_saving_the_same_key_at_the_same_time_is_well(folder):
    failures, start = [], threading.Barrier(8)

    def save():
        try:
            start.wait()
            store.save(KEY, RESULT)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=save) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [path.name for path in folder.iterdir()] == [KEY]
    assert store.load(KEY)["weights"]["conv/kernel"].shape == (2, 3)


def test_a_full_disk_is_not_hidden(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        store.save(KEY, RESULT)


def test_the_result_of_another_function_is_none_of_this_one(entry):
    assert store.load(KEY, "lib.sleeping.Sleep") is None
    assert store.stored() == {}


def test_an_entry_that_another_process_has_just_removed_is_no_error(entry):
    store.remove(KEY)
    store.remove(KEY)
    assert store.stored() == {}


def test_stored_tells_functions_and_sizes(entry):
    store.save("cd" * 32, {"a": 1}, "lib.sleeping.Sleep")
    size = sum(path.stat().st_size for path in entry.iterdir())
    assert store.stored()[KEY] == ("", size)
    assert store.stored()["cd" * 32][0] == "lib.sleeping.Sleep"
    (entry / "checksums.json").unlink()
    assert store.stored()[KEY][0] == "damaged"


# Keys


@dataclass(frozen=True)
class Run:
    """A run as a module of lib may define it."""

    rate: float = 0.1
    settings: dict = field(default_factory=dict)
    seed: int = 0
    start: "Run | None" = None


@dataclass(frozen=True)
class Other(Run):
    """The same fields under another name."""


@dataclass(frozen=True)
class OnData:
    """A run with a data set."""

    data: str = "food"


@pytest.fixture
def in_lib(monkeypatch):
    """Makes the classes above pass for those of a module of lib."""
    for kind in (Run, Other, OnData):
        monkeypatch.setattr(kind, "__module__", "lib.of_a_test")
    monkeypatch.setattr(store, "_sources", lambda module: {module: "00"})


@pytest.mark.usefixtures("in_lib")
def test_a_key_depends_on_every_field_and_on_the_class():
    configs = [
        Run(),
        Run(rate=0.2),
        Run(settings={"momentum": 0.9}),
        Run(settings={"momentum": 0.8}),
        Run(seed=1),
        Run(start=Run()),
        Run(start=Run(seed=1)),
        Run(start=Run(start=Run())),
        Run(start=Other()),
        Other(),
    ]
    keys = [store.key(config) for config in configs]
    assert len(set(keys)) == len(configs)
    assert keys == [store.key(config) for config in configs]
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)


@pytest.mark.usefixtures("in_lib")
def test_a_key_does_not_depend_on_the_order_of_settings_or_on_numpy():
    assert store.key(Run(settings={"a": 1, "b": {"c": 2, "d": 3}})) == store.key(
        Run(settings={"b": {"d": 3, "c": 2}, "a": 1})
    )
    assert store.key(Run(rate=np.float64(0.1), seed=np.arange(3)[1])) == store.key(Run(seed=1))


@pytest.mark.usefixtures("in_lib")
@pytest.mark.parametrize("library", versions.LIBRARIES)
def test_a_key_depends_on_the_library_versions(monkeypatch, library):
    before, installed = store.key(Run()), versions.version
    monkeypatch.setattr(versions, "version", lambda name: "0.0" if name == library else installed(name))
    assert store.key(Run()) != before


@pytest.mark.usefixtures("in_lib")
def test_a_key_depends_on_the_shipped_data(monkeypatch):
    before = store.key(OnData())
    assert before != store.key(OnData("mnist"))
    monkeypatch.setattr(checksums, "shipped", lambda name: {"a.jpeg": "00"})
    assert store.key(OnData()) != before


@pytest.mark.usefixtures("in_lib")
def test_a_key_depends_on_the_files_of_the_users_own_folder(tmp_path):
    keys = set()
    for name, content in [("fish/a.jpeg", "1"), ("fish/a.jpeg", "2"), ("fish/b.jpeg", "2")]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        keys.add(store.key(OnData(str(tmp_path))))
    assert len(keys) == 3


def test_a_class_outside_lib_is_refused():
    with pytest.raises(TypeError, match="has to be in a module of lib/"):
        store.key(Run())


@pytest.fixture
def small_lib(tmp_path, monkeypatch):
    """A lib of three modules: `top` imports `below`, and nobody imports `apart`."""
    library = tmp_path / "checkout" / "lib"
    library.mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "top": "from lib import below",
        "below": "x = 1",
        "apart": "x = 1",
    }.items():
        (library / f"{name}.py").write_text(text + "\n")
    monkeypatch.setattr(store, "ROOT", tmp_path / "checkout")
    monkeypatch.syspath_prepend(str(tmp_path / "checkout"))
    for module in [name for name in sys.modules if name == "lib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(store, "GRAPH", store.grimp.build_graph("lib", cache_dir=None))
    begin_anew(monkeypatch)
    monkeypatch.setattr(Run, "__module__", "lib.top")
    yield library
    store._behind.cache_clear()


def begin_anew(monkeypatch):
    """Let the store see the modules as a new process does."""
    monkeypatch.setattr(store, "DIGESTS", {module: store._digest(module) for module in store.GRAPH.modules})
    store._behind.cache_clear()


@pytest.mark.parametrize(("module", "changes"), [("top", True), ("below", True), ("apart", False)])
def test_a_key_depends_on_the_source_of_the_module_and_what_it_imports(
    small_lib, monkeypatch, module, changes
):
    before = store.key(Run())
    assert set(store._sources("lib.top")) >= {"lib.top", "lib.below"}
    (small_lib / f"{module}.py").write_text((small_lib / f"{module}.py").read_text() + "# changed\n")
    begin_anew(monkeypatch)
    assert (store.key(Run()) != before) == changes


def test_there_is_no_key_for_a_module_that_was_edited_since_the_process_began(small_lib):
    (small_lib / "apart.py").write_text("x = 2\n")
    store.key(Run())
    (small_lib / "below.py").write_text("x = 2\n")
    with pytest.raises(store.SourceChanged, match=r"lib\.below was edited after this process had begun"):
        store.key(Run())


def test_the_sources_of_a_training_are_those_of_lib():
    sources = store._sources("lib.training")
    assert {"lib.training", "lib.networks", "lib.datasets", "lib.checksums"} <= set(sources)
    assert sources["lib.networks"] == checksums.of_file(store.ROOT / "lib" / "networks" / "__init__.py")
    assert "lib.publish" not in sources


def test_what_is_stored_says_what_it_is(entry):
    label = json.loads((entry / "checksums.json").read_text())
    assert label["key"] == KEY
    assert set(label["files"]) == set(FILES) - {"checksums.json"}
