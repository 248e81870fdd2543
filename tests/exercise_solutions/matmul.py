def backward(dy, x, w):
    return dy @ w.T, x.T @ dy
