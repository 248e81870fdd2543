"""Planted errors: what stands in the right answer, what a learner wrote instead, and what the feedback must say.

For each exercise (old, new, kind, where): the kind that the feedback must name, and words of its first hint.
"""

from __future__ import annotations

Planted = tuple[str, str, str, str]

BASICS: dict[str, list[Planted]] = {
    "scalar-chain": [
        ("du * w, du * x", "-du * w, du * x", "sign", "dx"),
        ("dv * 2 * u", "dv * u", "scale", "dx is wrong too"),
        ("du * w, du * x", "du, du * x", "missing-factor", "dx"),
        ("dy * np.cos(v)", "np.cos(v)", "ignored-upstream", ""),
        ("np.cos(v)", "np.cos(u)", "input-for-output", ""),
        ("du * w, du * x", "du * x, du * w", "swapped-operands", ""),
    ],
    "shared-variable": [
        ("w + np.exp(x) + np.exp(x) * x", "w", "missing-term", "dx"),
        ("w + np.exp(x) + np.exp(x) * x", "w + np.exp(x)", "missing-term", "dx"),
        ("w + np.exp(x) + np.exp(x) * x", "np.exp(x) + np.exp(x) * x", "missing-term", "dx"),
        ("w + np.exp(x) + np.exp(x) * x", "w - np.exp(x) + np.exp(x) * x", "sign", "dx"),
        ("dy * x", "dy * w", "swapped-operands", "dw"),
        ("dy * x", "x", "ignored-upstream", "dw"),
    ],
    "sigmoid": [
        ("dy * y * (1 - y)", "dy * (1 - y)", "missing-factor", "every"),
        ("dy * y * (1 - y)", "dy * x * (1 - x)", "input-for-output", ""),
        ("dy * y * (1 - y)", "-dy * y * (1 - y)", "sign", ""),
        ("dy * y * (1 - y)", "y * (1 - y)", "ignored-upstream", ""),
        ("dy * y * (1 - y)", "dy * y", "missing-factor", ""),
        ("dy * y * (1 - y)", "dy * y * (1 + y)", "sign", ""),
    ],
    "tanh": [
        ("1 - y**2", "1 - np.tanh(y)**2", "input-for-output", ""),
        ("1 - y**2", "1 - y", "missing-factor", ""),
        ("1 - y**2", "y**2 - 1", "sign", ""),
        ("1 - y**2", "1 + y**2", "sign", ""),
        ("dy * (1 - y**2)", "1 - y**2", "ignored-upstream", ""),
        ("dy * (1 - y**2)", "dy * y * (1 - y)", "unknown", ""),
    ],
    "relu": [
        ("x > 0", "x < 0", "mask", ""),
        ("dy * (x > 0)", "dy", "mask", "negative"),
        ("dy * (x > 0)", "x > 0", "ignored-upstream", ""),
        ("dy * (x > 0)", "dy * np.maximum(x, 0)", "extra-factor", "positive"),
        ("dy * (x > 0)", "-dy * (x > 0)", "sign", ""),
        ("x > 0", "x > 0.5", "mask", ""),
    ],
    "matmul": [
        ("dy @ w.T", "(dy @ w.T).T", "transpose", "dx has the shape"),
        ("x.T @ dy", "(x.T @ dy).T", "transpose", "dw has the shape"),
        ("x.T @ dy", "x.T @ dy / len(x)", "mean-for-sum", "dw"),
        ("dy @ w.T, x.T @ dy", "-dy @ w.T, x.T @ dy", "sign", "dx"),
        ("dy @ w.T", "dy @ w.T * 2", "scale", "dx"),
        ("dy @ w.T, x.T @ dy", "dy @ w.T, x.T @ np.ones_like(dy)", "ignored-upstream", "dw"),
    ],
}
