# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, x, g, eps=1e-5):
    r = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    dn = dy * g
    dx = dn / r - x * (dn * x).mean(axis=1, keepdims=True) / r**3
    return dx, (dy * x / r).sum(axis=0)
