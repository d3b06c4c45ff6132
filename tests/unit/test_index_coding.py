"""Matrices of indices as Huffman codes and as a range code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lib.compression import index_coding
from lib.compression.entropy_coding import DecodingError

CODINGS = {
    "Huffman": (index_coding.huffman_encode_indices, index_coding.huffman_decode_indices),
    "range": (index_coding.range_encode_indices, index_coding.range_decode_indices),
}
sparse = hnp.arrays(
    np.int32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=20),
    elements=st.sampled_from([0, 0, 0, 1, 2, 5]),
)


@pytest.mark.parametrize("coding", CODINGS)
@settings(max_examples=60)
@given(sparse, st.integers(1, 30))
def test_round_trip(coding, indices, stride):
    encode, decode = CODINGS[coding]
    content = encode(indices, 5, stride)
    np.testing.assert_array_equal(decode(content, indices.shape, 5, stride), indices)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_weight_after_a_gap_longer_than_any_code(coding):
    indices = np.zeros((3000, 2), int)
    indices[[0, 2999], [0, 1]] = 1, 3
    encode, decode = CODINGS[coding]
    np.testing.assert_array_equal(decode(encode(indices, 3), indices.shape, 3), indices)


@pytest.mark.parametrize("coding", CODINGS)
def test_no_weight_is_left(coding):
    encode, decode = CODINGS[coding]
    assert not decode(encode(np.zeros((40, 30), int), 4), (40, 30), 4).any()


def test_the_range_code_knows_rows_and_columns():
    rng = np.random.default_rng(0)
    indices = np.where(rng.random((200, 1)) * rng.random((1, 100)) > rng.random((200, 100)) * 4, 1, 0)
    assert len(index_coding.range_encode_indices(indices, 1)) < 0.95 * len(
        index_coding.huffman_encode_indices(indices, 1)
    )


def test_a_short_range_code_cannot_declare_a_large_matrix():
    content = index_coding.range_encode_indices(np.zeros((10, 10), int), 1)
    with pytest.raises(DecodingError, match="cannot hold"):
        index_coding.range_decode_indices(content, (10**6, 10), 1)


def test_gaps_that_lead_out_of_the_matrix_are_refused():
    content = index_coding.huffman_encode_indices(np.eye(20, dtype=int), 1)
    with pytest.raises(DecodingError, match="out of the layer"):
        index_coding.huffman_decode_indices(content, (10, 10), 1)
