# ruff: noqa: N999 (the name of the exercise)
def backward(dy, x, b):
    return dy, dy.sum(axis=0)
