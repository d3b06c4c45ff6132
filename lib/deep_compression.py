"""Runs: Deep Compression of a trained network down to the bytes of its file. Thesis 4.3."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import networks, training
from lib.compression import file_format, pipeline
from lib.compression.codebooks import decode, index_bits
from lib.compression.entropy_coding import entropy


@dataclass(frozen=True)
class DeepCompression:
    """A trained classifier, compressed as a recipe says into one file, which is read back and tested.

    `start` is its Training; its validation images judge the recipe, its test images are classified once, by the
    network in the file. Thesis 4.3; Han et al. 2016.
    """

    start: training.Training
    recipe: pipeline.Recipe

    @property
    def modules(self):
        """Modules beside this one that the result depends on: the network's family."""
        return self.start.modules

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        recipe = self.recipe
        epochs = recipe.narrow + recipe.prune + recipe.settle + recipe.share + recipe.tune
        return epochs * 60_000 * self.start.image_size**2

    def compute(self, start):
        """Return the file, what it holds, how it came about, and the errors; `start` is its Training's result.

        "file" has "content", the bytes; "pruned" the weights before they shared values; "layers" is a frame
        (see layers_of), "history" that of pipeline.Compressed. validation_error and test_error are shares of
        wrong images, of the network decoded from the file; "predicted" has its classes of the test images.
        """
        training.one_thread()
        model = training.trained(self.start, start)
        data = _dataset(self.start)
        widths = self.start.network_settings | {"widths": self.recipe.widths}
        network = networks.find(self.start.network)
        smaller = network(model.input_shape[1:], model.output_shape[-1], **widths)
        found = pipeline.compress(
            model, smaller, data["training"], data["validation"], self.recipe, self.start.seed
        )
        variables = model.trainable_variables
        for variable, codebook in zip(variables, found.codebooks, strict=True):
            variable.assign(decode(codebook))
        codebooks = {v.path: codebook for v, codebook in zip(variables, found.codebooks, strict=True)}
        contents = {coding: file_format.encode(model, codebooks, coding) for coding in file_format.CODINGS}
        read = file_format.decode(contents["range"])
        predicted = {part: _classes(read, data[part][0]) for part in ("validation", "test")}
        wrong = {part: float(np.mean(classes != data[part][1])) for part, classes in predicted.items()}
        return {
            "file": {"content": np.frombuffer(contents["range"], np.uint8)},
            "huffman_file": {"content": np.frombuffer(contents["Huffman"], np.uint8)},
            "pruned": {v.path: array for v, array in zip(variables, found.pruned, strict=True)},
            "layers": layers_of(variables, found.codebooks, contents),
            "history": found.history,
            "bytes": len(contents["range"]),
            "validation_error": wrong["validation"],
            "test_error": wrong["test"],
            "predicted": {"test": predicted["test"]},
        }


def _dataset(config):
    """Return {part: (images of uint8, labels)} of a Training."""
    images = {part: arrays for part, arrays in training.parts(config).items()}
    return {
        part: (np.round(255 * pixels).astype(np.uint8), one_hot.argmax(axis=1))
        for part, (pixels, one_hot) in images.items()
    }


def _classes(model, images):
    """Return the classes of images of uint8."""
    batches = np.split(images, range(1000, len(images), 1000))
    return np.concatenate(
        [model.predict_on_batch(batch.astype(np.float32) / 255).argmax(axis=1) for batch in batches]
    )


def layers_of(variables, codebooks, contents):
    """Return a frame with a row for each kernel and its bias: what is kept, and its bytes in each file.

    Columns: layer, weights, kept (not zero), values (of the codebook), index_bits, entropy (bits a kept weight, of
    its index alone), and for each coding its bytes, those of the bias with it. `contents` are {coding: file}.
    """
    spent = {coding: [row["bytes"] for row in file_format.inspect(content)] for coding, content in contents.items()}
    rows = []
    for place in range(0, len(codebooks), 2):
        indices = codebooks[place].indices
        kept = indices[indices >= 0]
        rows.append(
            {
                "layer": variables[place].path.split("/")[0],
                "weights": indices.size,
                "kept": len(kept),
                "values": len(codebooks[place].centroids),
                "index_bits": index_bits(len(codebooks[place].centroids)),
                "entropy": entropy(np.bincount(kept)),
            }
            | {f"{coding}_bytes": sum(parts[place : place + 2]) for coding, parts in spent.items()}
        )
    return pd.DataFrame(rows)
