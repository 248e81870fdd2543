"""Random masks as a rule: drawn where the arrays lie, and the same on every backend.

The generator is counter-based (Philox4x32-10): an element's number is a function of the seed and its place, so a
kernel draws the elements in any order, and none waits for the others. See nanonet_kernels.cpu.philox.
"""

from math import prod

import numpy as np

from nanonet_kernels.cpu import philox


def dropout_mask(xp, *, shape, p, seed, dtype):
    """m = 1/(1 - p) where the place's uniform number is at least p, else 0."""
    kept = philox.uniforms(prod(shape), seed, 0) >= np.float32(p)
    return xp.asarray(np.multiply(kept, keep_scale(p), dtype=dtype).reshape(shape))


def keep_scale(p):
    """What a kept element is multiplied by, so that the mean stays."""
    return 0.0 if p == 1 else 1 / (1 - p)
