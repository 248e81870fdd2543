# ruff: noqa: N999 (the name of the exercise)
def backward(dy, a, b):
    return dy @ b, a @ dy
