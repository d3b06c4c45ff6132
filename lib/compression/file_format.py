"""One self-contained file for a compressed model: it is all that is needed to predict with it.

    magic "DCKM", version          5 bytes
    length, layers                 the chain of layers, packed JSON (architecture)
    for each array of weights      its way of coding, then
        plain                      float32, little-endian
        codebook                   number of values, their type, the values, length and code of the indices
    checksum                       8 bytes of BLAKE2b over all before

Numbers are LEB128. Shapes follow from the layers. An index 0 is a pruned weight, 1 the smallest value of
the codebook. What is read counts as hostile: anything but what `encode` writes raises DecodingError, in
time and memory bounded by the length of the file. Thesis 4.3; Han et al. 2016, §4.
"""

import hashlib
import math

import keras
import numpy as np

from lib.compression import architecture, index_coding
from lib.compression.codebooks import PRUNED, Codebook
from lib.compression.codebooks import decode as values_of
from lib.compression.entropy_coding import DecodingError
from lib.compression.octets import Reader, varint

MAGIC, VERSION = b"DCKM", 1
CHECKSUM = 8  # bytes
WEIGHTS_PER_BYTE, MOST_WEIGHTS = 4096, 2**28  # more than that no file may declare
PLAIN = 0
CODINGS = {
    "Huffman": (1, index_coding.huffman_encode_indices, index_coding.huffman_decode_indices),
    "range": (2, index_coding.range_encode_indices, index_coding.range_decode_indices),
}
TYPES = ("<f2", "<f4")  # of the values of a codebook: the shorter one where it holds them exactly


def encode(model, codebooks=None, coding="range"):
    """Return the file of a Keras model as bytes.

    `codebooks` are {path of a variable: Codebook}; all other weights are stored as they are. `coding` is
    that of the indices, "Huffman" or "range". Raises ValueError for a model that is no chain of known layers,
    for a path that it lacks, and for a Codebook of another shape.
    """
    codebooks = dict(codebooks or {})
    content = bytearray(MAGIC + bytes([VERSION]))
    described = architecture.pack(architecture.describe(model))
    content += varint(len(described)) + described
    for variable, stride in _with_strides(model):
        codebook = codebooks.pop(variable.path, None)
        if codebook is None:
            content += bytes([PLAIN]) + variable.numpy().astype("<f4").tobytes()
        elif codebook.indices.shape != tuple(variable.shape):
            raise ValueError(f"The codebook of '{variable.path}' has the shape {codebook.indices.shape}.")
        else:
            content += _codebook_bytes(codebook, stride, coding)
    if codebooks:
        raise ValueError(f"The model has no weights '{min(codebooks)}'.")
    return bytes(content) + _checksum(content)


def decode(content):
    """Return the Keras model of a file; raises DecodingError where the file is not one that encode wrote."""
    planned, arrays = _read(content)
    shape = planned[0][1]
    try:
        model = keras.Sequential([keras.Input(shape), *(layer for layer, _, _ in planned)])
        model.set_weights([values for values, _ in arrays])
    except Exception as error:  # Keras and TensorFlow have many ways to say that layers do not fit
        raise DecodingError(f"The layers of the file do not fit: {error}") from None
    return model


def inspect(content):
    """Return a list of dictionaries, one for each array of weights, that say what the file spends on it.

    They have layer, shape, weights, kept (not zero), values (of the codebook; 0: plain), coding, bytes.
    Raises DecodingError as decode does.
    """
    planned, arrays = _read(content)
    names = [type(layer).__name__ for layer, _, shapes in planned for _ in shapes]
    return [
        {"layer": name, "shape": values.shape, "weights": values.size, "kept": int(np.count_nonzero(values))}
        | spent
        for name, (values, spent) in zip(names, arrays, strict=True)
    ]


def _with_strides(model):
    """Return [(variable, distance of neighbouring rows)] in the order of the file."""
    planned = architecture.plan(architecture.describe(model))
    found, strides = [], _strides(planned)
    for layer, stride in zip(architecture.chain(model), strides, strict=True):
        weights = [variable for variable in layer.weights if "seed" not in variable.path]
        found += [(variable, stride) for variable in weights]
    return found


