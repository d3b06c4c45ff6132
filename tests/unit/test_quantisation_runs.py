import numpy as np
import pytest

from lib.runs import factorization as factorized_networks
from lib.runs import quantization as quantized_networks
from lib.runs import shared_weights
from lib.training import Training

START = Training(training_images=60, epochs=1, optimizer="Adam", learning_rate=0.003)


@pytest.fixture(scope="module")
def trained():
    return START.compute()


def test_a_factorised_network_of_full_rank_is_the_trained_one(trained):
    run = factorized_networks.Factorized(START, {"dense_1": 10, "conv2d": 8}, 0, 0.001, "validation", 200)
    result = run.compute(trained)
    assert result["trained"] == result["factorised"] == result["fine-tuned"]


def test_factors_of_low_rank_are_smaller_on_disk(trained):
    small, large = (
        factorized_networks.Factorized(START, {"dense": rank}, 1, 0.001, "validation", 50).compute(trained)[
            "bytes"
        ]
        for rank in (2, 20)
    )
    assert large - small == pytest.approx(18 * (784 + 64) * 4, abs=200)


def test_times_of_a_layer_and_of_its_factors(trained):
    times = factorized_networks.LayerTimes(START, "conv2d_1", (2,), 10).compute(trained)["times"]
    assert times["multiply_adds"].tolist() == [196 * 72 * 16, 196 * 2 * (72 + 16)]
    assert (times["milliseconds"] > 0).all()


def test_larger_codebooks_come_closer(trained):
    run = shared_weights.SharedWeights(START, "linear", (2, 8), 2, 0.001, "validation", 100)
    counts = run.compute(trained)["counts"].set_index("count")
    assert counts.loc[8, "error"] < counts.loc[2, "error"] / 4
    assert 1 < counts.loc[2, "bits"] < 1.02
    assert counts.loc[8, "shared"] == counts.loc[8, "fine_tuned"]


def test_more_bits_cost_bytes_and_come_closer(trained):
    run = quantized_networks.LowBitWeights(START, (8, 2), ("symmetric",), ("per channel",), "validation", 200)
    weights = run.compute(trained)["weights"].set_index("bits")
    assert weights.loc[32, "accuracy"] == pytest.approx(weights.loc[8, "accuracy"], abs=0.02)
    assert weights["error"].is_monotonic_increasing
    assert weights.loc[8, "bytes"] < weights.loc[32, "bytes"] / 3.5


def test_two_tensors_only_for_bad_layers(trained):
    bad = [
        quantized_networks.TensorSums(START, (4,), 2, bound, "validation", 50).compute(trained)["sums"]
        for bound in (0.0, 1.0)
    ]
    assert [frame.set_index("tensors").loc["bad layers", "bad"] for frame in bad] == [4, 0]
    for frame, same in zip(bad, ("2", "1"), strict=True):
        by = frame.set_index("tensors")
        assert np.isclose(by.loc["bad layers", "error"], by.loc[same, "error"])


def test_activations_are_rounded_in_three_kinds_of_ranges(trained):
    run = quantized_networks.LowBitActivations(START, (8,), (32, 4), 20, 99.0, "validation", 100)
    frame = run.compute(trained)["activations"]
    assert frame["ranges"].unique().tolist() == ["offline, min/max", "offline, 99 %", "online"]
    assert len(frame) == 6
