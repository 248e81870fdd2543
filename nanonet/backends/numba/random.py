"""The mask of dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.numba.fitting import xp
from nanonet.ops.random import dropout_mask as rule
from nanonet_kernels.cpu.dropout import dropout


def dropout_mask(*, shape: tuple[int, ...], p: float, seed: int, dtype: Any) -> Any:
    if dtype != np.float32 or not 0 <= p < 1:
        return rule(xp, shape=shape, p=p, seed=seed, dtype=dtype)
    mask = np.ones(shape, np.float32)
    dropout(mask, mask, p, seed, 0)
    return mask


kernels = {rule: dropout_mask}
