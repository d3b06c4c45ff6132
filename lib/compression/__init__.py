"""Compression of trained Keras models: a small library to take away. Thesis 4.

Functions on arrays and on models, which they never change: a function that alters a model returns
another one. Needs Keras with TensorFlow, numpy, pandas and scikit-learn, bitarray and constriction (codes), and
nothing else of this project. `python -m lib.compression --help` works on files.
"""
