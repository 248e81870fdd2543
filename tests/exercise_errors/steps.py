"""Planted errors in the exercises on update steps."""

from __future__ import annotations

Planted = tuple[str, str, str, str]

OPTIMIZERS: dict[str, list[Planted]] = {
    "gradient-descent": [
        ("p - lr * g", "p + lr * g", "sign", "right at a gradient of 0"),
        ("p - lr * g", "p - g", "missing-factor", ""),
        ("p - lr * g", "lr * g", "missing-term", "a gradient of 0"),
        ("p - lr * g", "p - lr * g * p", "extra-factor", ""),
        ("p - lr * g", "p - lr * np.sign(g)", "extra-factor", ""),
        ("p - lr * g", "p", "zero", ""),
        ("    return p - lr * g", "    p -= lr * g\n    return p", "overwritten", "changes its argument p"),
    ],
    "momentum": [
        ("p - lr * b", "p + lr * b", "sign", "The new p"),
        ("mu * b + g", "mu * b + (1 - mu) * g", "extra-factor", ""),
        ("mu * b + g", "b + mu * g", "swapped-operands", ""),
        ("mu * b + g", "b + g", "missing-factor", "right at the first step"),
        ("p - lr * b, b", "p - lr * g, b", "missing-term", "right at the first step"),
        (
            "    b = mu * b + g\n    return p - lr * b, b",
            "    return p - lr * b, mu * b + g",
            "off-by-one",
            "the new b is right",
        ),
        ("mu * b + g", "mu * b - g", "sign", "The new b"),
        ("p - lr * b, b", "p - lr * (g + mu * b), b", "extra-factor", "the new b is right"),
    ],
    "adam": [
        (
            "m_hat = m / (1 - beta1**t)\n    v_hat = v / (1 - beta2**t)",
            "m_hat, v_hat = m, v",
            "missing-factor",
            "new p",
        ),
        ("np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)", "scale", "the new m and the new v are right"),
        ("p - lr", "p + lr", "sign", "The new p"),
        ("g**2", "g", "missing-factor", "The new v"),
        ("beta1 * m + (1 - beta1) * g", "beta2 * m + (1 - beta2) * g", "swapped-operands", "The new m"),
        ("(np.sqrt(v_hat) + eps)", "(v_hat + eps)", "missing-factor", ""),
        ("beta1**t", "beta1", "missing-factor", "right at the first step"),
        ("m_hat / (", "g / (", "missing-term", "right at the first step"),
        ("v / (1 - beta2**t)", "v", "missing-factor", ""),
        ("m / (1 - beta1**t)", "m", "missing-factor", ""),
        ("m / (1 - beta1**t)", "m / (1 - beta2**t)", "swapped-operands", ""),
    ],
    "gradient-clipping": [
        ("min(1.0, limit / norm)", "limit / norm", "mask", "at short gradients"),
        ("min(1.0, limit / norm)", "min(1.0, 1 / norm)", "missing-factor", "one long, one short"),
        ("np.sqrt(sum(np.sum(g**2) for g in grads))", "sum(np.sum(g**2) for g in grads)", "missing-factor", ""),
        ("g * factor for g", "np.clip(g, -limit, limit) for g", "mask", ""),
        ("[g * factor for g in grads]", "list(grads)", "zero", "right at short gradients"),
        ("g * factor for", "g * min(1.0, limit / np.sqrt(np.sum(g**2))) for", "wrong-axis", ""),
        ("np.sqrt(sum(np.sum(g**2) for g in grads))", "sum(np.sum(np.abs(g)) for g in grads)", "missing-term", ""),
    ],
}
