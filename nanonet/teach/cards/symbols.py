"""How matrices are written in a formula: I₄, 1₃ᵀ, a letter."""

from __future__ import annotations

import numpy as np

from nanonet.teach.cards import patterns as seen


def same_one(J: np.ndarray) -> bool:
    """Nothing but ones."""
    return bool(np.all(J == 1))


def copies_symbol(J: np.ndarray) -> str:
    """1 ⊗ I or I ⊗ 1, where a selection is nothing but copying: broadcasting."""
    rows, columns = J.shape
    if rows % columns or rows == columns:
        return ""
    n, eye = rows // columns, np.eye(columns)
    if np.array_equal(J, np.kron(np.ones((n, 1)), eye)):
        return f"{ones(n)} ⊗ {identity(columns)}"
    return f"{identity(columns)} ⊗ {ones(n)}" if np.array_equal(J, np.kron(eye, np.ones((n, 1)))) else ""


def factor_symbol(B: np.ndarray, letter: str = "B") -> str:
    """How a factor of a Kronecker product is written: I, 1ᵀ, or a letter."""
    rows, columns = B.shape
    if seen.is_identity(B):
        return identity(rows)
    if min(B.shape) == 1 and seen.is_constant(B):
        c = "" if same_one(B) else f"{number(B.flat[0])} "
        vector = ones(columns) + "ᵀ" if rows == 1 else ones(rows)
        return f"({c}{vector})" if c else vector
    if rows == 1:
        return f"{letter.lower()}ᵀ"
    return letter.lower() if columns == 1 else letter


def identity(n: int) -> str:
    return f"I{subscript(n)}"


def ones(n: int) -> str:
    return f"1{subscript(n)}"


def subscript(n: int) -> str:
    return str(n).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def number(value: float) -> str:
    return f"{value:.4g}"
