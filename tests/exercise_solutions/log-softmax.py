# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return dy - p * dy.sum(axis=-1, keepdims=True)
