def step(p, g, b, lr, mu):
    b = mu * b + g
    return p - lr * b, b
