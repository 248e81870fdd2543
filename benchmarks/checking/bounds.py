"""Error bounds of float32 arithmetic: what a right kernel cannot exceed, in whatever order it adds."""

from __future__ import annotations

UNIT = 2.0**-24  # u of float32: half the distance from 1 to the next number


def gamma(k: int, unit: float = UNIT) -> float:
    """γ_k = k u / (1 - k u): k roundings in any order change a result by at most this share (Higham 2002, lemma 3.1).

    A sum of k products is within γ_k Σ |a||b| of the exact one, fused multiply-adds or not. Raises ValueError where
    k u ≥ 1, since nothing can be promised there.
    """
    if k * unit >= 1:
        raise ValueError(f"gamma: expected k < {1 / unit:.0f}, got {k}; add in a wider type")
    return k * unit / (1 - k * unit)
