# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def clip(grads, limit):
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    factor = min(1.0, limit / norm)
    return [g * factor for g in grads]
