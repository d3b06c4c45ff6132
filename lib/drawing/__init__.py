"""Diagrams drawn from real objects: arrays, neurons, Keras models."""
