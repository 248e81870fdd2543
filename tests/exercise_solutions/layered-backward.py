# ruff: noqa: E741, N999 (the documents call a layer l)


def g_slope(Z):
    return (Z > 0).astype(float)


def backward(Y, W, Z, A):
    L, m = len(W), Y.shape[1]
    dW, db = [None] * L, [None] * L
    dZ = 2 * (A[L] - Y) / m
    for l in range(L, 0, -1):
        dW[l - 1] = dZ @ A[l - 1].T
        db[l - 1] = dZ.sum(axis=1, keepdims=True)
        if l > 1:
            dZ = (W[l - 1].T @ dZ) * g_slope(Z[l - 1])
    return dW, db
