"""The Numba backend: NumPy's arrays, with fused kernels from nanonet_kernels.cpu for contiguous float32.

Each kernel takes the place of one rule, forward or backward; for other dtypes and layouts it runs the rule itself.
Kernels are compiled at their first call and kept on disk. Where a kernel saves less than the rule does, what is missing
is computed if a rule asks for it (`Later`): forward and backward may run on different backends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.backends.base import Backend
from nanonet.backends.numba import (
    activation,
    conv,
    loss,
    norm,
    piecewise,
    pool,
    random,
    recurrent,
    reduce,
    softmax,
    update,
)
from nanonet.backends.numba.fitting import xp
from nanonet.backends.numpy import backend as textbook

_families = (piecewise, activation, softmax, loss, norm, conv, pool, recurrent)

kernels: dict[Any, Any] = {rule: kernel for family in _families for rule, kernel in family.kernels.items()}
forward_only: dict[Any, Any] = {**reduce.kernels, **update.kernels, **random.kernels}
backend = Backend("numba", xp, np.ndarray, {**textbook.kernels, **forward_only, **kernels})
