# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, z, t):
    p = 1 / (1 + np.exp(-z))
    return dy * (p - t) / len(z)
