import numpy as np


def backward(dy, cache):
    q, k, v, a = cache
    dv = a.T @ dy
    da = dy @ v.T
    ds = a * (da - (da * a).sum(axis=1, keepdims=True))
    ds = ds / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, dv
