"""Indices into a codebook, most of them 0 for a pruned weight, as bytes: Huffman codes and a range code.

Both code a matrix (rows, columns) of the inputs and units of a layer. Thesis 4.3.
"""

from bisect import bisect_right

import numpy as np

from lib.compression.entropy_coding import (
    DecodingError,
    huffman_decode,
    huffman_encode,
    range_decode,
    range_encode,
)
from lib.compression.octets import Reader, varint

_LEVELS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160, 192, 224)
_LEVEL = [bisect_right(_LEVELS, share) for share in range(257)]


def _level(number, of):
    return _LEVEL[min(256 * number // of, 256)] if of else 31


def _flags(bit, kind, given, length, stride):
    """Walk over flags of rows or columns; neighbours, and those one stride before, tell of each other."""
    found = [0] * length
    for place in range(length):
        before = found[place - 1] if place else 0
        above = found[place - stride] if place >= stride else 0
        beside = found[place - stride + 1] if place >= stride else 0
        contexts = (before, (before, above, beside), (above, beside), _level(sum(found[-64:]), 64))
        found[place] = bit(kind, contexts, int(given[place]))
    return found


def walk(given, largest, stride=1, most=None):
    """Return a walk for range coding over indices (rows, columns) from 0 to `largest`; it returns them.

    `given` are the indices for encoding, and zeros of that shape for decoding. Rows and columns that are
    wholly pruned cost one flag. `stride` is the distance of rows that are neighbours, too: the width of
    the images that a dense layer sees. Raises DecodingError where more than `most` flags are left to walk.
    """
    given = np.asarray(given)
    rows, columns = given.shape
    depth = max(1, int(largest - 1).bit_length())

    def walked(bit):
        indices = np.zeros((rows, columns), np.int32)
        live = np.flatnonzero(_flags(bit, "row", given.any(axis=1), rows, stride)).tolist()
        units = np.flatnonzero(_flags(bit, "column", given.any(axis=0), columns, 1)).tolist()
        if most is not None and len(live) * len(units) > most:
            raise DecodingError("A range code declares more weights than its length allows.")
        in_row, last_in_row = [0] * rows, [0] * rows
        for seen, column in enumerate(units):
            target = given[:, column].tolist()
            found = [0] * (rows + stride + 1)  # a border of zeros, which negative places reach
            in_column, last = 0, 0
            for place, row in enumerate(live):
                before, above = found[row - 1], found[row - stride]
                near = (
                    before > 0,
                    found[row - 2] > 0,
                    above > 0,
                    found[row - stride - 1] > 0,
                    found[row - stride + 1] > 0,
                )
                around = (
                    in_row[row - 1]
                    + in_row[(row + 1) % rows]
                    + in_row[(row - stride) % rows]
                    + in_row[(row + stride) % rows]
                )
                column_level, row_level = _level(in_column, place), _level(in_row[row], seen)
                contexts = (
                    (column_level, min(place, 15)),
                    (row_level, min(seen, 15)),
                    row,
                    column,
                    near,
                    (_level(around, 4 * seen), min(seen, 7)),
                    (column_level, row_level),
                )
                if bit("kept", contexts, int(target[row] > 0)):
                    value = _value(
                        bit, target[row] - 1, largest, depth, (column, last, before, above, last_in_row[row])
                    )
                    found[row] = last = last_in_row[row] = value + 1
                    in_row[row] += 1
                    in_column += 1
            indices[:, column] = found[:rows]
        return indices

    return walked


def _value(bit, given, largest, depth, around):
    """Walk over the bits of a number from 0 to `largest` - 1, the highest first."""
    value, node = 0, 1
    if largest > 1:
        for shift in range(depth - 1, -1, -1):
            if value + (1 << shift) >= largest:  # the bit can only be 0
                node *= 2
                continue
            contexts = (node, *((node, what) for what in around))
            one = bit("value", contexts, given >> shift & 1)
            value += one << shift
            node = 2 * node + one
    return value


STEPS_PER_BYTE = 128  # a range code of so many flags a byte is not believed, nor written
FREE_STEPS = 4096


def range_encode_indices(indices, largest, stride=1):
    """Return the range code of indices (rows, columns) from 0 to `largest`, for range_decode_indices."""
    return range_encode(walk(indices, largest, stride))


def range_decode_indices(content, shape, largest, stride=1):
    """Return the indices of `shape` whose range code is `content`.

    Raises DecodingError where that is damaged, or would take longer than its length allows.
    """
    if sum(shape) > (most := STEPS_PER_BYTE * len(content) + FREE_STEPS):
        raise DecodingError(f"A range code of {len(content)} bytes cannot hold weights of the shape {shape}.")
    return range_decode(content, walk(np.broadcast_to(0, shape), largest, stride, most))


def huffman_encode_indices(indices, largest, stride=1):
    """Return the Huffman codes of the distances between kept weights, and of their indices 1 to `largest`.

    The distance is the number of zeros before a kept weight, row by row; one too long for its bits is
    preceded by skips, symbols that stand for zeros only. The width of the distances is the best one.
    `stride` has no use here. Han et al. 2016, §2 and §4.
    """
    del stride
    flat = np.ravel(indices)
    places = np.flatnonzero(flat)
    values = huffman_encode(flat[places] - 1, largest)
    zeros = np.diff(places, prepend=-1) - 1
    return min((_distances(zeros, bits) + values for bits in range(1, 9)), key=len)


def _distances(zeros, bits):
    skip = 2**bits - 1  # the symbol that stands for so many zeros
    symbols = np.full(len(zeros) + np.sum(zeros // skip), skip)
    symbols[np.cumsum(zeros // skip + 1) - 1] = zeros % skip
    coded = huffman_encode(symbols, 2**bits)
    return bytes([bits]) + varint(len(symbols)) + varint(len(coded)) + coded


def huffman_decode_indices(content, shape, largest, stride=1):
    """Return the indices of `shape` whose Huffman code is `content`; raises DecodingError where it is damaged."""
    del stride
    reader = Reader(content)
    bits = reader.take(1)[0]
    number, coded = reader.varint(), reader.take(reader.varint())
    if not 1 <= bits <= 8 or number > 8 * len(coded):
        raise DecodingError("The distances of the kept weights are damaged.")
    symbols = huffman_decode(coded, 2**bits, number)
    kept = symbols != 2**bits - 1
    places = (np.cumsum(symbols + kept) - 1)[kept]
    flat = np.zeros(int(np.prod(shape)), np.int32)
    if number and (not kept[-1] or places[-1] >= len(flat)):
        raise DecodingError("The distances of the kept weights lead out of the layer.")
    flat[places] = huffman_decode(reader.rest(), largest, int(kept.sum())) + 1
    return flat.reshape(shape)
