def backward(dy, a, b):
    return dy @ b, a @ dy
