# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, x, h, w, u, b):
    h_new = np.tanh(x @ w + h @ u + b)
    dz = dy * (1 - h_new**2)
    return dz @ w.T, dz @ u.T, x.T @ dz, h.T @ dz, dz.sum(axis=0)
