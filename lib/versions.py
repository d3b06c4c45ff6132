"""Versions of the libraries that the result of a run can depend on."""

from importlib.metadata import version

LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pillow", "bitarray", "constriction")


def installed():
    """Return {library: version} as they are installed here."""
    return {name: version(name) for name in LIBRARIES}
