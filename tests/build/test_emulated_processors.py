"""The processors that environments.py emulates are in effect: the libraries themselves say so."""

import os
import platform
import subprocess
import sys
from functools import cache

import environments
import pytest

ASK = """
import numpy, tensorflow, threadpoolctl
tensorflow.nn.conv2d(tensorflow.ones((1, 8, 8, 3)), tensorflow.ones((3, 3, 3, 4)), 1, "SAME")
for library in threadpoolctl.threadpool_info():
    print(library["internal_api"], library.get("architecture"), library["num_threads"], "threads")
print("numpy", *(name for name, has in numpy._core._multiarray_umath.__cpu_features__.items() if has))
"""
NEEDED = {"oneDNN for SSE4.1": "X86_V3", "numpy without AVX": "X86_V3", "without AVX-512": "X86_V4"}
# What is said either only there or only here, without any change
EFFECTS = {
    "oneDNN for SSE4.1": ["isa:Intel SSE4.1"],
    "without oneDNN": ["exec,cpu,convolution"],
    "numpy without AVX": ["X86_V3", "openblas Nehalem"],
    "without AVX-512": ["isa:Intel AVX2\n", "X86_V4", "openblas Haswell"],
    "3 threads": ["openmp None 3 threads", "nthr:3"],
}


@cache
def said(processor):
    """Return what the libraries say of the processor that they compute on."""
    changes = environments.PROCESSORS.get(processor, {}) | {"ONEDNN_VERBOSE": "2"}
    called = subprocess.run(
        [sys.executable, "-c", ASK],
        env=environments.with_changes(changes),
        capture_output=True,
        text=True,
        check=True,
    )
    return called.stdout


@pytest.mark.parametrize("processor", environments.PROCESSORS)
def test_an_emulated_processor_is_in_effect(processor):
    if platform.machine() not in ("x86_64", "AMD64") or NEEDED.get(processor, "X86_V2") not in said(
        "this one"
    ):
        pytest.skip("an older processor is emulated only on one that can do more")
    if processor == "3 threads" and os.cpu_count() == 3:
        pytest.skip("this machine has three processors")
    for effect in EFFECTS[processor]:
        assert (effect in said(processor)) != (effect in said("this one"))
