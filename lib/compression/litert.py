"""The INT8 model of TensorFlow's own converter, and its interpreter: a check from outside. Thesis 4.2."""

import contextlib
import io
import warnings

import numpy as np
import tensorflow as tf


def converted(model, images=None):
    """Return the content (bytes) of a .tflite file of a Keras model.

    With `images` to find the ranges on, weights and activations are 8-bit integers, the uint8 input and output
    included; without, all is in floating point.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if images is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
        return converter.convert()  # it prints addresses of memory and temporary files


def interpreter(content, count):
    """Return an interpreter of a .tflite file for `count` images at a time, on one thread."""
    with warnings.catch_warnings(action="ignore"):  # it says that it has moved to another package
        made = tf.lite.Interpreter(model_content=content, num_threads=1)
    inputs = made.get_input_details()[0]
    made.resize_tensor_input(inputs["index"], (count, *inputs["shape"][1:]))
    made.allocate_tensors()
    return made


def predict(made, images):
    """Return the outputs (N, classes) of an interpreter, as it stores them, for images in floating point."""
    inputs, outputs = made.get_input_details()[0], made.get_output_details()[0]
    if inputs["dtype"] == np.uint8:
        scale, zero_point = inputs["quantization"]
        images = np.clip(np.round(images / scale + zero_point), 0, 255).astype(np.uint8)
    made.set_tensor(inputs["index"], images)
    made.invoke()
    return made.get_tensor(outputs["index"])
