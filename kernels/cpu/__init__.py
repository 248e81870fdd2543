"""CPU kernels: NumPy ufuncs into given buffers (updates), and Numba loops that read and write each element once.

The loops are for contiguous float32 arrays and run in one thread; `launch` divides large arrays among the threads of
the pool in `threads`. Numba's own thread pool is not used: beside that of the BLAS it costs more than it gives.
"""
