import numpy as np
import pandas as pd

from lib.runs import inference


def test_every_network_is_timed_in_every_round():
    network = ("simple.small_cnn", {"input_shape": (8, 8, 1), "classes": 2, "filters": (2,)})
    times = inference.InferenceTimes((network, network), repetitions=3).compute()["times"]
    assert times[["candidate", "repetition"]].to_numpy().tolist() == [
        [candidate, repetition] for repetition in range(3) for candidate in range(2)
    ]


def test_results_depend_on_the_families_of_the_networks():
    candidates = (("mobilenet.small", {}), ("simple.small_cnn", {}), ("mobilenet.small", {}))
    assert inference.InferenceTimes(candidates).modules == ("lib.networks.mobilenet", "lib.networks.simple")


def test_ratios_are_taken_within_a_round_so_that_a_slow_round_does_not_count():
    rounds = {"candidate": [0, 1] * 3, "repetition": np.repeat([0, 1, 2], 2), "seconds": [1, 2, 10, 20, 1, 2]}
    assert inference.ratios(pd.DataFrame(rounds), reference=0).tolist() == [1, 2]
