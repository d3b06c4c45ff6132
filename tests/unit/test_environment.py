import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import metadata, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from lib.concordance import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CONDA = (ROOT / "environment.yml").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LICENCES = {  # name -> licence
    canonicalize_name(name): licence
    for name, licence in re.findall(
        r"^\| (\S+) \| (.*) \|$", (ROOT / "LICENCES.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
}

PINS = {  # of the lock: text -> its hashes
    pin.strip(): re.findall(r"--hash=(\w+:\w+)", hashes)
    for pin, hashes in re.findall(r"^(\w[^\\\n]*?) *(?:\\)?\n((?:    --hash.*\n)*)", LOCK, flags=re.MULTILINE)
}
REQUIREMENTS = [Requirement(pin) for pin in PINS]
DIRECT = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["test"]
PYTHONS = ["3.11", "3.12", "3.13"]
SYSTEMS = [("linux", "posix", "Linux"), ("darwin", "posix", "Darwin"), ("win32", "nt", "Windows")]


def pinned(python="3.12", system=SYSTEMS[0]):
    """Return the pins of the lock that hold for a Python and a system."""
    environment = dict(zip(("sys_platform", "os_name", "platform_system"), system, strict=True))
    environment |= {"python_version": python, "python_full_version": f"{python}.5"}
    return [pin for pin in REQUIREMENTS if pin.marker is None or pin.marker.evaluate(environment)]


def without_comments(text):
    return re.sub(r"(^|\s)#.*", "", text)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system[0])
def test_every_direct_dependency_is_pinned_on_every_system(python, system):
    names = [pin.name for pin in pinned(python, system)]
    assert {Requirement(dependency).name: 1 for dependency in DIRECT} == {
        Requirement(dependency).name: names.count(Requirement(dependency).name) for dependency in DIRECT
    }


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system[0])
def test_nothing_is_pinned_twice(python, system):
    names = [pin.name for pin in pinned(python, system)]
    assert sorted(names) == sorted(set(names))


def test_every_pin_is_one_version():
    assert [str(pin) for pin in REQUIREMENTS if not re.fullmatch(r"==[\w.+!]+", str(pin.specifier))] == []


def test_every_pin_allows_what_the_project_requires():
    versions = {pin.name: str(pin.specifier).removeprefix("==") for pin in pinned()}
    refused = [one for one in map(Requirement, DIRECT) if not one.specifier.contains(versions[one.name])]
    assert refused == []


def test_every_pin_has_a_hash():
    assert [pin for pin, hashes in PINS.items() if not hashes] == []


def test_every_hash_is_a_whole_sha256():
    hashes = [one for hashes in PINS.values() for one in hashes]
    assert [one for one in hashes if not re.fullmatch("sha256:[0-9a-f]{64}", one)] == []


def test_the_lock_holds_nothing_but_pins_and_hashes():
    lines = {line.strip(" \\") for line in without_comments(LOCK).splitlines()} - {""}
    assert {line for line in lines if not line.startswith("--hash=")} == set(PINS)


def test_conda_users_get_the_same_versions_and_lib():
    *_, pip = yaml.safe_load(CONDA)["dependencies"]
    assert pip == {"pip": [*PINS, "--editable ."]}


def test_conda_takes_a_python_that_the_project_supports():
    (python,) = (
        name for name in yaml.safe_load(CONDA)["dependencies"] if isinstance(name, str) and "python" in name
    )
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(python.removeprefix("python="))


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locked_pythons_are_those_that_the_project_supports(python):
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(python)


@pytest.mark.parametrize("python", ["3.10", "3.14"])
def test_no_other_python_is_supported(python):
    assert not SpecifierSet(PROJECT["project"]["requires-python"]).contains(python)


@pytest.mark.parametrize("text", [LOCK, CONDA], ids=["lock", "conda"])
def test_no_package_index_is_named(text):
    assert re.findall(r"\S*://\S*|--(?:extra-)?index-url|--find-links", without_comments(text)) == []


def test_the_project_names_no_package_index():
    project = {name: value for name, value in PROJECT["project"].items() if name != "urls"}
    assert "://" not in json.dumps(PROJECT | {"project": project})


def test_the_installed_versions_are_those_of_the_lock():
    here = [pin for pin in REQUIREMENTS if pin.marker is None or pin.marker.evaluate()]
    installed = {pin.name: f"=={version(pin.name)}" for pin in here}
    assert installed == {pin.name: str(pin.specifier) for pin in here}


# Licences and vulnerabilities


def test_every_package_has_a_licence_listed():
    assert sorted({pin.name for pin in REQUIREMENTS} - LICENCES.keys()) == []


def test_no_licence_is_unknown():
    assert [name for name, licence in LICENCES.items() if licence.strip().upper() in ("", "UNKNOWN")] == []


def test_a_listed_licence_is_that_of_the_installed_version():
    """In the same words, or in those of a wheel for another Python: "BSD License" is "BSD-3-Clause" there."""
    here = [pin.name for pin in REQUIREMENTS if pin.marker is None or pin.marker.evaluate()]
    stated = {name: metadata(name).get("License-Expression") for name in here}
    family = re.compile(r"\w+")
    other = {
        name: (licence, LICENCES[name])
        for name, licence in stated.items()
        if licence and family.match(licence)[0] != family.match(LICENCES[name])[0]
    }
    assert other == {}


def audited(pins, folder):
    """Return what pip-audit says of each pin, run as `make audit` does."""
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(f"{pin.name}{pin.specifier}\n" for pin in pins))
    uvx, tool = Path(sys.executable).with_name("uvx"), re.search(r"pip-audit@\S+", MAKEFILE)[0]
    options = ("--disable-pip", "--no-deps", "--format", "json", "--requirement", wanted)
    command = [uvx, "--python", sys.executable, tool, *options]
    try:
        called = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("the service that knows vulnerabilities does not answer")
    if not called.stdout:
        pytest.skip(f"pip-audit cannot be had or cannot ask: {called.stderr.strip().splitlines()[-1]}")
    return json.loads(called.stdout)["dependencies"]


def test_no_vulnerability_is_known(tmp_path):
    here = [pin for pin in REQUIREMENTS if pin.marker is None or pin.marker.evaluate()]
    (first,) = audited(here[:1], tmp_path)
    if "skip_reason" in first:
        pytest.skip(f"The service that knows vulnerabilities cannot be reached: {first['skip_reason']}")
    known = {one["name"]: one.get("vulns") for one in audited(here, tmp_path)}
    assert {name: [one["id"] for one in found] for name, found in known.items() if found} == {}
