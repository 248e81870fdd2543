# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, x):
    return np.broadcast_to(dy / len(x), x.shape)
