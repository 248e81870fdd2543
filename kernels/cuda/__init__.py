"""CUDA kernels: written in Python for Numba CUDA, or in CUDA C. Nothing is imported here and nothing compiled."""
