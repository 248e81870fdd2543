# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, x, w):
    return dy * (w + np.exp(x) + np.exp(x) * x), dy * x
