# ruff: noqa: N999 (the name of the exercise)
def backward(dy, p, t):
    return dy * 2 * (p - t) / p.size
