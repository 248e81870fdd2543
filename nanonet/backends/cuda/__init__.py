"""The CUDA backend: CuPy's arrays, cuBLAS for large products, and the kernels of nanonet_kernels.cuda.

With `NUMBA_ENABLE_CUDASIM=1` the kernels run in Numba's simulator, on arrays that stand in for a device's memory: slow,
and exact. `backend.py` makes the backend; nothing is imported here.
"""
