"""Planted errors in the exercises on normalisation, convolution and pooling."""

from __future__ import annotations

Planted = tuple[str, str, str, str]

NORMALISATION: dict[str, list[Planted]] = {
    "layer-norm": [
        ("(dn - mean - n * (dn * n).mean(axis=1, keepdims=True))", "dn", "missing-term", "dx"),
        (" - n * (dn * n).mean(axis=1, keepdims=True)", "", "missing-term", "dx"),
        ("dn - mean - n", "dn - n", "missing-term", "dx"),
        ("dn = dy * g", "dn = dy", "missing-factor", "dx"),
        (") / s", ")", "missing-factor", "dx"),
        ("(dy * n).sum(axis=0)", "dy * n", "missing-sum", "dg has the shape"),
        (" - n * (dn * n)", " + n * (dn * n)", "sign", "dx"),
        ("dy.sum(axis=0)", "dy.mean(axis=0)", "mean-for-sum", "db"),
        ("(dy * n).sum(axis=0), dy.sum(axis=0)", "dy.sum(axis=0), (dy * n).sum(axis=0)", "swapped-operands", ""),
        (
            "dn.mean(axis=1, keepdims=True)\n    dx = (dn - mean - n * (dn * n).mean(axis=1, keepdims=True))",
            "dn.mean(axis=0)\n    dx = (dn - mean - n * (dn * n).mean(axis=0))",
            "wrong-axis",
            "dx",
        ),
    ],
    "batch-norm": [
        ("(dn - mean - n * (dn * n).mean(axis=0))", "dn", "missing-term", "dx"),
        (" - n * (dn * n).mean(axis=0)", "", "missing-term", "dx"),
        ("dn - mean - n", "dn - n", "missing-term", "dx"),
        ("dn = dy * g", "dn = dy", "missing-factor", "dx"),
        (") / s", ")", "missing-factor", "dx"),
        (
            "dn.mean(axis=0)\n    dx = (dn - mean - n * (dn * n).mean(axis=0))",
            "dn.sum(axis=0)\n    dx = (dn - mean - n * (dn * n).sum(axis=0))",
            "sum-for-mean",
            "dx",
        ),
        ("dy.sum(axis=0)", "dy", "missing-sum", "db has the shape"),
        ("(dy * n).sum(axis=0)", "(dy * n).mean(axis=0)", "mean-for-sum", "dg"),
        (
            "dn.mean(axis=0)\n    dx = (dn - mean - n * (dn * n).mean(axis=0))",
            "dn.mean(axis=1, keepdims=True)\n    dx = (dn - mean - n * (dn * n).mean(axis=1, keepdims=True))",
            "wrong-axis",
            "dx",
        ),
    ],
    "rms-norm": [
        (" - x * (dn * x).mean(axis=1, keepdims=True) / r**3", "", "missing-term", "dx"),
        ("dn = dy * g", "dn = dy", "missing-factor", "dx"),
        ("dn / r - x", "dn / r + x", "sign", "dx"),
        ("(dn * x).mean(axis=1, keepdims=True)", "(dn * x).sum(axis=1, keepdims=True)", "sum-for-mean", "dx"),
        ("(dy * x / r)", "(dy * x)", "input-for-output", "dg"),
        ("(dy * x / r).sum(axis=0)", "dy * x / r", "broadcast-not-undone", "dg has the shape"),
        ("r**3", "r**2", "missing-factor", "dx"),
        ("(dy * x / r).sum(axis=0)", "(dy * x / r).mean(axis=0)", "mean-for-sum", "dg"),
    ],
}

CONVOLUTION: dict[str, list[Planted]] = {
    "convolution-1d": [
        ("dy[t] * w", "dy[t] * w[::-1]", "flipped", "dx"),
        ("dx[t : t + K] +=", "dx[t : t + K] =", "overwritten", "dx"),
        ("return dx, dw", "return dx, dw[::-1]", "flipped", "dw"),
        ("dy[t] * w", "dy[t]", "missing-factor", "dx"),
        ("return dx, dw", "return dx, dw / len(dy)", "mean-for-sum", "right at a single window"),
        ("dy[t] * x", "-dy[t] * x", "sign", "dw"),
        ("dw +=", "dw =", "overwritten", "dw"),
        ("dy[t] * x[t : t + K]", "dy[t] * np.roll(x, -1)[t : t + K]", "off-by-one", "dw"),
    ],
    "convolution-2d": [
        ("dy[i, j] * w", "dy[i, j] * w[::-1, ::-1]", "flipped", "dx"),
        ("dx[i : i + K, j : j + L] +=", "dx[i : i + K, j : j + L] =", "overwritten", "dx"),
        ("dw +=", "dw =", "overwritten", "dw"),
        ("dy.sum()", "dy.mean()", "mean-for-sum", "db"),
        ("dy.sum()", "dy", "missing-sum", "db has the shape"),
        ("dy[i, j] * x", "-dy[i, j] * x", "sign", "dw"),
        ("dx, dw, dy.sum()", "dx, dw / dy.size, dy.sum()", "mean-for-sum", "dw"),
        ("dy[i, j] * w", "w", "ignored-upstream", "dx"),
    ],
    "max-pool-2d": [
        ("dy[:, None, :, None] * share", "dy[:, None, :, None] * (mask | True)", "mask", ""),
        ("blocks.max(axis=(1, 3), keepdims=True)", "blocks.min(axis=(1, 3), keepdims=True)", "mask", ""),
        (" / mask.sum(axis=(1, 3), keepdims=True)", "", "mask", "blocks with ties"),
        ("dy[:, None, :, None] * share", "dy[:, None, :, None] * 0.25 * (mask | True)", "mask", ""),
        ("dy[:, None, :, None] * share", "share", "ignored-upstream", ""),
        ("dy[:, None, :, None] * share", "dy[:, None, :, None] * share * blocks", "extra-factor", ""),
        ("dy[:, None, :, None] * share", "-dy[:, None, :, None] * share", "sign", ""),
        ("dy[:, None, :, None] * share", "dy[:, None, :, None] * (blocks > 0)", "mask", ""),
        (".reshape(H, W)", "", "unknown", "dx has the shape"),
    ],
    "average-pool-2d": [
        ("dy / 6", "dy", "sum-for-mean", ""),
        ("dy / 6", "dy / 4", "scale", ""),
        ("dy / 6", "dy / dy.size", "scale", ""),
        ("dy / 6", "-dy / 6", "sign", ""),
        ("np.repeat(np.repeat(dy / 6, 2, axis=0), 3, axis=1)", "np.tile(dy / 6, (2, 3))", "wrong-axis", "single block"),
        ("np.repeat(np.repeat(dy / 6, 2, axis=0), 3, axis=1)", "dy / 6", "unknown", "dx has the shape"),
        ("dy / 6", "np.ones_like(dy) / 6", "ignored-upstream", ""),
    ],
}
