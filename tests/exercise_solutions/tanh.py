def backward(dy, cache):
    y = cache
    return dy * (1 - y**2)
