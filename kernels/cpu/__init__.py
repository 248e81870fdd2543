"""CPU kernels: NumPy ufuncs into given buffers (updates), and Numba loops that read and write each element once.

The Numba loops are for contiguous float32 arrays and run on one thread: a second thread pool beside that of the BLAS
costs more than it gives on small machines.
"""
