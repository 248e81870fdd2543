"""A kernel that asks for room: so many blocks on one multiprocessor at the same time."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import prod
from typing import Any

from nanonet_kernels.cuda.kernel import Kernel


class BoundedKernel(Kernel):
    """A kernel of which `per_sm` blocks shall run on one multiprocessor: CUDA C's `__launch_bounds__(block, per_sm)`.

    The assembler then gives each thread at most 65536 / (block · per_sm) registers, and orders the instructions for it.
    Unasked, it takes what lets a single thread run fastest, and one block too many no longer fits.
    """

    def __init__(self, function: Callable[..., None], signature: str, *, per_sm: int, **options: Any) -> None:
        super().__init__(function, signature, **options)
        self.per_sm = per_sm

    def ptx(self, capability: tuple[int, int]) -> str:
        bounds = f".maxntid {prod(self.block)}\n.minnctapersm {self.per_sm}\n"
        text, found = re.subn(r"(\.visible \.entry \w+\([^)]*\)\s*)", rf"\1{bounds}", super().ptx(capability), count=1)
        assert found
        return text
