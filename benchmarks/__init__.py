"""Benchmarks: what nanonet costs beside NumPy and beside PyTorch. Results are checked before they are timed."""
