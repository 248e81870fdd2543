"""Float32 matrix products on the GPU, rung by rung, in Numba CUDA and in CUDA C."""
