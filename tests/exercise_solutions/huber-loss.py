# ruff: noqa: N999 (the name of the exercise)
import numpy as np


def forward(p, t, delta):
    e = np.abs(p - t)
    return np.mean(np.where(e <= delta, e**2 / 2, delta * (e - delta / 2)))


def backward(dy, p, t, delta):
    return dy * np.clip(p - t, -delta, delta) / p.size