def _strides(planned):
    """Return for each layer the distance of rows of its kernel, as a matrix, that are neighbours in the image."""
    strides, pixels = [], (1, 1)
    for layer, shape, _ in planned:
        name = type(layer).__name__
        width, channels = (layer.kernel_size[1], shape[-1]) if hasattr(layer, "kernel_size") else pixels
        strides.append(max(1, channels if channels > 1 else width))
        if name == "Flatten" and len(shape) == 3:
            pixels = shape[1:]
        elif name == "Dense":
            pixels = (1, 1)
    return strides


def matrix_shape(shape):
    """Return (rows, columns) as which an array of weights is coded: inputs, and units or filters."""
    return (math.prod(shape[:-1]), shape[-1]) if len(shape) > 1 else (*shape, 1)


def _codebook_bytes(codebook, stride, coding):
    number, to_bytes, _ = CODINGS[coding]
    centroids = codebook.centroids.astype("<f4")
    kind = int(not np.array_equal(centroids.astype("<f2").astype("<f4"), centroids))
    indices = (codebook.indices - PRUNED).reshape(matrix_shape(codebook.indices.shape))
    coded = to_bytes(indices, len(centroids), stride)
    head = bytes([number]) + varint(len(centroids)) + bytes([kind]) + centroids.astype(TYPES[kind]).tobytes()
    return head + varint(len(coded)) + coded


def _checksum(content):
    return hashlib.blake2b(content, digest_size=CHECKSUM).digest()


def _read(content):
    """Return the planned layers of a file, and [(values, what they cost)] of its arrays."""
    content = bytes(content)
    if content[: len(MAGIC)] != MAGIC:
        raise DecodingError("This is no compressed model: it does not start with DCKM.")
    if len(content) < len(MAGIC) + 1 + CHECKSUM:
        raise DecodingError("The file is truncated.")
    if (version := content[len(MAGIC)]) != VERSION:
        raise DecodingError(f"The file has version {version}; this library reads version {VERSION}.")
    body, checksum = content[:-CHECKSUM], content[-CHECKSUM:]
    if _checksum(body) != checksum:
        raise DecodingError("The checksum is wrong: the file is truncated or damaged.")
    reader = Reader(body)
    reader.take(len(MAGIC) + 1)
    planned = architecture.plan(architecture.unpack(reader.take(reader.varint())))
    shapes = [
        (shape, stride)
        for (_, _, found), stride in zip(planned, _strides(planned), strict=True)
        for shape in found
    ]
    total = sum(math.prod(shape) for shape, _ in shapes)
    if total > min(WEIGHTS_PER_BYTE * len(content), MOST_WEIGHTS):
        raise DecodingError(f"The file declares {total} weights, too many for {len(content)} bytes.")
    arrays = [_read_array(reader, shape, stride) for shape, stride in shapes]
    if reader.rest():
        raise DecodingError("The file goes on after its last weights.")
    return planned, arrays


def _read_array(reader, shape, stride):
    """Return (values, what they cost) of the next array of weights."""
    start = reader.place
    number = reader.take(1)[0]
    if number == PLAIN:
        values = np.frombuffer(reader.take(4 * math.prod(shape)), "<f4").reshape(shape)
        return values.astype(np.float32), {"values": 0, "coding": "plain", "bytes": reader.place - start}
    names = {known: name for name, (known, _, _) in CODINGS.items()}
    if number not in names:
        raise DecodingError(f"There is no way of coding number {number}.")
    size, kind = reader.varint(), reader.take(1)[0]
    if kind >= len(TYPES) or not size:
        raise DecodingError("A codebook is damaged.")
    dtype = np.dtype(TYPES[kind])
    centroids = np.frombuffer(reader.take(size * dtype.itemsize), dtype).astype(np.float32)
    coded = reader.take(reader.varint())
    from_bytes = CODINGS[names[number]][2]
    indices = from_bytes(coded, matrix_shape(shape), size, stride).reshape(shape)
    values = values_of(Codebook(centroids, indices + PRUNED)).astype(np.float32)
    return values, {"values": size, "coding": names[number], "bytes": reader.place - start}
