def step(p, g, lr):
    return p - lr * g
