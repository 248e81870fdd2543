def backward(dy, p, t):
    return dy * 2 * (p - t) / p.size
