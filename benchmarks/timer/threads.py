"""How many threads a library may use, set in the process that measures it."""

from __future__ import annotations

import sys


def environment(library: str, threads: int) -> dict[str, str]:
    """Variables for a fresh process of a library that reads its number of threads only when it starts."""
    if library == "jax":  # NPROC is the size of XLA's pool of threads
        flags = "--xla_cpu_multi_thread_eigen=" + ("true" if threads > 1 else "false")
        return {"NPROC": str(threads), "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return {}


def limit(library: str, threads: int) -> None:
    """At most so many threads in this process from now on: the BLAS, our own kernels, and the library's pool."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    if "nanonet_kernels.cpu" in sys.modules:
        from nanonet_kernels.cpu.threads import set_threads

        set_threads(threads)
    if library == "torch":
        import torch

        torch.set_num_threads(threads)
    elif library == "numexpr":
        import numexpr  # pyright: ignore[reportMissingImports]

        numexpr.set_num_threads(threads)
