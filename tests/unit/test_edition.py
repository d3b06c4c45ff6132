from lib import concordance, edition
from lib.edition import Edition


def test_without_a_build_results_never_go_to_the_committed_ones():
    assert edition.current().folder == str(concordance.ROOT / "build" / "lab")


def test_the_environment_carries_every_field(monkeypatch):
    chosen = Edition(folder="x", language="de", formats=("svg",), scale="quick", chapter="02_1_neuron")
    for name, value in chosen.environment().items():
        monkeypatch.setenv(name, value)
    assert edition.current() == chosen
