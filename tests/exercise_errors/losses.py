"""Planted errors in the exercises on losses and the autoencoder's terms."""

from __future__ import annotations

Planted = tuple[str, str, str, str]

LOSSES: dict[str, list[Planted]] = {
    "mean-squared-error": [
        ("dy * 2 * (p - t)", "dy * (p - t)", "scale", ""),
        ("(p - t)", "(t - p)", "sign", ""),
        (" / p.size", "", "sum-for-mean", ""),
        (" / p.size", " / len(p)", "sum-for-mean", "right at one column"),
        ("dy * 2 * (p - t)", "2 * (p - t)", "ignored-upstream", ""),
        ("(p - t)", "p", "missing-term", ""),
        ("(p - t)", "(p - t) ** 2", "extra-factor", ""),
    ],
    "softmax": [
        ("y * (dy - (dy * y).sum(axis=-1, keepdims=True))", "dy * y * (1 - y)", "missing-coupling", ""),
        ("y * (dy - (dy * y).sum(axis=-1, keepdims=True))", "dy * y", "missing-term", ""),
        ("sum(axis=-1, keepdims=True))", "sum(axis=0))", "wrong-axis", ""),
        ("dy - (dy", "dy + (dy", "sign", ""),
        ("(dy * y).sum(axis=-1, keepdims=True))", "(dy * y).mean(axis=-1, keepdims=True))", "mean-for-sum", ""),
        ("y * (dy - ", "(dy - ", "missing-factor", ""),
        ("y * (dy - (dy * y)", "x * (dy - (dy * x)", "input-for-output", ""),
    ],
    "log-softmax": [
        ("dy - p * dy.sum(axis=-1, keepdims=True)", "dy", "missing-term", ""),
        ("dy.sum(axis=-1, keepdims=True)", "dy", "missing-coupling", ""),
        ("dy.sum(axis=-1, keepdims=True)", "dy.mean(axis=-1, keepdims=True)", "mean-for-sum", ""),
        ("dy.sum(axis=-1, keepdims=True)", "dy.sum(axis=0)", "wrong-axis", ""),
        ("dy - p", "dy + p", "sign", ""),
        ("dy - p *", "dy - np.log(p) *", "input-for-output", ""),
        ("dy - p * dy", "dy - dy", "missing-factor", ""),
        ("dy - p * dy.sum(axis=-1, keepdims=True)", "dy - p", "ignored-upstream", ""),
    ],
    "softmax-cross-entropy": [
        (" / len(z)", "", "sum-for-mean", "right at a batch of one"),
        (" / len(z)", " / z.shape[1]", "wrong-axis", "right at"),
        ("dz[np.arange(len(t)), t] -= 1", "", "missing-term", ""),
        ("dy * dz", "-dy * dz", "sign", ""),
        ("dy * dz", "dz", "ignored-upstream", ""),
        (
            "np.exp(z - z.max(axis=1, keepdims=True))\n    dz = e / e.sum(axis=1, keepdims=True)",
            "np.exp(z - z.max(axis=0))\n    dz = e / e.sum(axis=0)",
            "wrong-axis",
            "",
        ),
        ("dz = e / e.sum(axis=1, keepdims=True)", "dz = z.copy()", "input-for-output", ""),
        ("return dy * dz", "dz[np.arange(z.shape[1]) != t[:, None]] = 0\n    return dy * dz", "missing-coupling", ""),
    ],
    "binary-cross-entropy": [
        ("(p - t)", "(t - p)", "sign", ""),
        (" / len(z)", "", "sum-for-mean", "right at a batch of one"),
        ("(p - t)", "(p - t) * p * (1 - p)", "extra-factor", ""),
        ("(p - t)", "p", "missing-term", ""),
        ("(p - t)", "(z - t)", "input-for-output", ""),
        ("(p - t)", "(p + t)", "sign", ""),
        ("dy * (p - t)", "(p - t)", "ignored-upstream", ""),
        ("(p - t)", "t * (p - 1)", "missing-term", ""),
    ],
    "l2-penalty": [
        (" + lam * w", "", "missing-term", "right at no penalty"),
        ("lam * w", "2 * lam * w", "scale", "right at no penalty"),
        ("lam * w", "0.5 * lam * w", "scale", "right at no penalty"),
        ("+ lam", "- lam", "sign", "right at no penalty"),
        ("2 * x.T", "x.T", "scale", ""),
        (" / len(x)", "", "sum-for-mean", "right at a batch of one"),
        ("lam * w", "lam", "missing-factor", "right at no penalty"),
        ("lam * w", "lam * w / len(x)", "mean-for-sum", "right at"),
        ("dy * (2 * x.T @ error / len(x) + lam * w)", "-dy * (2 * x.T @ error / len(x) + lam * w)", "sign", ""),
    ],
}

GENERATIVE: dict[str, list[Planted]] = {
    "reparametrisation": [
        ("dy * 0.5 * np.exp", "dy * np.exp", "missing-factor", "dlogvar"),
        ("np.exp(0.5 * logvar) * eps", "np.exp(0.5 * logvar)", "missing-factor", "dlogvar"),
        ("np.exp(0.5 * logvar)", "np.exp(logvar)", "scale", "dlogvar"),
        ("np.exp(0.5 * logvar) * eps", "eps", "missing-factor", "dlogvar"),
        ("return dy, dy", "return -dy, dy", "sign", "dmean"),
        ("return dy, dy", "return dy * eps, dy", "extra-factor", "dmean"),
        ("return dy, dy * 0.5", "return dy, 0.5", "ignored-upstream", "dlogvar"),
    ],
    "kl-divergence": [
        ("dy * mean", "dy * 2 * mean", "scale", "dmean"),
        ("dy * mean", "-dy * mean", "sign", "dmean"),
        ("np.exp(logvar) - 1", "np.exp(logvar)", "missing-term", "dlogvar"),
        ("np.exp(logvar) - 1", "np.exp(logvar) + 1", "sign", "dlogvar"),
        ("(np.exp(logvar) - 1)", "(-1 + 0 * logvar)", "missing-term", "dlogvar"),
        ("dy * 0.5", "dy", "scale", "dlogvar"),
        ("dy * mean", "mean", "ignored-upstream", "dmean"),
        ("dy * mean", "dy * mean / len(mean)", "mean-for-sum", "dmean"),
        ("np.exp(logvar) - 1", "np.exp(0.5 * logvar) - 1", "scale", "dlogvar"),
    ],
}
