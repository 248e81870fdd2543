# ruff: noqa: N999 (the name of the exercise)
def backward(dy, cache):
    n, s, g = cache
    dn = dy * g
    mean = dn.mean(axis=0)
    dx = (dn - mean - n * (dn * n).mean(axis=0)) / s
    return dx, (dy * n).sum(axis=0), dy.sum(axis=0)
