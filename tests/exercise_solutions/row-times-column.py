# ruff: noqa: N999 (the name of the exercise)
def backward(dy, c, r):
    return (dy * r).sum(axis=1, keepdims=True), (dy * c).sum(axis=0, keepdims=True)
