"""Runs: Deep Compression of a trained network down to the bytes of its file. Thesis 4.3."""

from dataclasses import dataclass, replace

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
        found = _compressed(self.start, model, data, self.recipe)
        codebooks = _with_codebooks(model, found.codebooks)
        contents = {coding: file_format.encode(model, codebooks, coding) for coding in file_format.CODINGS}
        read = file_format.decode(contents["range"])
        predicted = {part: _classes(read, data[part][0]) for part in ("validation", "test")}
        wrong = {part: float(np.mean(classes != data[part][1])) for part, classes in predicted.items()}
        variables = model.trainable_variables
        return {
            "file": {"content": np.frombuffer(contents["range"], np.uint8)},
            "huffman_file": {"content": np.frombuffer(contents["Huffman"], np.uint8)},
            "pruned": {v.path: array for v, array in zip(variables, found.pruned, strict=True)},
            "layers": layers_of(found.codebooks, contents),
            "history": found.history,
            "bytes": len(contents["range"]),
            "validation_error": wrong["validation"],
            "test_error": wrong["test"],
            "predicted": {"test": predicted["test"]},
        }


@dataclass(frozen=True)
class SmallerFiles:
    """What smaller files cost: a compressed network pruned further, step by step, each trained a little.

    `start` is its DeepCompression; each step leaves a share of the weights of the one before, and has `epochs`
    of training for pruning and as many for sharing values. Only validation images judge. Han et al. 2016, Fig. 6.
    """

    start: DeepCompression
    shares: tuple[float, ...]
    epochs: int = 1

    @property
    def modules(self):
        """Modules beside this one that the result depends on: the network's family."""
        return self.start.modules

    @property
    def cost(self):
        """Images seen in all, to start the longest runs first."""
        return 2 * self.epochs * len(self.shares) * 60_000 * self.start.start.image_size**2

    def compute(self, start):
        """Return {"curve": frame with the columns kept, bytes, error}; `start` is the result of the config's `start`."""
        training.one_thread()
        config, recipe = self.start.start, self.start.recipe
        data, rows = _dataset(config), []
        arrays = start["pruned"]
        for share in self.shares:
            keep = tuple(int(share * number) for number in recipe.keep)
            recipe = replace(
                recipe, keep=keep, narrow=0, prune=self.epochs, settle=0, share=self.epochs, tune=0
            )
            recipe = replace(recipe, learning_rate=recipe.sharing_rate)
            model = training.trained(config, {"weights": arrays})
            found = _compressed(config, model, data, recipe)
            codebooks = _with_codebooks(model, found.codebooks)
            arrays = {v.path: array for v, array in zip(model.trainable_variables, found.pruned, strict=True)}
            rows.append(
                {
                    "kept": sum(np.count_nonzero(array) for array in found.pruned),
                    "bytes": len(file_format.encode(model, codebooks)),
                    "error": float(np.mean(_classes(model, data["validation"][0]) != data["validation"][1])),
                }
            )
        return {"curve": pd.DataFrame(rows)}


def _compressed(config, model, data, recipe):
    """Return the pipeline.Compressed of the trained model of a Training."""
    settings = config.network_settings | {"widths": recipe.widths}
    smaller = networks.find(config.network)(model.input_shape[1:], model.output_shape[-1], **settings)
    return pipeline.compress(model, smaller, data["training"], data["validation"], recipe, config.seed)


def _with_codebooks(model, codebooks):
    """Give a model the values of its Codebooks; return them as {path: Codebook}."""
    for variable, codebook in zip(model.trainable_variables, codebooks, strict=True):
        variable.assign(decode(codebook))
    return {v.path: codebook for v, codebook in zip(model.trainable_variables, codebooks, strict=True)}


def _dataset(config):
    """Return {part: (images of uint8, labels)} of a Training."""
    return {
        part: (np.round(255 * pixels).astype(np.uint8), one_hot.argmax(axis=1))
        for part, (pixels, one_hot) in training.parts(config).items()
    }


def _classes(model, images):
    """Return the classes of images of uint8."""
    batches = np.split(images, range(1000, len(images), 1000))
    return np.concatenate(
        [model.predict_on_batch(batch.astype(np.float32) / 255).argmax(axis=1) for batch in batches]
    )


def layers_of(codebooks, contents):
    """Return a frame with a row for each kernel and its bias: what is kept, and its bytes in each file.

    Columns: layer (its number), weights, kept (not zero), values (of the codebook), index_bits, entropy (bits a kept
    weight, of its index alone), and for each coding its bytes, those of the bias with it. `codebooks` are those of
    kernels and biases in turn, `contents` {coding: file}.
    """
    spent = {
        coding: [row["bytes"] for row in file_format.inspect(content)] for coding, content in contents.items()
    }
    rows = []
    for place in range(0, len(codebooks), 2):
        indices, size = codebooks[place].indices, len(codebooks[place].centroids)
        kept = indices[indices >= 0]
        row = {"layer": place // 2, "weights": indices.size, "kept": len(kept), "values": size}
        row |= {"index_bits": index_bits(size), "entropy": entropy(np.bincount(kept)) if len(kept) else 0.0}
        rows.append(
            row | {f"{coding}_bytes": sum(parts[place : place + 2]) for coding, parts in spent.items()}
        )
    return pd.DataFrame(rows)
