"""Networks as Keras models, a module for each family; each function returns a new, untrained one.

A Training names one as "simple.small_cnn", and its result depends on the source of that family only.
Weights come from training.seeded.
"""

import importlib


def find(name):
    """Return the function of a network, "simple.small_cnn" for instance."""
    family, _, function = name.partition(".")
    return getattr(importlib.import_module(f"lib.networks.{family}"), function)
