"""Symbols as few bits: their entropy, canonical Huffman codes, and adaptive binary range coding.

All that a decoder computes is integer arithmetic, so coded data means the same on every processor.
Thesis 4.3.
"""

import numpy as np
from bitarray import bitarray
from bitarray.util import canonical_decode, huffman_code, int2ba
from constriction import stream

LENGTH_BITS = 5  # of a code length in the table, 0 for a symbol that does not occur
LONGEST_CODE = 2**LENGTH_BITS - 1
PROBABILITY_BITS = 12


class DecodingError(ValueError):
    """Coded data that is damaged, or that no encoder of this library writes."""


def entropy(counts):
    """Return the entropy, in bits a symbol, of symbols that occur `counts` times. Shannon 1948, §6."""
    counts = np.asarray(counts, float)
    shares = counts[counts > 0] / counts.sum()
    return max(0.0, float(-np.sum(shares * np.log2(shares))))


def code_lengths(counts):
    """Return the bits (N,) of the Huffman code of each symbol 0 ... N-1 that occurs `counts` (N,) times.

    A symbol that does not occur has 0, and one that occurs alone has 1. Huffman 1952.
    """
    counts = np.asarray(counts, int)
    lengths = np.zeros(len(counts), int)
    while counts.any():
        for symbol, code in huffman_code({int(s): int(counts[s]) for s in np.flatnonzero(counts)}).items():
            lengths[symbol] = len(code)
        if lengths.max() <= LONGEST_CODE:
            break
        counts = (counts + 1) // 2  # flatter counts have shorter codes
    return lengths


def canonical_codes(lengths):
    """Return {symbol: its code, a bitarray} of the canonical code with these lengths.

    Codes rise with length and symbol, so the lengths alone tell them. Raises DecodingError for lengths
    that no prefix code has (Kraft 1949).
    """
    order = sorted(np.flatnonzero(lengths), key=lambda symbol: (lengths[symbol], symbol))
    if sum(2.0 ** -int(lengths[symbol]) for symbol in order) > 1:
        raise DecodingError("The code table is damaged: no prefix code has these lengths.")
    codes, code, length = {}, 0, 0
    for symbol in order:
        code <<= int(lengths[symbol]) - length
        length = int(lengths[symbol])
        codes[int(symbol)] = int2ba(code, length)
        code += 1
    return codes


def huffman_encode(symbols, alphabet):
    """Return symbols (N,) from 0 to `alphabet` - 1 as bytes: the table of code lengths, then the codes.

    Raises ValueError for a symbol outside the alphabet.
    """
    symbols = np.asarray(symbols, int)
    if len(symbols) == 0:
        return b""
    if symbols.min() < 0 or symbols.max() >= alphabet:
        raise ValueError(f"Symbols have to be from 0 to {alphabet - 1}.")
    lengths = code_lengths(np.bincount(symbols, minlength=alphabet))
    bits = bitarray()
    for length in lengths:
        bits += int2ba(int(length), LENGTH_BITS)
    bits.encode(canonical_codes(lengths), symbols.tolist())
    return bits.tobytes()


def huffman_decode(content, alphabet, number):
    """Return the `number` symbols that huffman_encode wrote.

    Raises DecodingError where the content is damaged, too short or too long.
    """
    if number == 0 and not content:
        return np.zeros(0, int)
    bits = bitarray(content)
    table, codes = bits[: alphabet * LENGTH_BITS], bits[alphabet * LENGTH_BITS :]
    if len(table) < alphabet * LENGTH_BITS or number > len(codes):
        raise DecodingError("The Huffman code is truncated.")
    weights = 1 << np.arange(LENGTH_BITS)[::-1]
    lengths = np.frombuffer(table.unpack(), np.uint8).reshape(alphabet, LENGTH_BITS) @ weights
    order = list(canonical_codes(lengths))  # raises for a damaged table
    counts = np.bincount(lengths, minlength=2)
    counts[0] = 0
    symbols, decoder = np.zeros(number, int), canonical_decode(codes, counts.tolist(), order)
    try:
        for place in range(number):
            symbols[place] = next(decoder)
    except (StopIteration, ValueError):
        raise DecodingError("The Huffman code is truncated or damaged.") from None
    if huffman_encode(symbols, alphabet) != content:
        raise DecodingError("The Huffman code is damaged: its symbols have another code.")
    return symbols


