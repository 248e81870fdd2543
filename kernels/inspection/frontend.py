"""Numba's analysis of a kernel, done once for all architectures.

Numba spends nine tenths of its time on types and on LLVM's intermediate code, which are the same for every architecture
from 6.0 on; only NVVM's last step is told for which GPU it works. `compile_ptx` does all of it again for each. Within
`shared_analysis()` it does not. A test holds the PTX made so to the PTX made one architecture at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nanonet_kernels.inspection.tools import numba_compiler

_STEP = "_compile_pyfunc_with_fixup"  # numba-cuda's function from a Python function to a library of LLVM code


@contextmanager
def shared_analysis() -> Iterator[None]:
    """Within the block a function is analysed once; its PTX for one more architecture takes NVVM's time only.

    It replaces an internal step of numba-cuda; a version that has no such step compiles as it always does.
    """
    compiler: Any = numba_compiler()
    step = getattr(compiler, _STEP, None)
    if step is None:
        yield
        return
    known: dict[Any, Any] = {}

    def once(function: Any, signature: Any, *, cc: Any = None, **options: Any) -> Any:
        key = (function, str(signature), repr(sorted(options.items())))
        if key not in known:
            known[key] = step(function, signature, cc=cc, **options)
        return known[key]

    setattr(compiler, _STEP, once)
    try:
        yield
    finally:
        setattr(compiler, _STEP, step)
