def backward(dy, x, w, b):
    return dy @ w, dy.T @ x, dy.sum(axis=0)
