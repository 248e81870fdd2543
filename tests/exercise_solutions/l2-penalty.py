# ruff: noqa: N999 (the name of the exercise)
def backward(dy, x, w, t, lam):
    error = x @ w - t
    return dy * (2 * x.T @ error / len(x) + lam * w)
