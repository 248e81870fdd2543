# ruff: noqa: N999 (the name of the exercise)
def backward(dy, cache):
    r, z, n, q, h = cache
    dn = dy * (1 - z)
    dp = dn * (1 - n**2)
    drh = dp * q * r * (1 - r)
    dzh = dy * (h - n) * z * (1 - z)
    return drh, dzh, dp, dp * r, dy * z
