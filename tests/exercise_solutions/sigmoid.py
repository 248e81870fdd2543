import numpy as np


def backward(dy, x):
    y = 1 / (1 + np.exp(-x))
    return dy * y * (1 - y)
