# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, mean, logvar):
    return dy * mean, dy * 0.5 * (np.exp(logvar) - 1)
