"""Entropy, canonical Huffman codes and the range coder."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.compression import entropy_coding

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=20).filter(any)


def _coded_bits(walked):
    """Return the walk over a list of bits, whose contexts are the two bits before."""

    def walk(bit):
        found = [0, 0]
        for given_bit in walked:
            found.append(bit("bit", (0, tuple(found[-2:])), given_bit))
        return found[2:]

    return walk


def test_uniform_symbols_have_the_entropy_of_their_number():
    assert entropy_coding.entropy([5, 5, 5, 5]) == 2


def test_one_symbol_has_no_entropy():
    assert entropy_coding.entropy([7, 0]) == 0


@given(counts)
def test_huffman_is_less_than_a_bit_above_the_entropy(counts):
    lengths = entropy_coding.code_lengths(counts)
    mean = np.dot(counts, lengths) / sum(counts)
    if np.count_nonzero(counts) > 1:
        assert entropy_coding.entropy(counts) - 1e-9 <= mean < entropy_coding.entropy(counts) + 1


@given(counts)
def test_no_code_is_the_start_of_another(counts):
    codes = [
        code.to01() for code in entropy_coding.canonical_codes(entropy_coding.code_lengths(counts)).values()
    ]
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)


def test_known_code_lengths():
    assert entropy_coding.code_lengths([45, 13, 12, 16, 9, 5]).tolist() == [1, 3, 3, 3, 4, 4]


def test_lengths_stay_in_the_table_for_fibonacci_counts():
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(sum(fibonacci[-2:]))
    assert entropy_coding.code_lengths(fibonacci).max() <= entropy_coding.LONGEST_CODE


@given(st.lists(st.integers(0, 9), max_size=200))
def test_huffman_round_trip(symbols):
    content = entropy_coding.huffman_encode(symbols, 10)
    assert entropy_coding.huffman_decode(content, 10, len(symbols)).tolist() == symbols


def test_an_alphabet_of_one_symbol_has_a_code():
    assert entropy_coding.huffman_decode(entropy_coding.huffman_encode([3] * 5, 4), 4, 5).tolist() == [3] * 5


def test_a_symbol_outside_the_alphabet_is_refused():
    with pytest.raises(ValueError, match="from 0 to 3"):
        entropy_coding.huffman_encode([4], 4)


def test_a_truncated_huffman_code_is_refused():
    content = entropy_coding.huffman_encode(list(range(8)) * 10, 8)
    with pytest.raises(entropy_coding.DecodingError, match="truncated"):
        entropy_coding.huffman_decode(content[:-4], 8, 80)


def test_an_impossible_code_table_is_refused():
    with pytest.raises(entropy_coding.DecodingError, match="no prefix code"):
        entropy_coding.canonical_codes(np.array([1, 1, 1]))


@given(st.lists(st.integers(0, 1), max_size=300))
def test_range_round_trip(bits):
    content = entropy_coding.range_encode(_coded_bits(bits))
    assert entropy_coding.range_decode(content, _coded_bits([0] * len(bits))) == bits


def test_the_range_coder_learns_how_rare_a_bit_is():
    rng = np.random.default_rng(0)
    bits = (rng.random(20_000) < 0.05).astype(int).tolist()
    content = entropy_coding.range_encode(_coded_bits(bits))
    assert 8 * len(content) < 1.05 * len(bits) * entropy_coding.entropy([sum(bits), len(bits) - sum(bits)])


@settings(max_examples=50)
@given(st.binary(max_size=40).filter(lambda content: len(content) % 4 == 0))
def test_any_bytes_decode_or_are_refused(content):
    with suppress(entropy_coding.DecodingError):
        entropy_coding.range_decode(content, _coded_bits([0] * 100))


def test_the_logistic_tables_are_the_logistic_function():
    squash, stretch = entropy_coding._logistic_tables()
    x = np.arange(-2047, 2048)
    assert np.abs(np.array(squash) / 4096 - 1 / (1 + np.exp(-x / 256))).max() < 0.005
    assert np.all(np.diff(stretch) >= 0)
