"""Planted errors in the exercises on scalars, activations, shapes and products."""

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
        ("dy * (x > 0)", "dy * (dy > 0)", "mask", ""),
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

SHAPES: dict[str, list[Planted]] = {
    "bias-add": [
        ("dy, dy.sum(axis=0)", "dy, dy", "broadcast-not-undone", "db has the shape"),
        ("dy.sum(axis=0)", "dy.mean(axis=0)", "mean-for-sum", "db"),
        ("dy.sum(axis=0)", "dy.sum(axis=1)", "wrong-axis", "db has the shape"),
        ("dy.sum(axis=0)", "dy[0]", "overwritten", "right at a batch of one"),
        ("dy, dy.sum(axis=0)", "-dy, dy.sum(axis=0)", "sign", "dx"),
        ("dy, dy.sum(axis=0)", "dy + b, dy.sum(axis=0)", "ignored-upstream", "dx"),
        ("dy.sum(axis=0)", "dy.sum(axis=0) * 0 + len(x)", "ignored-upstream", "db"),
    ],
    "row-times-column": [
        ("(dy * r)", "dy", "missing-factor", "dc"),
        ("(dy * r).sum(axis=1, keepdims=True)", "dy * r", "broadcast-not-undone", "dc has the shape"),
        ("(dy * c).sum(axis=0, keepdims=True)", "(dy * c).mean(axis=0, keepdims=True)", "mean-for-sum", "dr"),
        ("(dy * r).sum(axis=1, keepdims=True)", "(dy * r).sum(axis=1)", "unknown", "dc has the shape"),
        ("(dy * r).sum(axis=1, keepdims=True)", "dy.sum(axis=1, keepdims=True) * r.sum()", "wrong-axis", "dc"),
        ("(dy * c).sum(axis=0", "(dy * c).sum(axis=1", "wrong-axis", "dr has the shape"),
        ("(dy * c)", "(-dy * c)", "sign", "dr"),
    ],
    "sum-over-axis": [
        ("dy[:, None]", "dy[:, None] / x.shape[1]", "mean-for-sum", "every entry"),
        ("dy[:, None]", "dy[:, None] * x", "extra-factor", ""),
        ("dy[:, None]", "-dy[:, None]", "sign", ""),
        ("np.broadcast_to(dy[:, None], x.shape)", "dy", "unknown", "dx has the shape"),
        ("np.broadcast_to(dy[:, None], x.shape)", "np.ones_like(x)", "ignored-upstream", ""),
        ("dy[:, None]", "dy.sum()", "ignored-upstream", ""),
    ],
    "mean-over-axis": [
        ("dy / len(x)", "dy", "sum-for-mean", "right at a batch of one"),
        ("dy / len(x)", "dy / x.shape[1]", "wrong-axis", "as many rows"),
        ("dy / len(x)", "dy / x.size", "scale", ""),
        ("dy / len(x)", "-dy / len(x)", "sign", ""),
        ("np.broadcast_to(dy / len(x), x.shape)", "dy / len(x)", "unknown", "dx has the shape"),
        ("dy / len(x)", "dy.mean() / len(x)", "ignored-upstream", ""),
    ],
    "max-with-ties": [
        (" / mask.sum(axis=1, keepdims=True)", "", "mask", "rows with ties"),
        (
            "dy[:, None] * mask / mask.sum(axis=1, keepdims=True)",
            "dy[:, None] * (x == x.max(axis=0))",
            "wrong-axis",
            "",
        ),
        ("dy[:, None] * mask / mask.sum(axis=1, keepdims=True)", "dy[:, None] * (x == x.max())", "mask", ""),
        ("x == x.max(axis=1, keepdims=True)", "x == x.min(axis=1, keepdims=True)", "mask", ""),
        ("dy[:, None] * mask / mask.sum(axis=1, keepdims=True)", "dy[:, None] * (x == x)", "mask", ""),
        ("dy[:, None]", "-dy[:, None]", "sign", ""),
        ("dy[:, None] * mask", "mask", "ignored-upstream", ""),
    ],
    "outer-product": [
        ("dy @ b, a @ dy", "a @ dy, dy @ b", "swapped-operands", ""),
        ("dy @ b", "dy.sum(axis=1)", "missing-factor", "da"),
        ("a @ dy", "-(a @ dy)", "sign", "db"),
        ("a @ dy", "a @ dy / len(a)", "mean-for-sum", "db"),
        ("dy @ b, a @ dy", "dy * b, a @ dy", "broadcast-not-undone", "da has the shape"),
        ("dy @ b, a @ dy", "dy @ b, a @ np.ones_like(dy)", "ignored-upstream", "db"),
    ],
    "linear": [
        ("dy.sum(axis=0)", "dy.mean(axis=0)", "mean-for-sum", "db"),
        ("dy.sum(axis=0)", "dy", "missing-sum", "db has the shape"),
        ("dy.T @ x", "x.T @ dy", "transpose", "dw has the shape"),
        ("dy @ w,", "-dy @ w,", "sign", "dx"),
        ("dy.T @ x", "dy.T @ x / len(x)", "mean-for-sum", "dw"),
        ("dy.sum(axis=0)", "dy.sum(axis=1)", "wrong-axis", "db has the shape"),
        ("dy @ w,", "np.ones_like(dy) @ w,", "ignored-upstream", "dx"),
    ],
}
