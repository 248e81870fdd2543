def backward(dy, cache):
    mask, p = cache
    return dy * mask / (1 - p)
