# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def backward(dy, x, w):
    u = w * x
    v = u**2
    dv = dy * np.cos(v)
    du = dv * 2 * u
    return du * w, du * x
