# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, x, w1, b1, w2, b2):
    Z1 = x @ w1 + b1
    A1 = np.maximum(Z1, 0)
    dA1 = dy @ w2.T
    dZ1 = dA1 * (Z1 > 0)
    return dZ1 @ w1.T, x.T @ dZ1, dZ1.sum(axis=0), A1.T @ dy, dy.sum(axis=0)