def _logistic_tables():
    """Return (squash, stretch): 4096 / (1 + exp(-x/256)) for x from -2047 to 2047, and its inverse.

    Interpolated between 33 integers, since an exp differs between processors. Mahoney 2005, PAQ8, squash.
    """
    known = (1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047)
    known += tuple(4095 - value for value in known[-2::-1])  # symmetric about the middle
    squash = [
        (known[x >> 7] * (128 - (x & 127)) + known[(x >> 7) + 1] * (x & 127) + 64) >> 7 for x in range(4095)
    ]
    stretch, x = [], 0
    for probability in range(1 << PROBABILITY_BITS):
        while x < 4094 and squash[x] < probability:
            x += 1
        stretch.append(x - 2047)
    return squash, stretch


_SQUASH, _STRETCH = _logistic_tables()
_LEARNING = 6  # rate of the mixing weights
_REACH = 1023  # observations that an adaptive probability remembers
_RATES = [65536 * 2 // (2 * count + 3) for count in range(_REACH + 1)]
_MODELS = [
    stream.model.Bernoulli(share / (1 << PROBABILITY_BITS), perfect=False)
    for share in range(1 << PROBABILITY_BITS)
]


class BitModel:
    """The probability of the next bit, learned from the bits before it; all in integers.

    Every context has a probability that adapts to the bits seen in it; they are mixed in the logistic
    domain with weights that adapt, too. Mahoney 2005, "Adaptive weighing of context models", §3.
    """

    def __init__(self):
        self.states, self.weights = {}, {}

    def next(self, kind, contexts, code):
        """Return the next bit, which `code`, given the probability of a 1 in 4096ths, encodes or decodes.

        `contexts` are integers or tuples, one each for the models that are mixed, and `kind` chooses the
        mixing weights.
        """
        states = self.states
        found = []
        for place, context in enumerate(contexts):
            key = (kind, place, context)
            state = states.get(key)
            if state is None:
                state = states[key] = [32768, 0]
            found.append(state)
        weights = self.weights.get(kind)
        if weights is None:
            weights = self.weights[kind] = [65536 * 2 // (len(contexts) + 3)] * len(contexts)
        inputs = [_STRETCH[state[0] >> 4] for state in found]
        total = sum([weight * value for weight, value in zip(weights, inputs, strict=True)]) >> 16
        share = _SQUASH[min(max(total, -2047), 2047) + 2047]
        share = min(max(share, 1), 4095)
        bit = code(share)
        error = ((bit << PROBABILITY_BITS) - share) * _LEARNING
        for place, value in enumerate(inputs):
            weights[place] += (value * error + 32768) >> 16
        target = 65535 * bit
        for state in found:
            count = state[1]
            state[0] += ((target - state[0]) * _RATES[count]) >> 16
            if count < _REACH:
                state[1] = count + 1
        return bit


def range_encode(walk):
    """Return as bytes the bits that `walk` hands, with contexts, to its argument `bit`; `walk` returns nothing new.

    walk(bit) calls bit(kind, contexts, given) for every bit and goes on with what it returns. Range coding:
    Martin 1979.
    """
    model, shares, bits = BitModel(), [], []

    def bit(kind, contexts, given):
        def code(share):
            shares.append(share)
            return given

        bits.append(given)
        return model.next(kind, contexts, code)

    walk(bit)
    encoder = stream.queue.RangeEncoder()
    probabilities = np.array(shares, np.float64) / (1 << PROBABILITY_BITS)
    encoder.encode(np.array(bits, np.int32), stream.model.Bernoulli(perfect=False), probabilities)
    return encoder.get_compressed().astype("<u4").tobytes()


def range_decode(content, walk):
    """Return what `walk` returns, its bits decoded from content that range_encode wrote with the same walk."""
    if len(content) % 4:
        raise DecodingError("The range code is truncated.")
    model, decoder = BitModel(), stream.queue.RangeDecoder(np.frombuffer(content, "<u4").astype(np.uint32))

    def code(share):
        return int(decoder.decode(_MODELS[share]))

    try:
        found = walk(lambda kind, contexts, given: model.next(kind, contexts, code))
    except AssertionError:
        raise DecodingError("The range code is damaged.") from None
    return found
