"""The process in which one submission runs: `python -I sandbox`. It imports NumPy and nothing of nanonet."""
