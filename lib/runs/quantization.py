"""Runs: trained networks with weights and activations of a few bits. Thesis 4.2."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib import training
from lib.compression import low_bit
from lib.compression.kernels import kernels, replaced
from lib.runs import evaluation


def symmetric(kernel, bits, channel_axis):
    """Return the symmetric Grid out to the largest weight."""
    return low_bit.symmetric_grid(low_bit.largest_size(kernel, channel_axis), bits)


def asymmetric(kernel, bits, channel_axis):
    """Return the asymmetric Grid from the smallest to the largest weight."""
    return low_bit.asymmetric_grid(*low_bit.extent(kernel, channel_axis), bits)


GRIDS = {"symmetric": symmetric, "asymmetric": asymmetric, "MMSE": low_bit.mmse_grid}
CHANNEL_AXES = {"per tensor": None, "per channel": -1}


def _stored(model, parts, bits):
    """Return the bytes on disk of a model whose kernels are {path: [(integers, Grid), ...]}."""
    arrays = {weights.path: weights.numpy() for weights in model.weights if weights.path not in parts}
    for path, tensors in parts.items():
        for number, (integers, grid) in enumerate(tensors):
            arrays[f"{path}/{number}"] = low_bit.pack(integers, bits, grid.low)
            arrays[f"{path}/{number}/grid"] = np.append(grid.scale, grid.zero_point).astype(np.float32)
    return evaluation.bytes_on_disk(arrays)


def _values(parts):
    """Return {path: array} of the sums of low-bit tensors."""
    return {
        path: sum(low_bit.dequantize(*tensor) for tensor in tensors).astype(np.float32)
        for path, tensors in parts.items()
    }


class _Judge:
    """Measures one network with other kernels in its place, compiled once."""

    def __init__(self, config, start, part, count):
        self.model = training.trained(config, start)
        self.kernels = kernels(self.model)
        self.variables = {variable.path: variable for variable in self.model.variables}
        self.images, self.labels = (array[:count] for array in training.parts(config)[part])

    def row(self, parts, bits):
        """Return {"accuracy", "error", "bytes"} with the kernels {path: [(integers, Grid), ...]}."""
        values = _values(parts)
        for path, kernel in values.items():
            self.variables[path].assign(kernel)
        row = {
            "accuracy": evaluation.accuracy(self.model, self.images, self.labels),
            "error": sum(((self.kernels[path] - values[path]) ** 2).sum() for path in values)
            / sum((self.kernels[path] ** 2).sum() for path in values),
            "bytes": _stored(self.model, parts, bits),
        }
        for path, kernel in self.kernels.items():
            self.variables[path].assign(kernel)
        return row


@dataclass(frozen=True)
class LowBitWeights:
    """A trained network with weights of several numbers of bits; activations stay in floating point.

    `start` is its Training; `images` of the part ("validation" or "test") are classified. Thesis 4.2;
    Choukroun et al. 2019.
    """

    start: training.Training
    bits: tuple[int, ...]
    grids: tuple[str, ...]
    granularities: tuple[str, ...]
    part: str
    images: int | None

    def compute(self, start):
        """Return {"weights": frame}: grid, granularity, bits, accuracy, error, bytes; 32 bits are the floats."""
        training.one_thread()
        judge = _Judge(self.start, start, self.part, self.images)
        floats = {
            "accuracy": evaluation.accuracy(judge.model, judge.images, judge.labels),
            "error": 0.0,
            "bytes": evaluation.bytes_on_disk(
                {path: weights.numpy() for path, weights in judge.variables.items()}
            ),
        }
        rows = []
        for name in self.grids:
            for granularity in self.granularities:
                setting = {"grid": name, "granularity": granularity}
                rows.append(setting | {"bits": 32} | floats)
                for bits in self.bits:
                    parts = {}
                    for path, kernel in judge.kernels.items():
                        grid = GRIDS[name](kernel, bits, CHANNEL_AXES[granularity])
                        parts[path] = [(low_bit.quantize(kernel, grid), grid)]
                    rows.append(setting | {"bits": bits} | judge.row(parts, bits))
        return {"weights": pd.DataFrame(rows)}


@dataclass(frozen=True)
class TensorSums:
    """A trained network whose kernels are sums of low-bit tensors, all of them or only the bad ones.

    A kernel is bad where its squared error as one tensor is more than `bad` of its sum of squares; it
    alone gets `most` tensors. `start` is the Training; `images` of the part are classified. Thesis 4.2;
    Choukroun et al. 2019, §3.2.
    """

    start: training.Training
    bits: tuple[int, ...]
    most: int
    bad: float
    part: str
    images: int | None

    def compute(self, start):
        """Return {"sums": frame}: bits, tensors, bad (kernels with several tensors), accuracy, error, bytes.

        `tensors` is a number, or "bad layers".
        """
        training.one_thread()
        judge = _Judge(self.start, start, self.part, self.images)
        rows = []
        for bits in self.bits:
            sums = {
                path: low_bit.tensor_sum(kernel, bits, self.most) for path, kernel in judge.kernels.items()
            }
            bad = [path for path, kernel in judge.kernels.items() if self._is_bad(kernel, sums[path][0])]
            for count in range(1, self.most + 1):
                parts = {path: tensors[:count] for path, tensors in sums.items()}
                rows.append({"bits": bits, "tensors": str(count), "bad": len(sums)} | judge.row(parts, bits))
            parts = {path: tensors[: 2 if path in bad else 1] for path, tensors in sums.items()}
            rows.append({"bits": bits, "tensors": "bad layers", "bad": len(bad)} | judge.row(parts, bits))
        return {"sums": pd.DataFrame(rows)}

    def _is_bad(self, kernel, tensor):
        return low_bit.relative_error(kernel, low_bit.dequantize(*tensor)) > self.bad


@dataclass(frozen=True)
class LowBitActivations:
    """A trained network with rounded activations, in ranges fixed before or sought for each image.

    `start` is its Training; `weight_bits` is 32 for weights in floating point, else they are symmetric per
    channel; offline ranges come from `calibration` training images, `percentile` cuts outliers off;
    `images` of the part are classified. Thesis 4.2.
    """

    start: training.Training
    bits: tuple[int, ...]
    weight_bits: tuple[int, ...]
    calibration: int
    percentile: float
    part: str
    images: int | None

    def compute(self, start):
        """Return {"activations": frame}: weight_bits, bits, ranges, accuracy."""
        training.one_thread()
        parts = training.parts(self.start)
        images, labels = (array[: self.images] for array in parts[self.part])
        known = parts["training"][0][: self.calibration]
        model = training.trained(self.start, start)
        rows = []
        for weight_bits in self.weight_bits:
            rounded = replaced(model, _per_channel(model, weight_bits))
            for bits in self.bits:
                for ranges, changed in self._variants(rounded, known, bits).items():
                    accuracy = evaluation.accuracy(changed, images, labels)
                    setting = {"weight_bits": weight_bits, "bits": bits, "ranges": ranges}
                    rows.append(setting | {"accuracy": accuracy})
        return {"activations": pd.DataFrame(rows)}

    def _variants(self, model, known, bits):
        """Return {name of the ranges: model}."""
        extremes = low_bit.input_extents(model, known)
        inner = low_bit.input_extents(model, known, self.percentile)
        return {
            "offline, min/max": low_bit.with_offline_ranges(model, extremes, bits),
            f"offline, {self.percentile:g} %": low_bit.with_offline_ranges(model, inner, bits),
            "online": low_bit.with_online_ranges(model, bits),
        }


def _per_channel(model, bits):
    """Return {path: kernel} of a model rounded symmetrically per channel; nothing for 32 bits."""
    if bits == 32:
        return {}
    return {
        path: low_bit.rounded(kernel, symmetric(kernel, bits, -1)) for path, kernel in kernels(model).items()
    }
