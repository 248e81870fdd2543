# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, x):
    return np.repeat(np.repeat(dy / 6, 2, axis=0), 3, axis=1)
