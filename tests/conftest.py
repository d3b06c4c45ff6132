"""What all tests share: matplotlib draws without a screen."""

import os

os.environ.setdefault("MPLBACKEND", "agg")
