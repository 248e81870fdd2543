"""Planted errors in the exercises that have a forward and a backward to write."""

from __future__ import annotations

Planted = tuple[str, str, str, str]

BOTH: dict[str, list[Planted]] = {
    "swish": [
        ("return x * sigmoid(x)", "return sigmoid(x)", "missing-factor", "y is wrong"),
        ("return x * sigmoid(x)", "return x * sigmoid(-x)", "sign", "y is wrong"),
        ("return x * sigmoid(x)", "return x + sigmoid(x)", "missing-term", "y is wrong"),
        ("(s + x * s * (1 - s))", "s", "missing-term", "dx"),
        ("(s + x * s * (1 - s))", "x * s * (1 - s)", "missing-term", "dx"),
        ("s + x * s * (1 - s)", "s + s * (1 - s)", "missing-factor", "dx"),
        ("s + x * s * (1 - s)", "s - x * s * (1 - s)", "sign", "dx"),
        ("s + x * s * (1 - s)", "s + x * s", "missing-factor", "dx"),
        ("dy * (s", "(s", "ignored-upstream", "dx"),
    ],
    "huber-loss": [
        ("np.mean(", "np.sum(", "scale", "L is wrong"),
        ("np.mean(np.where(e <= delta, e**2 / 2, delta * (e - delta / 2)))", "np.mean(e**2 / 2)", "mask", "L is wrong"),
        ("(e - delta / 2)", "e", "missing-term", "right at small errors"),
        ("np.clip(p - t, -delta, delta)", "(p - t)", "mask", "right at small errors"),
        ("np.clip(p - t, -delta, delta)", "delta * np.sign(p - t)", "mask", "dp"),
        (" / p.size", "", "sum-for-mean", "dp"),
        ("np.clip(p - t, -delta, delta)", "np.clip(p - t, -1, 1)", "scale", "a small delta"),
        (
            "np.clip(p - t, -delta, delta)",
            "np.where(np.abs(p - t) <= delta, p - t, np.sign(p - t))",
            "missing-factor",
            "right at ordinary inputs",
        ),
        (
            "np.clip(p - t, -delta, delta)",
            "np.where(np.abs(p - t) <= delta, p - t, delta)",
            "missing-factor",
            "right at small errors",
        ),
        (
            "np.clip(p - t, -delta, delta)",
            "np.where(np.abs(p - t) <= delta, p - t, 0)",
            "zero",
            "right at small errors",
        ),
        ("dy * np.clip", "-dy * np.clip", "sign", "dp"),
    ],
}
