"""What all tests share: TensorFlow's C++ log stays out of pytest's output."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
