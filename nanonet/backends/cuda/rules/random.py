"""The mask of dropout, drawn on the device."""

from __future__ import annotations

from typing import Any

from nanonet.backends.cuda.arrays import empty
from nanonet.ops.random import dropout_mask as rule
from nanonet_kernels.cuda import dropout


def dropout_mask(*, shape: tuple[int, ...], p: float, seed: int, dtype: Any) -> Any:
    mask = empty(shape, dtype if dtype.char in "fd" else "f")
    dropout.mask(mask, p, seed, 0)
    return mask if mask.dtype == dtype else mask.astype(dtype)


kernels = {rule: dropout_mask}
