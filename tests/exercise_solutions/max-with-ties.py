# ruff: noqa: N999 (the name of the exercise)
def backward(dy, x):
    mask = x == x.max(axis=1, keepdims=True)
    return dy[:, None] * mask / mask.sum(axis=1, keepdims=True)
