# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, z, t):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    dz = e / e.sum(axis=1, keepdims=True)
    dz[np.arange(len(t)), t] -= 1
    return dy * dz / len(z)
