"""These tests run in a process of their own, in which Numba simulates CUDA: tests/test_simulator.py starts it."""

import os

collect_ignore_glob = [] if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1" else ["test_*.py"]
